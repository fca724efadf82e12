import { block, f32, input, kernel, output, thread } from "tokitai/dsl";

const blocks = ({ N }: { N: number }) => [N] as const;

export const gridNotInline = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: blocks, block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
