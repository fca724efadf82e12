import { f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Picks the row of the first token's expert.
 *
 * Broken: ids are required to be ≥ 0, and by a later hand to be below 0 where nothing is chosen. With at least one token
 * no tensor meets both; what is then "proved" of the read below holds of nothing, and −1 goes through at run time in
 * whichever kernel does not check.
 */
export const data_contradiction_correct = kernel(
  { ids: input(i32, ["T"]), x: input(f32, ["E", 64]), y: output(f32, [64]) },
  { grid: () => [1], block: [THREADS] },
  ({ ids, x, y }, { T, E }) => {
    requires(T >= 1);
    requires(forall([T], (t) => 0 <= ids[t]));
    requires(forall([T], (t) => ids[t] < E));
    y[thread.x] = x[ids[0]][thread.x];
  },
);

export const data_contradiction_broken = kernel(
  { ids: input(i32, ["T"]), x: input(f32, ["E", 64]), y: output(f32, [64]) },
  { grid: () => [1], block: [THREADS] },
  ({ ids, x, y }, { T }) => {
    requires(T >= 1);
    requires(forall([T], (t) => 0 <= ids[t]));
    requires(forall([T], (t) => ids[t] < 0));
    y[thread.x] = x[ids[0]][thread.x];
  },
);
