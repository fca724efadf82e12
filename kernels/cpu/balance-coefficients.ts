import {
  block,
  ceilDiv,
  covers,
  div,
  f32,
  i32,
  input,
  kernel,
  mod,
  output,
  registers,
  requires,
  scalar,
  simd,
} from "tokitai/dsl";

/**
 * coefficients[e] = alpha·E·(rows with w[b,e] ≠ 0)/(k·B): what the load-balancing loss multiplies the probabilities by (Fedus, Zoph
 * and Shazeer, 2022, equation 4)
 *
 * A block has as many experts as a vector has lanes, and walks down the rows.
 */
export const balance_coefficients = kernel(
  {
    w: input(f32, ["B", "E"]),
    k: scalar(i32),
    alpha: scalar(f32),
    coefficients: output(f32, [1, "E"]),
  },
  { computes: "balance_coefficients", simd: ["avx512", "avx2"], grid: ({ E }) => [ceilDiv(E, simd.lanes)], block: [1] },
  ({ w, k, alpha, coefficients }, { B, E }) => {
    requires(1 <= k && k <= E);
    covers(coefficients, (_, e) => ({ block: [div(e, simd.lanes)], v: mod(e, simd.lanes), e }));
    const counts = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const e0 = block.x * simd.lanes;
    if (e0 + simd.lanes <= E) {
      for (let v = 0; v < simd.lanes; v++) counts[v] = 0.0;
      for (let b = 0; b < B; b++) {
        for (let v = 0; v < simd.lanes; v++) row[v] = w[b][e0 + v];
        for (let v = 0; v < simd.lanes; v++) counts[v] = counts[v] + (row[v] !== f32(0) ? f32(1) : f32(0));
      }
      for (let v = 0; v < simd.lanes; v++) {
        // Without rows there are no shares.
        coefficients[0][e0 + v] = alpha * f32(E) * (B > 0 ? counts[v] / (f32(k) * f32(B)) : f32(0));
      }
    } else {
      for (let e = e0; e < E; e++) {
        let count = f32(0);
        for (let b = 0; b < B; b++) count += w[b][e] !== f32(0) ? f32(1) : f32(0);
        coefficients[0][e] = alpha * f32(E) * (B > 0 ? count / (f32(k) * f32(B)) : f32(0));
      }
    }
  },
);
