import { block, ceilDiv, f32, f32x2, f32x4, input, kernel, output, thread } from "tokitai/dsl";

export const reservedVectors = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    const w = f32x4(0, 0, 0, 0);
    const u = f32x2(0, 0);
    if (i < N) y[i] = x[i];
  },
);
