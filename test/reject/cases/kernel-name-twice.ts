import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const kernelNameTwice_TILE64 = kernel(
  { y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ y }) => {
    y[block.x] = f32(0);
  },
);

export const kernelNameTwice = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { params: { TILE: [64] }, grid: ({ N }, { TILE }) => [ceilDiv(N, TILE)], block: ({ TILE }) => [TILE] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
