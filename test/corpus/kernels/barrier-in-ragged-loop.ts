import { barrier, block, f32, forall, i32, input, kernel, output, requires, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The sum of each segment through a shared tile, in as many rounds as the segment needs.
 *
 * Broken: each thread runs from its own first element, so that the threads at the end of a segment run one round less
 * than those at its start, and miss the last round's barriers.
 */
export const ragged_loop_correct = kernel(
  { values: input(f32, ["N"]), offsets: input(i32, ["S+1"]), y: output(f32, ["S"]) },
  { grid: ({ S }) => [S], block: [THREADS] },
  ({ values, offsets, y }, { N, S }) => {
    requires(forall([S + 1], (s) => 0 <= offsets[s] && offsets[s] <= N));
    const tile = shared(f32, [THREADS]);
    const end = offsets[block.x + 1];
    let sum = f32(0);
    for (let i = offsets[block.x]; i < end; i += THREADS) {
      tile[thread.x] = i + thread.x < end ? values[i + thread.x] : f32(0);
      barrier();
      for (let k = 0; k < THREADS; k++) sum += tile[k];
      barrier();
    }
    if (thread.x === 0) y[block.x] = sum;
  },
);

export const ragged_loop_broken = kernel(
  { values: input(f32, ["N"]), offsets: input(i32, ["S+1"]), y: output(f32, ["S"]) },
  { grid: ({ S }) => [S], block: [THREADS] },
  ({ values, offsets, y }, { N, S }) => {
    requires(forall([S + 1], (s) => 0 <= offsets[s] && offsets[s] <= N));
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = f32(0);
    const end = offsets[block.x + 1];
    let sum = f32(0);
    for (let i = offsets[block.x] + thread.x; i < end; i += THREADS) {
      tile[thread.x] = values[i];
      barrier();
      for (let k = 0; k < THREADS; k++) sum += tile[k];
      barrier();
    }
    if (thread.x === 0) y[block.x] = sum;
  },
);
