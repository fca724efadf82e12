import { barrier, block, f32, i32, input, kernel, max, output, shared, thread } from "tokitai/dsl";

const SIZE = 32;

/**
 * The longest common subsequence of two short sequences by dynamic programming, one anti-diagonal after the other.
 *
 * Broken: no barrier between the diagonals. An element needs its upper and its left neighbour from the diagonal before;
 * within one wave that usually holds, and the length comes out one too small now and then.
 */
export const wavefront_correct = kernel(
  { a: input(i32, ["B", 32]), b: input(i32, ["B", 32]), lengths: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [SIZE] },
  ({ a, b, lengths }) => {
    const best = shared(f32, [SIZE + 1, SIZE + 1]);
    for (let k = 0; k <= SIZE; k++) best[thread.x][k] = f32(0);
    for (let k = thread.x; k <= SIZE; k += SIZE) best[SIZE][k] = f32(0);
    barrier();
    const i = thread.x;
    for (let d = 0; d < 2 * SIZE - 1; d++) {
      const j = d - i;
      if (0 <= j && j < SIZE) {
        const same = a[block.x][i] === b[block.x][j];
        best[i + 1][j + 1] = same ? best[i][j] + 1.0 : max(best[i][j + 1], best[i + 1][j]);
      }
      barrier();
    }
    if (i === 0) lengths[block.x] = best[SIZE][SIZE];
  },
);

export const wavefront_broken = kernel(
  { a: input(i32, ["B", 32]), b: input(i32, ["B", 32]), lengths: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [SIZE] },
  ({ a, b, lengths }) => {
    const best = shared(f32, [SIZE + 1, SIZE + 1]);
    for (let k = 0; k <= SIZE; k++) best[thread.x][k] = f32(0);
    for (let k = thread.x; k <= SIZE; k += SIZE) best[SIZE][k] = f32(0);
    barrier();
    const i = thread.x;
    for (let d = 0; d < 2 * SIZE - 1; d++) {
      const j = d - i;
      if (0 <= j && j < SIZE) {
        const same = a[block.x][i] === b[block.x][j];
        best[i + 1][j + 1] = same ? best[i][j] + 1.0 : max(best[i][j + 1], best[i + 1][j]);
      }
    }
    barrier();
    if (i === 0) lengths[block.x] = best[SIZE][SIZE];
  },
);
