import { block, f32, kernel, output } from "tokitai/dsl";

const kernelNotExported = kernel(
  { y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ y }) => {
    y[block.x] = f32(0);
  },
);
