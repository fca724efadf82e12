import { block, ceilDiv, f32, input, kernel, output, requires, thread } from "tokitai/dsl";

export const requiresOfThread = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    requires(thread.x < N && x[0] > f32(0));
    requires(thread.x < N);
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
