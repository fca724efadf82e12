import { block, div, f32, input, kernel, loadVector, mod, output, registers, storeVector, thread } from "tokitai/dsl";

const THREADS = 32;

/**
 * Copies rows of 128 floats: pairs of threads share eight of them, four each.
 *
 * Broken: the place within the pair is forgotten, so that both threads move the first four. The upper half of every
 * eight is never written, and the lower one twice.
 */
export const vector_overlap_correct = kernel(
  { x: input(f32, ["N", 128]), y: output(f32, ["N", 128]) },
  { grid: ({ N }) => [N], block: [THREADS] },
  ({ x, y }) => {
    const four = registers(f32, [4]);
    const k = div(thread.x, 2) * 8 + mod(thread.x, 2) * 4;
    loadVector(four, x[block.x][k]);
    storeVector(y[block.x][k], four);
  },
);

export const vector_overlap_broken = kernel(
  { x: input(f32, ["N", 128]), y: output(f32, ["N", 128]) },
  { grid: ({ N }) => [N], block: [THREADS] },
  ({ x, y }) => {
    const four = registers(f32, [4]);
    const k = div(thread.x, 2) * 8;
    loadVector(four, x[block.x][k]);
    storeVector(y[block.x][k], four);
  },
);
