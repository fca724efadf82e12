import { ceilDiv, f32, i32, inout, input, kernel, loadVector, registers } from "tokitai/dsl";

export const vectorAsValue = kernel(
  { x: input(f32, ["N"]), counts: inout(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, 64)], block: [64] },
  ({ x, counts }) => {
    const v = registers(f32, [4]);
    const w = loadVector(v, x[0]);
  },
);
