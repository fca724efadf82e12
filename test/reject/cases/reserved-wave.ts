import { block, ceilDiv, f32, input, kernel, output, thread, wave } from "tokitai/dsl";

export const reservedWave = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = wave.sum(x[i]) + wave.max(x[i]) + wave.shuffleXor(x[i], 1);
    if (wave.ballot(i < N) > 0) y[i] = wave.max;
  },
);
