import { block, div, f32, i64, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Gathers rows of a flat table by 64-bit ids.
 *
 * Broken: an id is multiplied by the row's length before it is compared with anything. A hashed id near 2⁶³ wraps around
 * to a small product, which the guard then lets through.
 */
export const wide_id_correct = kernel(
  { ids: input(i64, ["T"]), table: input(f32, ["M"]), y: output(f32, ["T", 64]) },
  { grid: ({ T }) => [T], block: [THREADS] },
  ({ ids, table, y }, { M }) => {
    const id = ids[block.x];
    const inside = 0 <= id && id < div(M, 64);
    y[block.x][thread.x] = inside ? table[id * 64 + thread.x] : f32(0);
  },
);

export const wide_id_broken = kernel(
  { ids: input(i64, ["T"]), table: input(f32, ["M"]), y: output(f32, ["T", 64]) },
  { grid: ({ T }) => [T], block: [THREADS] },
  ({ ids, table, y }, { M }) => {
    const at = ids[block.x] * 64 + thread.x;
    y[block.x][thread.x] = 0 <= at && at < M ? table[at] : f32(0);
  },
);
