import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const parameterNameReserved = kernel(
  { tok_x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ tok_x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = tok_x[i];
  },
);
