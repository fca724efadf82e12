import { block, ceilDiv, f32, i32, input, kernel, output, scalar, thread } from "tokitai/dsl";

export const parameterNameOfDimension = kernel(
  { x: input(f32, ["N"]), N: scalar(i32), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
