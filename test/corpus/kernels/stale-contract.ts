import { block, ceilDiv, f32, forall, i32, inout, input, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Renumbers experts after some have been removed, then looks up the bias of each token's expert.
 *
 * Broken: the ids were required to be in range before the kernel ran, but it is the new ids that are looked up. A removed
 * expert is renumbered to −1, and −1 is read as an index.
 */
export const stale_contract_correct = kernel(
  { ids: inout(i32, ["T"]), renumbered: input(i32, ["E"]), bias: input(f32, ["F"]), y: output(f32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, renumbered, bias, y }, { T, E, F }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    requires(forall([E], (e) => -1 <= renumbered[e] && renumbered[e] < F));
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    const old = ids[t];
    const e = 0 <= old && old < E ? renumbered[old] : -1;
    ids[t] = e;
    y[t] = e >= 0 ? bias[e] : f32(0);
  },
);

export const stale_contract_broken = kernel(
  { ids: inout(i32, ["T"]), renumbered: input(i32, ["E"]), bias: input(f32, ["E"]), y: output(f32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, renumbered, bias, y }, { T, E }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    const old = ids[t];
    ids[t] = 0 <= old && old < E ? renumbered[old] : -1;
    y[t] = bias[ids[t]];
  },
);
