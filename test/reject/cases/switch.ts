import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

export const switches = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    switch (thread.x) {
      case 0:
        y[i] = x[i];
    }
  },
);
