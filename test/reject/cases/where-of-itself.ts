import { block, f32, input, kernel, output } from "tokitai/dsl";

export const whereOfItself = kernel(
  { x: input(f32, ["T"]), y: output(f32, ["T"]) },
  { grid: ({ T }) => [T], block: [1], where: { T: ({ T }) => T * 2 } },
  ({ x, y }) => {
    const t = block.x;
    y[t] = x[t];
  },
);
