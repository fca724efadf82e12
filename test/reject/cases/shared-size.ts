import { block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

export const sharedSize = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    const s = shared(f32, [N]);
    s[thread.x] = x[i];
    if (i < N) y[i] = s[thread.x];
  },
);
