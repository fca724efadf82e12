import { block, ceilDiv, f32, input, kernel, output, scalar, thread, u32 } from "tokitai/dsl";

export const scalarOfU32 = kernel(
  { x: input(f32, ["N"]), n: scalar(u32), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, n, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i] * f32(n);
  },
);
