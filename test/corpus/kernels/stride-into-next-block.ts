import { block, ceilDiv, f32, inout, input, kernel, thread } from "tokitai/dsl";

const THREADS = 64;
const CHUNK = 256;

/**
 * Each block owns a chunk of 256 elements, and its 64 threads walk through it.
 *
 * Broken: the loop's bound is inclusive. The first thread of each block also writes the first element of the next
 * block's chunk; the values agree as long as the kernel is a plain copy, and no longer once it accumulates.
 */
export const chunk_stride_correct = kernel(
  { x: input(f32, ["N"]), y: inout(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, CHUNK)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const start = block.x * CHUNK;
    for (let i = start + thread.x; i < start + CHUNK; i += THREADS) {
      if (i < N) y[i] += x[i];
    }
  },
);

export const chunk_stride_broken = kernel(
  { x: input(f32, ["N"]), y: inout(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, CHUNK)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const start = block.x * CHUNK;
    for (let i = start + thread.x; i <= start + CHUNK; i += THREADS) {
      if (i < N) y[i] += x[i];
    }
  },
);
