import { atomicAdd, block, ceilDiv, f32, i32, inout, input, kernel, thread } from "tokitai/dsl";

export const reservedAtomic = kernel(
  { x: input(f32, ["N"]), count: inout(i32, ["C"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, count }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) atomicAdd(count, 0, 1);
  },
);
