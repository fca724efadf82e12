import { block, f32, input, kernel, output } from "tokitai/dsl";

export const syntaxError = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ x, y }) => {
    y[block.x] = x[block.x;
  },
);
