import { block, ceilDiv, f32, input, kernel, output, registers, storeVector, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Moves three of every four channels, the fourth being padding.
 *
 * Broken: a whole vector is stored of which only three registers were set. The padding gets what the register held
 * before, and a checksum over the buffer differs from run to run.
 */
export const three_channels_correct = kernel(
  { x: input(f32, ["N", 3]), y: output(f32, ["N", 4]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const four = registers(f32, [4]);
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    for (let c = 0; c < 3; c++) four[c] = x[n][c];
    four[3] = f32(0);
    storeVector(y[n][0], four);
  },
);

export const three_channels_broken = kernel(
  { x: input(f32, ["N", 3]), y: output(f32, ["N", 4]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const four = registers(f32, [4]);
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    for (let c = 0; c < 3; c++) four[c] = x[n][c];
    storeVector(y[n][0], four);
  },
);
