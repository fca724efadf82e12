/** Kernels that compute what they claim in another way than its definition says. */

import type { Source } from "./equivalence-sources.ts";

const NORM = (variance: string): string => `const scale = 1.0 / sqrt(${variance} + epsilon);
  for (let n = 0; n < N; n++) y[b][n] = fma((x[b][n] - mean) * scale, gamma[n], beta[n]);`;
const SOFTMAX = (top: string): string => `${top} let sum = f32(0);
  for (let n = 0; n < N; n++) sum += exp(x[b][n] - top); const part = 1.0 / sum;
  for (let n = 0; n < N; n++) y[b][n] = exp(x[b][n] - top) * part;`;
const VECTORS = `const four = registers(f32, [4]); const own = registers(f32, [4]);`;

export const RIGHT = {
  "a reversed sum": {
    claim: "matmul",
    body: "let acc = f32(0); for (let k = 0; k < K; k++) acc += x[b][K - 1 - k] * w[n][K - 1 - k]; y[b][n] = acc;",
  },
  "two accumulators": {
    claim: "matmul",
    body: `let even = f32(0); let odd = f32(0);
      for (let k = 0; k < K; k++) { if (mod(k, 2) === 0) even += x[b][k] * w[n][k]; else odd += x[b][k] * w[n][k]; }
      y[b][n] = even + odd;`,
  },
  "a sum in two loops": {
    claim: "linear",
    body: `let acc = bias[n]; const half = div(K, 2);
      for (let k = 0; k < half; k++) acc = fma(x[b][k], w[n][k], acc);
      for (let k = half; k < K; k++) acc = fma(w[n][k], x[b][k], acc); y[b][n] = acc;`,
  },
  "steps of 4 and a rest": {
    claim: "matmul",
    body: `let acc = f32(0); const whole = div(K, 4);
      for (let q = 0; q < whole; q++) for (let l = 0; l < 4; l++) acc += x[b][4 * q + l] * w[n][4 * q + l];
      for (let k = 4 * whole; k < K; k++) acc += x[b][k] * w[n][k]; y[b][n] = acc;`,
  },
  "vector loads": {
    claim: "matmul",
    needs: "mod(K, 4) === 0",
    body: `${VECTORS} let acc = f32(0);
      for (let k = 0; k < K; k += 4) { loadVector(four, x[b][k]); loadVector(own, w[n][k]);
        for (let l = 0; l < 4; l++) acc += four[l] * own[l]; } y[b][n] = acc;`,
  },
  "E[x²] − E[x]²": {
    claim: "layer_norm",
    body: `let sum = f32(0); let squares = f32(0);
      for (let n = 0; n < N; n++) { sum += x[b][n]; squares += x[b][n] * x[b][n]; }
      const mean = sum / f32(N); ${NORM("(squares / f32(N) - mean * mean)")}`,
  },
  "Welford's variance": {
    claim: "layer_norm",
    body: `let mean = f32(0); let m2 = f32(0);
      for (let n = 0; n < N; n++) { const d = x[b][n] - mean; mean += d / f32(n + 1); m2 += d * (x[b][n] - mean); }
      ${NORM("m2 / f32(N)")}`,
  },
  "a softmax by its reciprocal": {
    claim: "softmax",
    body: SOFTMAX("let top = f32(-3.4e38); for (let n = 0; n < N; n++) top = max(top, x[b][n]);"),
  },
  "a maximum by comparison": {
    claim: "softmax",
    body: SOFTMAX("let top = x[b][0]; for (let n = 1; n < N; n++) { if (x[b][n] > top) top = x[b][n]; }"),
  },
  "a maximum by a choice": {
    claim: "softmax",
    body: SOFTMAX("let top = x[b][0]; for (let n = 1; n < N; n++) top = x[b][n] > top ? x[b][n] : top;"),
  },
  "a softmax in one pass": {
    claim: "softmax",
    body: `let top = x[b][0]; let sum = f32(1);
      for (let n = 1; n < N; n++) { const next = max(top, x[b][n]);
        sum = sum * exp(top - next) + exp(x[b][n] - next); top = next; }
      for (let n = 0; n < N; n++) y[b][n] = exp(x[b][n] - top) / sum;`,
  },
  "ranks by >= on the left": {
    claim: "top_k_mask",
    body: `const own = p[b][e]; let rank = 0;
      for (let j = 0; j < E; j++) { if (j < e ? p[b][j] >= own : p[b][j] > own) rank += 1; }
      w[b][e] = rank < k ? own : f32(0);`,
  },
  "ranks in two loops": {
    claim: "top_k_mask",
    body: `const own = p[b][e]; let rank = 0; for (let j = 0; j < e; j++) { if (p[b][j] >= own) rank += 1; }
      for (let j = e + 1; j < E; j++) { if (!(p[b][j] <= own)) rank += 1; } w[b][e] = rank >= k ? f32(0) : own;`,
  },
  "a sum with a bracket for each expert": {
    claim: "combine",
    body: `let sum = f32(0);
      for (let e = 0; e < E; e++) sum = weights[b][e] === f32(0) ? sum : fma(parts[e][b][n], weights[b][e], sum);
      y[b][n] = sum;`,
  },
  "a gelu with Φ first": {
    claim: "gelu",
    body: "const phi = 0.5 + 0.5 * erf(0.7071067811865476 * x[b][n]); y[b][n] = x[b][n] * phi;",
  },
  "a gelu_tanh in Horner's form": {
    claim: "gelu_tanh",
    body: `const v = x[b][n]; const u = 0.7978845608028654 * v * fma(0.044715 * v, v, f32(1));
      y[b][n] = 0.5 * fma(v, tanh(u), v);`,
  },
  "rows through shared memory": {
    claim: "bias_add",
    launch: "grid: ({ B, N }) => [B, ceilDiv(N, 8)], block: [8]",
    body: `const tile = shared(f32, [8]); const b = block.x; const n = block.y * 8 + thread.x;
      tile[7 - thread.x] = n < N ? bias[n] : f32(0); barrier(); if (n < N) y[b][n] = tile[7 - thread.x] + x[b][n];`,
  },
  "what is behind, counted": {
    claim: "top_k_mask",
    body: `const own = p[b][e]; let behind = 0;
      for (let j = 0; j < E; j++) { if (own > p[b][j] || (own === p[b][j] && j > e)) behind += 1; }
      w[b][e] = behind + k >= E ? own : f32(0);`,
  },
  "a store in each branch": {
    claim: "top_k_mask",
    body: `const own = p[b][e]; let rank = 0;
      for (let j = 0; j < E; j++) { if (p[b][j] > own || (own === p[b][j] && j < e)) rank += 1; }
      if (rank < k) { w[b][e] = own; } else { w[b][e] = f32(0); }`,
  },
} satisfies Readonly<Record<string, Source>>;
