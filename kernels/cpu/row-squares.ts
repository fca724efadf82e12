import { block, f32, fma, input, kernel, mod, output, registers, simd } from "tokitai/dsl";

/** y[r] = Σ_c x[r,c]²: a block has a row, whose lanes are added up last */
export const row_squares = kernel(
  { x: input(f32, ["R", "C"]), y: output(f32, ["R"]) },
  { computes: "row_squares", simd: ["avx512", "avx2"], grid: ({ R }) => [R], block: [1] },
  ({ x, y }, { C }) => {
    const sums = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const whole = C - mod(C, simd.lanes);
    const r = block.x;
    for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
    for (let c0 = 0; c0 < whole; c0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = x[r][c0 + v];
        sums[v] = fma(row[v], row[v], sums[v]);
      }
    }
    let sum = f32(0);
    for (let v = 0; v < simd.lanes; v++) sum += sums[v];
    for (let c = whole; c < C; c++) sum += x[r][c] * x[r][c];
    y[r] = sum;
  },
);
