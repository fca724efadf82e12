import { block, ceilDiv, f32, i64, input, kernel, output, shared, thread } from "tokitai/dsl";

export const sharedOfI64 = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    const s = shared(i64, [64]);
    s[thread.x] = i;
    if (i < N) y[i] = x[i];
  },
);
