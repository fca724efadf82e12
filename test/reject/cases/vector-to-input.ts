import { ceilDiv, f32, i32, inout, input, kernel, loadVector, registers, storeVector } from "tokitai/dsl";

export const vectorToInput = kernel(
  { x: input(f32, ["N"]), counts: inout(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, 64)], block: [64] },
  ({ x, counts }) => {
    const v = registers(f32, [4]);
    loadVector(v, x[0]);
    storeVector(x[4], v);
  },
);
