import { ceilDiv, f32, i32, inout, input, kernel, loadVector, output, registers, storeVector, u32 } from "tokitai/dsl";

export const vectorTypes = kernel(
  { y: output(f32, ["N"]), ids: input(i32, ["T"]), wide: inout(u32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ y, ids, wide }) => {
    const v = registers(f32, [4]);
    const w = registers(i32, [4]);
    loadVector(v, ids[0]);
    storeVector(y[0], w);
    loadVector(w, wide[0]);
  },
);
