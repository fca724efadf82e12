import { ceilDiv, div, f32, kernel, output, registers } from "tokitai/dsl";

export const unrolledTooFar = kernel(
  { y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ y }) => {
    const v = registers(f32, [128, 8]);
    for (let s = 16; s > 0; s = div(s, 2)) {
      for (let i = 0; i < 128; i++) for (let j = 0; j < 8; j++) v[i][j] = f32(s);
    }
    for (let r = 0; r < 8; r++) for (let i = 0; i < 10000; i += 2) v[0][i] = f32(r);
    y[0] = v[0][0];
  },
);
