import { block, ceilDiv, f32, input, kernel, output, registers, thread } from "tokitai/dsl";

export const registersSize = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    const r = registers(f32, [0]);
    r[0] = x[i];
    if (i < N) y[i] = r[0];
  },
);
