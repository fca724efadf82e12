import { block, ceilDiv, i64, input, kernel, output, thread, u32 } from "tokitai/dsl";

const THREADS = 64;

/**
 * Turns counts into the index of each group's last element.
 *
 * Broken: the tensor is unsigned, and an empty group has no last element: 0 − 1 is stored as 4,294,967,295. A signed
 * tensor holds −1, which the reader can ask for.
 */
export const last_of_group_correct = kernel(
  { counts: input(u32, ["G"]), last: output(i64, ["G"]) },
  { grid: ({ G }) => [ceilDiv(G, THREADS)], block: [THREADS] },
  ({ counts, last }, { G }) => {
    const g = block.x * THREADS + thread.x;
    if (g < G) last[g] = counts[g] - 1;
  },
);

export const last_of_group_broken = kernel(
  { counts: input(u32, ["G"]), last: output(u32, ["G"]) },
  { grid: ({ G }) => [ceilDiv(G, THREADS)], block: [THREADS] },
  ({ counts, last }, { G }) => {
    const g = block.x * THREADS + thread.x;
    if (g < G) last[g] = counts[g] - 1;
  },
);
