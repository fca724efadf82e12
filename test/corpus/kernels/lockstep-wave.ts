import { barrier, block, div, f32, input, kernel, output, shared, thread, wave } from "tokitai/dsl";

const THREADS = 32;

/**
 * The last rounds of a tree within one wave, where threads were once known to run in lockstep.
 *
 * Broken: without any barrier. Since threads of a wave are scheduled independently, and the compiler may keep the partial
 * sums in registers, lockstep orders no memory; a wave barrier does, and costs almost nothing.
 */
export const lockstep_correct = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const partial = shared(f32, [THREADS]);
    partial[thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      const other = thread.x < s ? partial[thread.x + s] : f32(0);
      wave.barrier();
      partial[thread.x] += other;
      wave.barrier();
    }
    if (thread.x === 0) y[block.x] = partial[0];
  },
);

export const lockstep_broken = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const partial = shared(f32, [THREADS]);
    partial[thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      partial[thread.x] += thread.x < s ? partial[thread.x + s] : f32(0);
    }
    if (thread.x === 0) y[block.x] = partial[0];
  },
);
