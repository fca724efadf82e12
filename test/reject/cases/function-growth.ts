import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const twice = (v: number) => v + v;
const times16 = (v: number) => twice(twice(twice(twice(v))));
const times64K = (v: number) => times16(times16(times16(times16(v))));
const once = (v: number) => v * 1.0;
const once16 = (v: number) => once(once(once(once(v))));
const once64 = (v: number) => once16(once16(once16(once16(v))));
const once1K = (v: number) => once64(once64(once64(once64(once64(once64(once64(once64(v))))))));
const once8K = (v: number) => once1K(once1K(once1K(once1K(once1K(once1K(once1K(once1K(v))))))));

export const functionGrowth = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = times64K(x[i]);
    if (i < N) y[i] = once8K(x[i]);
  },
);
