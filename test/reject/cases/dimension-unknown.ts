import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const dimensionUnknown = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { M }) => {
    const i = block.x * 64 + thread.x;
    if (i < M) y[i] = x[i];
  },
);
