import { block, f32, input, kernel, output } from "tokitai/dsl";

export const shapeNotLinear = kernel(
  { x: input(f32, ["N/2"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ x, y }) => {
    y[block.x] = x[block.x];
  },
);
