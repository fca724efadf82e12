/** Kernels that compute something else than they claim, and what the refutation has to say. */

import type { Source } from "./equivalence-sources.ts";

export interface Wrong extends Source {
  /** `witness.text`, without the sizes. */
  readonly says: string;
}

const DOT = "for (let k = 0; k < K; k++) acc += x[b][k] * w[n][k];";
const MEAN = "let sum = f32(0); for (let n = 0; n < N; n++) sum += x[b][n]; const mean = sum / f32(N);";
const SQUARES = "let s = f32(0); for (let n = 0; n < N; n++) s += (x[b][n] - mean) * (x[b][n] - mean);";
const NORMALISED = (deviation: string, scaled = "* gamma[n] + beta[n]"): string =>
  `${MEAN} ${SQUARES} for (let n = 0; n < N; n++) y[b][n] = (x[b][n] - mean) / (${deviation}) ${scaled};`;
const POWERS = `let top = x[b][0]; for (let n = 1; n < N; n++) top = max(top, x[b][n]);
  let sum = f32(0); for (let n = 0; n < N; n++) sum += exp(x[b][n] - top);`;
const RANK = (tie: string): string => `const own = p[b][e]; let rank = 0; for (let j = 0; j < E; j++) {
  const other = p[b][j]; if (other > own || (other === own && ${tie})) rank += 1; }`;
const TILED = (bias: string): Pick<Source, "launch" | "body"> => ({
  launch: "grid: ({ B, N }) => [ceilDiv(B, 8), ceilDiv(N, 8)], block: [8, 8]",
  body: `const b = block.x * 8 + thread.y; const n = block.y * 8 + thread.x;
    if (b < B && n < N) y[b][n] = x[b][n] + ${bias};`,
});

export const WRONG = {
  "w's indices swapped": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < K; k++) acc += x[b][k] * w[k][n]; y[b][n] = acc;",
    says: "B = 1, K = 1, N = 2; y[0][1] is ‹w out of bounds›, where matmul gives x[0][0]*w[1][0]",
  },
  "w's indices swapped, and square": {
    claim: "matmul",
    needs: "K === N",
    body: "let acc = f32(0); for (let k = 0; k < K; k++) acc += x[b][k] * w[k][n]; y[b][n] = acc;",
    says: "B = 1, K = 2, N = 2; y[0][0] is x[0][0]*w[0][0] + x[0][1]*w[1][0], where matmul gives x[0][0]*w[0][0] + x[0][1]*w[0][1]",
  },
  "the last k forgotten": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < K - 1; k++) acc += x[b][k] * w[n][k]; y[b][n] = acc;",
    says: "B = 1, K = 1, N = 1; y[0][0] is 0, where matmul gives x[0][0]*w[0][0]",
  },
  "an accumulator that starts at 1": {
    claim: "matmul",
    body: `let acc = f32(1); ${DOT} y[b][n] = acc;`,
    says: "B = 1, K = 0, N = 1; y[0][0] is 1, where matmul gives 0",
  },
  "the bias twice": {
    claim: "linear",
    body: `let acc = bias[n]; ${DOT} y[b][n] = acc + bias[n];`,
    says: "B = 1, K = 0, N = 1; y[0][0] is bias[0] + bias[0], where linear gives bias[0]",
  },
  "the variance of a sample": {
    claim: "layer_norm",
    body: NORMALISED("sqrt(s / (f32(N) - 1.0) + epsilon)"),
    says: "B = 1, N = 1; y[0][0] is ‹a division by 0›, where layer_norm gives beta[0]",
  },
  "epsilon dropped": {
    claim: "layer_norm",
    body: NORMALISED("sqrt(s / f32(N))"),
    says: "B = 1, N = 1; y[0][0] is ‹a division by 0›, where layer_norm gives beta[0]",
  },
  "epsilon outside the root": {
    claim: "layer_norm",
    body: NORMALISED("sqrt(s / f32(N)) + epsilon"),
    says: "B = 1, N = 2; y[0][0] is (x[0][0] - (x[0][0] + x[0][1])*1/2)/(sqrt(((x[0][0] - (x[0][0] + x[0][1])*1",
  },
  "gamma and beta swapped": {
    claim: "layer_norm",
    body: NORMALISED("sqrt(s / f32(N) + epsilon)", "* beta[n] + gamma[n]"),
    says: "B = 1, N = 1; y[0][0] is gamma[0], where layer_norm gives beta[0]",
  },
  "a softmax without division": {
    claim: "softmax",
    body: `${POWERS} for (let n = 0; n < N; n++) y[b][n] = exp(x[b][n] - top);`,
    says: "B = 1, N = 2; y[0][0] is exp(x[0][0] - max(x[0][0], x[0][1])), where softmax gives exp(x[0][0] - max",
  },
  "a softmax down the columns": {
    claim: "softmax",
    launch: "grid: ({ B, N }) => [B, N], block: [1]",
    body: `const b = block.x; const n = block.y; let sum = f32(0);
      for (let m = 0; m < B; m++) sum += exp(x[m][n] - x[b][n]); y[b][n] = 1.0 / sum;`,
    says: "B = 1, N = 2; y[0][0] is 1, where softmax gives exp(x[0][0] - max(x[0][0], x[0][1]))/(exp(x[0][0] - ",
  },
  "a softmax that overflows": {
    claim: "softmax",
    body: `let sum = f32(0); for (let n = 0; n < N; n++) sum += exp(x[b][n]);
      for (let n = 0; n < N; n++) y[b][n] = exp(x[b][n]) / sum;`,
    says: "B = 3, N = 3; y[0][0] is exp(x[0][0])/(exp(x[0][0]) + exp(x[0][1]) + exp(x[0][2])), where softmax gives ",
  },
  "ties to the right": {
    claim: "top_k_mask",
    body: `${RANK("j > e")} w[b][e] = rank < k ? own : f32(0);`,
    says: "B = 1, E = 2, k = 1; w[0][0] is ([1 - (1 - (1 - [p[0][1] - p[0][0] > 0])*(1 - [p[0][1] - p[0][0] = 0",
  },
  "one chosen too many": {
    claim: "top_k_mask",
    body: `${RANK("j < e")} w[b][e] = rank <= k ? own : f32(0);`,
    says: "B = 1, E = 2, k = 1; w[0][1] is (1 - [1 - (1 - [p[0][0] - p[0][1] > 0])*(1 - [p[0][0] - p[0][1] = 0]",
  },
  "renormalised over all entries": {
    claim: "top_k_mask_renormalised",
    launch: "grid: ({ B, E }) => [B, E], block: [1]",
    body: `const b = block.x; const e = block.y; let sum = f32(0); for (let j = 0; j < E; j++) sum += p[b][j];
      ${RANK("j < e")} w[b][e] = rank < k ? own / sum : f32(0);`,
    says: "B = 1, E = 2, k = 1; w[0][0] is ([1 - [p[0][1] - p[0][0] > 0] > 0] ? p[0][0]/(p[0][0] + p[0][1]) : 0",
  },
  "a weight of 0 times what may be infinite": {
    claim: "combine",
    body: "let sum = f32(0); for (let e = 0; e < E; e++) sum += weights[b][e] * parts[e][b][n]; y[b][n] = sum;",
    says: "B = 3, E = 3, N = 3; y[0][0] is weights[0][0]*parts[0][0][0] + weights[0][1]*parts[1][0][0] + weights[0][2]*p",
  },
  "a gelu with a wrong constant": {
    claim: "gelu",
    body: "y[b][n] = 0.5 * x[b][n] * (1.0 + erf(x[b][n] * 0.7701));",
    says: "B = 1, N = 1; y[0][0] is 1/2*x[0][0]*(1 + erf(x[0][0]*0.770099998)), where gelu gives 1/2*x[0][0]*(1",
  },
  "the other form of gelu": {
    claim: "gelu",
    body: `const v = x[b][n]; y[b][n] = 0.5 * v * (1.0 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));`,
    says: "B = 1, N = 2; y[0][1] is 1/2*x[0][1]*(1 + tanh(0.797884583*(x[0][1] + 0.0447149985*x[0][1]*x[0][1]*x",
  },
  "a gelu_tanh without its cube": {
    claim: "gelu_tanh",
    body: "const v = x[b][n]; y[b][n] = 0.5 * v * (1.0 + tanh(0.7978845608028654 * v));",
    says: "B = 1, N = 1; y[0][0] is 1/2*x[0][0]*(1 + tanh(0.797884583*x[0][0])), where gelu_tanh gives 1/2*x[0]",
  },
  "a wrong row after the first tile": {
    claim: "bias_add",
    ...TILED("(block.x > 0 ? 2.0 : 1.0) * bias[n]"),
    says: "B = 9, N = 1; y[8][0] is x[8][0] + 2*bias[0], where bias_add gives x[8][0] + bias[0]",
  },
  "a wrong last row of each tile": {
    claim: "bias_add",
    ...TILED("(thread.y === 7 ? 2.0 : 1.0) * bias[n]"),
    says: "B = 8, N = 1; y[7][0] is x[7][0] + 2*bias[0], where bias_add gives x[7][0] + bias[0]",
  },
  "a wrong last column of a ragged tile": {
    claim: "bias_add",
    ...TILED("bias[n === N - 1 && block.y === 1 ? n - 1 : n]"),
    says: "B = 1, N = 9; y[0][8] is x[0][8] + bias[7], where bias_add gives x[0][8] + bias[8]",
  },
  "an element that not all inputs write": {
    claim: "gelu",
    body: "if (x[b][n] > 0.0) { y[b][n] = 0.5 * x[b][n] * (1.0 + erf(x[b][n] * 0.7071067811865476)); }",
    says: "y[0][0] is ([x[0][0] > 0] ? 1/2*x[0][0]*(1 + erf(x[0][0]*0.707106769)) : ‹y before it is written›)",
  },
  "a k skipped": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < K; k++) { if (k !== 5) acc += x[b][k] * w[n][k]; } y[b][n] = acc;",
    says: "B = 1, K = 6, N = 1; ",
  },
  "a sum that ends before k = 6": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < K; k++) { if (k < 6) acc += x[b][k] * w[n][k]; } y[b][n] = acc;",
    says: "B = 1, K = 7, N = 1; ",
  },
  "a sum that ends after k = 6": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < K; k++) { if (k <= 6) acc += x[b][k] * w[n][k]; } y[b][n] = acc;",
    says: "B = 1, K = 8, N = 1; ",
  },
  "a sum that ends after k = 6, turned round": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < K; k++) { if (6 >= k) acc += x[b][k] * w[n][k]; } y[b][n] = acc;",
    says: "B = 1, K = 8, N = 1; ",
  },
  "the last k forgotten where there are many": {
    claim: "matmul",
    body: "const last = K - 1; let acc = f32(0); for (let k = 0; k < K; k++) { if (k < last || last < 6) acc += x[b][k] * w[n][k]; } y[b][n] = acc;",
    says: "B = 1, K = 7, N = 1; ",
  },
  "at most 4 products": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < min(K, 4); k++) acc += x[b][k] * w[n][k]; y[b][n] = acc;",
    says: "B = 1, K = 5, N = 1; ",
  },
  "4 products, of which some are not there": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < 4; k++) { if (k < K) acc += x[b][k] * w[n][k]; } y[b][n] = acc;",
    says: "B = 1, K = 5, N = 1; ",
  },
  "a rank among neighbours": {
    claim: "top_k_mask",
    body: `const own = p[b][e]; let rank = 0; for (let j = 0; j < E; j++) {
      if (j >= e - 1 && j <= e + 1 && (p[b][j] > own || (own === p[b][j] && j < e))) rank += 1; }
      w[b][e] = rank < k ? own : f32(0);`,
    says: "B = 1, E = 3, k = 1; ",
  },
  "a sum over a row's first 8 columns, one for each thread": {
    claim: "softmax",
    launch: "grid: ({ B, N }) => [B, N], block: [8]",
    body: `const part = shared(f32, [8]); const b = block.x; const n = block.y;
      part[thread.x] = thread.x < N ? exp(x[b][thread.x] - x[b][n]) : f32(0); barrier();
      let sum = f32(0); for (let t = 0; t < 8; t++) sum += part[t]; if (thread.x === 0) y[b][n] = 1.0 / sum;`,
    says: "B = 1, N = 9; ",
  },
  "at most 8 chosen": {
    claim: "top_k_mask",
    body: `const most = min(k, 8); ${RANK("j < e")} w[b][e] = rank < most ? own : f32(0);`,
    says: "B = 1, E = 9, k = 9; ",
  },
  "a wrong second tile of a derived dimension": {
    claim: "matmul",
    params: "x: input(f32, ['T', 'K']), w: NK, y: out(['T', 'N'])",
    launch: "where: { T: ({ K, N }) => K * N }, grid: ({ T, N }) => [ceilDiv(T, 8), N], block: [8]",
    body: `const t = block.x * 8 + thread.x; const n = block.y; if (t >= T) return; let acc = f32(0);
      for (let k = 0; k < K; k++) acc += x[t][k] * w[n][k]; y[t][n] = block.x > 0 ? 2.0 * acc : acc;`,
    says: "T = 9; ",
  },
  "0 times what may be infinite, as a branch": {
    claim: "combine",
    body: `let sum = f32(0); for (let e = 0; e < E; e++) {
      const weight = weights[b][e]; const part = parts[e][b][n]; sum += weight !== f32(0) ? weight * part : 0.0 * part; }
      y[b][n] = sum;`,
    says: "B = 3, E = 3, N = 3; y[0][0] is ",
  },
  "a difference of powers that overflow where x is large": {
    claim: "bias_add",
    body: "const g = exp(0.071 * max(x[b][n], 0.0)); y[b][n] = x[b][n] + bias[n] + (g - g);",
    says: "y[0][0] is x[0][0] + bias[0], where bias_add gives x[0][0] + bias[0]",
  },
  "a difference of powers that overflow where the second tensor is large": {
    claim: "bias_add",
    body: "const g = exp(bias[n]); y[b][n] = x[b][n] + (bias[n] + g) - g;",
    says: "y[0][0] is x[0][0] + bias[0] + exp(bias[0]) - exp(bias[0]), where bias_add gives x[0][0] + bias[0]",
  },
  "a difference of powers that overflow where a weight is large and negative": {
    claim: "matmul",
    needs: "K > 0",
    body: `let acc = f32(0); ${DOT} const g = exp(-w[n][0]); y[b][n] = (acc + g) - g;`,
    says: "y[0][0] is x[0][0]*w[0][0]",
  },
  "0 times what overflows where x is large": {
    claim: "bias_add",
    body: "y[b][n] = x[b][n] + bias[n] + 0.0 * exp(x[b][n]);",
    says: "y[0][0] is x[0][0] + bias[0], where bias_add gives x[0][0] + bias[0]",
  },
  "a scaling that overflows before it is undone": {
    claim: "bias_add",
    body: "y[b][n] = (x[b][n] * 1e35) / 1e35 + bias[n];",
    says: "y[0][0] is ",
  },
  "a difference of powers that overflow, in rows of one column alone": {
    claim: "bias_add",
    body: `const g = exp(x[b][n]);
      if (N === 1) { y[b][n] = x[b][n] + bias[n] + (g - g); } else { y[b][n] = x[b][n] + bias[n]; }`,
    says: "N = 1; y[0][0] is x[0][0] + bias[0], where bias_add gives x[0][0] + bias[0]",
  },
  "a difference of powers that overflow, as a choice where there are few rows": {
    claim: "bias_add",
    body: `const g = exp(bias[n]); y[b][n] = x[b][n] + bias[n] + (B < 3 ? g - g : f32(0));`,
    says: "B = 2, N = 3; y[0][0] is x[0][0] + bias[0], where bias_add gives x[0][0] + bias[0]",
  },
  // What a whole tile does is right for the first one.
  "whole tiles after the first one take the first one's bias": {
    claim: "bias_add",
    launch: "grid: ({ B }) => [B], block: [1]",
    body: `const b = block.x; for (let n0 = 0; n0 < N; n0 += 16) {
      if (n0 + 16 <= N) { for (let v = 0; v < 16; v++) y[b][n0 + v] = x[b][n0 + v] + bias[v]; }
      else { for (let n = n0; n < N; n++) y[b][n] = x[b][n] + bias[n]; } }`,
    says: "B = 2, N = 34; y[0][17] is x[0][17] + bias[1], where bias_add gives x[0][17] + bias[17]",
  },
  "whole tiles of columns that forget where a tile of summands begins": {
    claim: "matmul",
    launch: "grid: ({ B }) => [ceilDiv(B, 64)], block: [1]",
    body: `for (let b = block.x * 64; b < min(B, block.x * 64 + 64); b++) { for (let n0 = 0; n0 < N; n0 += 64) {
      if (n0 + 64 <= N) { for (let n = n0; n < n0 + 64; n++) { let acc = f32(0);
        for (let k0 = 0; k0 < K; k0 += 64) { for (let k = 0; k < min(64, K - k0); k++) acc += x[b][k0 + k] * w[n][k]; }
        y[b][n] = acc; } }
      else { for (let n = n0; n < N; n++) { let acc = f32(0); for (let k = 0; k < K; k++) acc += x[b][k] * w[n][k]; y[b][n] = acc; } } } }`,
    says: "B = 2, K = 128, N = 66; y[0][0] is ",
  },
} satisfies Readonly<Record<string, Wrong>>;
