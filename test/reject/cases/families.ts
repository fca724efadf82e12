import { bf16, block, f16, f32, type HalfElement, input, kernel, output, thread } from "tokitai/dsl";

const SCALE = 0.5;

const sumOf = (T: HalfElement, TILE: number) =>
  kernel(
    { x: input(T, ["N"]), y: output(T, ["N"]) },
    { grid: ({ N }) => [N], block: [TILE] },
    ({ x, y }, { N }) => {
      const i = block.x * TILE + thread.x;
      if (i < N) y[i] = x[i] + x[i];
      if (i < N) y[i] = T(T);
    },
  );

export const sum_f16 = sumOf(f16, 64);
export const sum_bf16 = sumOf(bf16, 64);

const copyOf = (TILE: number) =>
  kernel(
    { x: input(f32, ["N"]), y: output(f32, ["N"]) },
    { grid: ({ N }) => [N], block: [TILE] },
    ({ x, y }) => {
      y[block.x] = x[block.x];
      copyOf(TILE);
      y[block.x] = copyOf;
    },
  );

export const copy_half = copyOf(SCALE);
export const copy_name = copyOf(f16);
export const copy_nothing = copyOf();
const copy_hidden = copyOf(32);

const unused = (TILE: number) =>
  kernel({ y: output(f32, ["N"]) }, { grid: ({ N }) => [N], block: [TILE] }, ({ y }) => {
    y[block.x] = 1.0;
  });

const defaulted = (TILE = 64) =>
  kernel({ y: output(f32, ["N"]) }, { grid: ({ N }) => [N], block: [TILE] }, ({ y }) => {
    y[block.x] = 1.0;
  });
export const of_default = defaulted(32);

const blocked = (TILE: number) => {
  return kernel({ y: output(f32, ["N"]) }, { grid: ({ N }) => [N], block: [TILE] }, ({ y }) => {
    y[block.x] = 1.0;
  });
};
