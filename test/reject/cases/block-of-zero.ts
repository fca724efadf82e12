import { block, f32, input, kernel, output, thread } from "tokitai/dsl";

const TILE = 16;

export const blockOfZero = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [TILE - 16] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
