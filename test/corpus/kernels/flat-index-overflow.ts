import { block, div, f32, input, kernel, output, requires, thread } from "tokitai/dsl";

const HIDDEN = 40_960;
const THREADS = 64;

/**
 * Takes the first 64 of every token's 40,960 hidden values out of a flat buffer, with 32-bit indices for speed.
 *
 * Broken: `t * HIDDEN` passes 2³¹ at token 52,429, so that 65,535 tokens wrap into the negative. The guard that should
 * keep the read inside is computed with the same overflowing index, and lets it through.
 */
export const flat_index_correct = kernel(
  { x: input(f32, ["M"]), y: output(f32, ["T", 64]) },
  { grid: ({ T }) => [T], block: [THREADS], index: "i32" },
  ({ x, y }, { T, M }) => {
    requires(T <= div(M, HIDDEN));
    const t = block.x;
    y[t][thread.x] = x[t * HIDDEN + thread.x];
  },
);

export const flat_index_broken = kernel(
  { x: input(f32, ["M"]), y: output(f32, ["T", 64]) },
  { grid: ({ T }) => [T], block: [THREADS], index: "i32" },
  ({ x, y }, { M }) => {
    const t = block.x;
    const at = t * HIDDEN + thread.x;
    y[t][thread.x] = at < M ? x[at] : f32(0);
  },
);
