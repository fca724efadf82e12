import { block, ceilDiv, f32, inout, kernel, thread } from "tokitai/dsl";

export const nestedTooDeep = kernel(
  { y: inout(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!(i < N)) y[i] = f32(1);
  },
);
