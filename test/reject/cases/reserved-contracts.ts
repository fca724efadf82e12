import { block, ceilDiv, covers, ensures, f32, forall, input, kernel, output, requires } from "tokitai/dsl";

export const reservedContracts = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    requires(forall((j) => j < N));
    ensures(N > 0);
    covers(block.x);
    if (block.x < N) y[block.x] = x[block.x];
  },
);
