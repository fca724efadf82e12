import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const twice = (v: number) => v + v;
const times16 = (v: number) => twice(twice(twice(twice(v))));
const times64K = (v: number) => times16(times16(times16(times16(v))));
const once = (v: number) => v * 1.0;
const once8 = (v: number) => once(once(once(once(once(once(once(once(v))))))));
const first = (v: number, _w: number) => v;
const few = (v: number) => first(v, once8(once8(once8(once8(once8(once8(once8(once8(v)))))))));
const many = (v: number) => first(v, few(few(few(few(few(few(few(few(v)))))))));
const most = (v: number) => first(v, many(many(many(many(many(many(many(many(v)))))))));

export const functionGrowth = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }, { N }) => {
    const i = block.x * 64 + thread.x;
    if (i < N) y[i] = times64K(x[i]);
    if (i < N) y[i] = most(x[i]);
  },
);
