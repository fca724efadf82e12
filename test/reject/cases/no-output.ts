import { block, ceilDiv, f32, input, kernel, thread } from "tokitai/dsl";

export const noOutput = kernel(
  { x: input(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x }) => {
    const i = block.x * 64 + thread.x;
    const v = x[i] * f32(2);
  },
);
