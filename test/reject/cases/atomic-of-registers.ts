import { atomicAdd, ceilDiv, i32, inout, kernel, registers } from "tokitai/dsl";

export const atomicOfRegisters = kernel(
  { counts: inout(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, 64)], block: [64] },
  ({ counts }) => {
    const v = registers(i32, [4]);
    v[0] = 0;
    atomicAdd(v[0], 1);
  },
);
