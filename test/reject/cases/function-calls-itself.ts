import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const power = (v: number, n: number): number => (n === 0 ? 1.0 : v * power(v, n - 1));

export const functionCallsItself = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = power(x[i], 3);
  },
);
