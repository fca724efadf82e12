import { block, ceilDiv, covers, ensures, f32, forall, input, kernel, output, requires, thread } from "tokitai/dsl";

export const reservedContracts = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    ensures(N > 0);
    covers(i);
    requires(forall((j) => j < N));
    if (i < N) y[i] = x[i];
  },
);
