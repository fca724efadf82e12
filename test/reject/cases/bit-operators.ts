import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const bitOperators = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    const a = i << 2;
    const b = i & 3;
    const c = ~i ^ 1;
    if (a + b + c < N) y[a + b + c] = x[i];
  },
);
