import { ceilDiv, f32, input, kernel, loadVector, output, registers, storeVector } from "tokitai/dsl";

export const vectorSizes = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y }) => {
    const three = registers(f32, [3]);
    const many = registers(f32, [32]);
    const one = registers(f32, [1]);
    const tile = registers(f32, [2, 2]);
    loadVector(three, x[0]);
    loadVector(many, x[0]);
    storeVector(y[0], one);
    storeVector(y[0], tile);
  },
);
