import { ceilDiv, f32, i32, inout, kernel, loadVector, registers } from "tokitai/dsl";

export const vectorBetweenRegisters = kernel(
  { counts: inout(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, 64)], block: [64] },
  ({ counts }) => {
    const v = registers(f32, [4]);
    const w = registers(f32, [4]);
    loadVector(v, w[0]);
  },
);
