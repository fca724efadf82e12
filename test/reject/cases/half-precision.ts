import { bf16, block, ceilDiv, f16, input, kernel, output, thread } from "tokitai/dsl";

export const halfPrecision = kernel(
  { x: input(f16, ["N"]), y: output(bf16, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = f16(x[i]);
  },
);
