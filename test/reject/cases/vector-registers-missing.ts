import { ceilDiv, f32, i32, input, kernel, loadVector, output, shared, storeVector } from "tokitai/dsl";

export const vectorRegistersMissing = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]), ids: input(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ x, y, ids }) => {
    const s = shared(f32, [4]);
    const n = ids[0];
    loadVector(s, x[0]);
    loadVector(x[0], y[0]);
    storeVector(y[0], n);
    loadVector(x, y[0]);
  },
);
