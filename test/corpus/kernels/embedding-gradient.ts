import { block, ceilDiv, f32, i32, inout, input, kernel, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The gradient of an embedding table: the rows of all tokens with one id are added up.
 *
 * Broken: a block per token adds its row to the table. Tokens repeat, "the" on every page, and updates of one row by two
 * blocks overwrite each other. There are no atomics on floats here, whose order would change the result anyway.
 */
export const embedding_gradient_correct = kernel(
  { ids: input(i32, ["T"]), dy: input(f32, ["T", "N"]), dtable: inout(f32, ["V", "N"]) },
  { grid: ({ V, N }) => [V, ceilDiv(N, THREADS)], block: [THREADS] },
  ({ ids, dy, dtable }, { T, N }) => {
    const n = block.y * THREADS + thread.x;
    if (n >= N) return;
    let sum = f32(0);
    for (let t = 0; t < T; t++) {
      if (ids[t] === block.x) sum += dy[t][n];
    }
    dtable[block.x][n] += sum;
  },
);

export const embedding_gradient_broken = kernel(
  { ids: input(i32, ["T"]), dy: input(f32, ["T", "N"]), dtable: inout(f32, ["V", "N"]) },
  { grid: ({ T, N }) => [T, ceilDiv(N, THREADS)], block: [THREADS] },
  ({ ids, dy, dtable }, { N, V }) => {
    const t = block.x;
    const n = block.y * THREADS + thread.x;
    if (n >= N) return;
    const id = ids[t];
    if (0 <= id && id < V) dtable[id][n] += dy[t][n];
  },
);
