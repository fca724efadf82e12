import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const returnInLoop = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    for (let k = 0; k < 4; k++) {
      if (i * 4 + k >= N) return;
      y[i * 4 + k] = x[i * 4 + k];
    }
  },
);
