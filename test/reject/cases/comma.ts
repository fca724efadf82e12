import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const comma = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    let a = 0;
    (a = 1), (a = 2);
    const b = (i, N);
    if (a < b) y[a] = x[i];
  },
);
