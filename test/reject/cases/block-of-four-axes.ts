import { block, f32, input, kernel, output, thread } from "tokitai/dsl";

export const blockOfFourAxes = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [8, 8, 1, 1] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
