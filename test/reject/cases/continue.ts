import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const continues = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    for (let k = i; k < N; k += 64) {
      if (x[k] < f32(0)) continue;
      y[k] = x[k];
    }
  },
);
