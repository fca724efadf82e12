import { block, ceilDiv, div, exp, f32, input, kernel, max, output, thread } from "tokitai/dsl";

export const argumentType = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = exp(i) + max(x[i], 0) + f32(div(x[i], 2));
  },
);
