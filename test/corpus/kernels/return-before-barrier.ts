import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const ROWS = 8;
const COLUMNS = 32;

/**
 * Eight rows per block, each summed by 32 threads through shared memory.
 *
 * Broken: threads without a row return at once, as in every kernel without barriers. In the last block, unless B is a
 * multiple of 8, the others wait for them at the barrier.
 */
export const early_return_correct = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [ceilDiv(B, ROWS)], block: [COLUMNS, ROWS] },
  ({ x, y }, { B }) => {
    const tile = shared(f32, [ROWS, COLUMNS]);
    const b = block.x * ROWS + thread.y;
    tile[thread.y][thread.x] = b < B ? x[b][thread.x] : f32(0);
    barrier();
    if (b >= B || thread.x > 0) return;
    let sum = f32(0);
    for (let n = 0; n < COLUMNS; n++) sum += tile[thread.y][n];
    y[b] = sum;
  },
);

export const early_return_broken = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [ceilDiv(B, ROWS)], block: [COLUMNS, ROWS] },
  ({ x, y }, { B }) => {
    const tile = shared(f32, [ROWS, COLUMNS]);
    const b = block.x * ROWS + thread.y;
    if (b >= B) return;
    tile[thread.y][thread.x] = x[b][thread.x];
    barrier();
    if (thread.x > 0) return;
    let sum = f32(0);
    for (let n = 0; n < COLUMNS; n++) sum += tile[thread.y][n];
    y[b] = sum;
  },
);
