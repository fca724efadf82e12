import { block, ceilDiv, f32, input, kernel, output, simd } from "tokitai/dsl";

export const without_unit = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ x, y }) => {
    y[block.x] = x[block.x] + f32(simd.lanes);
  },
);

export const no_such_unit = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { simd: ["avx512", "sse" as "avx2"], grid: ({ N }) => [N], block: [1] },
  ({ x, y }) => {
    y[block.x] = x[block.x];
  },
);

export const twice = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { simd: ["avx2", "avx2"], grid: ({ N }) => [N], block: [1] },
  ({ x, y }) => {
    y[block.x] = x[block.x];
  },
);

export const both = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { simd: ["avx2"], matrix: ["gfx11"], grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ x, y }) => {
    y[block.x] = x[block.x];
  },
);

export const width = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { simd: ["avx2"], grid: ({ N }) => [N], block: [1] },
  ({ x, y }) => {
    y[block.x] = x[block.x] + f32((simd as unknown as { width: number }).width);
  },
);
