import { ceilDiv, i32, inout, input, kernel, loadVector, registers } from "tokitai/dsl";

export const vectorElementMissing = kernel(
  { ids: input(i32, ["T"]), grid: input(i32, ["T", "E"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, grid, counts }) => {
    const v = registers(i32, [4]);
    const n = ids[0];
    loadVector(v, grid[0]);
    loadVector(v, ids);
    loadVector(v, n);
    loadVector(v, ids[0], 4);
    loadVector(v, ids[1.5]);
  },
);
