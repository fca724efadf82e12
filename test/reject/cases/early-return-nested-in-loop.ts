import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const earlyReturnNestedInLoop = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    for (let k = 0; k < 4; k++) {
      if (k < i) {
        if (i >= N) return;
      }
      y[i] = x[i];
    }
  },
);
