import { block, ceilDiv, ensures, forall, i32, kernel, min, mod, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The permutation that reverses groups of eight tokens, for a scan that runs from right to left.
 *
 * Broken: the last group is clamped to the number of tokens instead of being reversed within what is left of it. Several
 * of its tokens are sent to one place.
 */
export const reverse_groups_correct = kernel(
  { to: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ to }, { T }) => {
    requires(T <= 1_000_000);
    ensures(forall([T, T], (s, t) => s === t || to[s] !== to[t]));
    ensures(forall([T], (t) => 0 <= to[t] && to[t] < T));
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    const start = t - mod(t, 8);
    const last = min(start + 7, T - 1);
    to[t] = last - (t - start);
  },
);

export const reverse_groups_broken = kernel(
  { to: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ to }, { T }) => {
    requires(T <= 1_000_000);
    ensures(forall([T, T], (s, t) => s === t || to[s] !== to[t]));
    ensures(forall([T], (t) => 0 <= to[t] && to[t] < T));
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    const start = t - mod(t, 8);
    to[t] = min(start + 7 - (t - start), T - 1);
  },
);
