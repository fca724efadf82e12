import { block, ceilDiv, f32, inout, kernel, loadVector, registers, scalar, storeVector, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Scales rows whose padded length is a multiple of four; only the first N elements are there.
 *
 * Broken: the guard asks whether a vector's first element is there, not its last. The last vector of a row whose N is no
 * multiple of four reaches into the next row.
 */
export const vector_tail_correct = kernel(
  { x: inout(f32, ["N"]), by: scalar(f32) },
  { grid: ({ N }) => [ceilDiv(N, 4 * THREADS)], block: [THREADS] },
  ({ x, by }, { N }) => {
    const four = registers(f32, [4]);
    const n = (block.x * THREADS + thread.x) * 4;
    if (n + 4 <= N) {
      loadVector(four, x[n]);
      for (let l = 0; l < 4; l++) four[l] *= by;
      storeVector(x[n], four);
    } else {
      for (let l = 0; l < 4; l++) {
        if (n + l < N) x[n + l] *= by;
      }
    }
  },
);

export const vector_tail_broken = kernel(
  { x: inout(f32, ["N"]), by: scalar(f32) },
  { grid: ({ N }) => [ceilDiv(N, 4 * THREADS)], block: [THREADS] },
  ({ x, by }, { N }) => {
    const four = registers(f32, [4]);
    const n = (block.x * THREADS + thread.x) * 4;
    if (n >= N) return;
    loadVector(four, x[n]);
    for (let l = 0; l < 4; l++) four[l] *= by;
    storeVector(x[n], four);
  },
);
