import {
  block,
  ceilDiv,
  f16,
  f32,
  fragment,
  i32,
  input,
  kernel,
  loadFragment,
  loadVector,
  matrix,
  mma,
  output,
  registers,
  shared,
  thread,
} from "tokitai/dsl";

export const withoutUnit = kernel(
  { x: input(f16, ["N", 16]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ x, y }, { N }) => {
    const a = fragment("a", f16);
    const i = block.x * 32 + thread.x;
    loadFragment(a, x[i][0]);
    if (i < N) y[i] = f32(matrix.lane) + f32(matrix.row(0));
  },
);

export const units = kernel(
  { y: output(f32, ["N"]) },
  { matrix: ["gfx10" as "gfx11"], grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ y }, { N }) => {
    const i = block.x * 32 + thread.x;
    if (i < N) y[i] = 0.0;
  },
);

export const waves = kernel(
  { y: output(f32, ["N"]) },
  { matrix: ["cdna"], grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ y }, { N }) => {
    const i = block.x * 32 + thread.x;
    if (i < N) y[i] = 0.0;
  },
);

export const fragments = kernel(
  { x: input(f16, ["N", 16]), ids: input(i32, ["N", 16]), y: output(f32, ["N"]) },
  { matrix: ["gfx11"], grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ x, ids, y }, { N }) => {
    const tile = shared(f16, [16, 16]);
    const row = shared(f16, [16]);
    const other = registers(f16, [16]);
    const f = fragment("a", f32);
    const a = fragment("a", f16);
    const b = fragment("b", f16, [2]);
    const sums = fragment("accumulator", f32);
    const i = block.x * 32 + thread.x;
    loadFragment(a, row[0]);
    loadFragment(a, ids[0][0]);
    loadFragment(b, tile[0][0]);
    loadFragment(sums as never, tile[0][0]);
    loadFragment(other as never, tile[0][0]);
    loadFragment(b[thread.x], tile[0][0]);
    loadVector(a as never, x[i][0]);
    mma(sums, b[0] as never, b[1]);
    mma(sums, a);
    const part = (a as unknown as number[])[0];
    if (i < N) y[i] = f32(matrix.size) + matrix.place(0) + sums[mma(sums, a, b[0])];
  },
);
