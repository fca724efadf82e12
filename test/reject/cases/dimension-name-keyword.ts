import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const dimensionNameKeyword = kernel(
  { x: input(f32, ["int"]), y: output(f32, ["int"]) },
  { grid: ({ int }) => [ceilDiv(int, 64)], block: [64] },
  ({ x, y }, { int }) => {
    const i = block.x * 64 + thread.x;
    y[i] = x[i];
  },
);
