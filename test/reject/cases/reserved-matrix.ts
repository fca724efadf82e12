import { block, ceilDiv, f32, fragment, input, kernel, mma, output, thread } from "tokitai/dsl";

export const reservedMatrix = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    const a = fragment(f32, [16, 16]);
    const c = mma(a, a, a);
    if (i < N) y[i] = x[i];
  },
);
