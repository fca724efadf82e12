import {
  block,
  ceilDiv,
  ensures,
  forall,
  i32,
  input,
  invariant,
  kernel,
  occurrences,
  output,
  requires,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * Gives each token its place among the tokens of its expert: the number of earlier tokens with the same id.
 *
 * Broken: each block counts from its own first token, since earlier ones are not in its tile. The places start again at 0
 * in every block, so that two tokens of an expert share one as soon as there are more than 64 tokens.
 */
export const positions_correct = kernel(
  { ids: input(i32, ["T"]), position: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, position }, { T }) => {
    requires(T <= 1_000_000);
    ensures(forall([T, T], (s, t) => s === t || ids[s] !== ids[t] || position[s] !== position[t]));
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    let earlier = 0;
    for (let s = 0; s < t; s++) {
      invariant(0 <= earlier && earlier <= s && earlier === occurrences(ids, s, ids[t]));
      if (ids[s] === ids[t]) earlier += 1;
    }
    position[t] = earlier;
  },
);

export const positions_broken = kernel(
  { ids: input(i32, ["T"]), position: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, position }, { T }) => {
    requires(T <= 1_000_000);
    ensures(forall([T, T], (s, t) => s === t || ids[s] !== ids[t] || position[s] !== position[t]));
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    const start = block.x * THREADS;
    let earlier = 0;
    for (let s = start; s < t; s++) {
      invariant(0 <= earlier && earlier <= s - start);
      invariant(earlier === occurrences(ids, s, ids[t]) - occurrences(ids, start, ids[t]));
      if (ids[s] === ids[t]) earlier += 1;
    }
    position[t] = earlier;
  },
);
