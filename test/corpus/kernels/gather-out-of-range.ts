import { block, ceilDiv, f32, forall, i64, input, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Looks up the embedding of each token.
 *
 * Broken: nothing says that token ids are below the size of the vocabulary. A tokenizer with added tokens and a table
 * without them reads past the table: usually no crash, but somebody else's weights.
 */
export const embedding_correct = kernel(
  { ids: input(i64, ["T"]), table: input(f32, ["V", "N"]), y: output(f32, ["T", "N"]) },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ ids, table, y }, { T, N, V }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < V));
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y][n] = table[ids[block.y]][n];
  },
);

export const embedding_broken = kernel(
  { ids: input(i64, ["T"]), table: input(f32, ["V", "N"]), y: output(f32, ["T", "N"]) },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ ids, table, y }, { T, N, V }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] <= V));
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y][n] = table[ids[block.y]][n];
  },
);
