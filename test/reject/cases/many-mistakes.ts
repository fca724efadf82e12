import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const manyMistakes = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    let a = 0;
    a = x[i];
    const b = N / 2;
    if (b) y[i] = x[i % 3];
    y[i] = unknown;
    while (true) {}
  },
);
