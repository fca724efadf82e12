import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const paramsRepeated = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { params: { TILE: [64, 64] }, grid: ({ N }, { TILE }) => [ceilDiv(N, TILE)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
