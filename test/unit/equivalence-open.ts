/** Kernels of which equivalence must say `unknown`, and why. */

import type { Source } from "./equivalence-sources.ts";

export interface Open extends Source {
  readonly reason: string;
}

const RANK = "let rank = 0; for (let j = 0; j < N; j++) { if (x[b][j] > x[b][n]) rank += 1; }";

export const OPEN = {
  "a loop bound that depends on floats": {
    claim: "bias_add",
    body: `${RANK} let sum = f32(0); for (let j = 0; j < rank; j++) sum += 1.0; y[b][n] = x[b][n] + bias[n] + 0.0 * sum;`,
    reason: "symbolic execution: the bound rank of a loop depends on floats",
  },
  "an index that depends on floats": {
    claim: "bias_add",
    body: `${RANK} y[b][n] = x[b][n] + bias[min(rank, n)] - bias[min(rank, n)] + bias[n];`,
    reason: "symbolic execution: the index min(rank, n) of bias depends on floats",
  },
  "a division of integers that depend on floats": {
    claim: "bias_add",
    body: `${RANK} y[b][n] = x[b][n] + bias[n] + f32(div(rank, N + 1));`,
    reason: "symbolic execution: div(rank, N + 1) divides integers that depend on floats",
  },
  "a branch for sizes that are not tried": {
    claim: "bias_add",
    body: "if (N > 5000) { y[b][n] = 1.0; } else { y[b][n] = x[b][n] + bias[n]; }",
    reason: "none of the shapes that were tried gets here",
  },
  "an arm of a choice for sizes that are not tried": {
    claim: "bias_add",
    body: "y[b][n] = B > 5000 ? 1.0 : x[b][n] + bias[n];",
    reason: "none of the shapes that were tried gets here",
  },
  "a branch where the operation means nothing": {
    claim: "top_k_mask",
    params: "p: BE, k: scalar(i32), w: out(['B', 'E'])",
    body: "w[b][e] = p[b][e];",
    needs: "k === E && E > 5000",
    reason: "at none of the small shapes that the contract allows is there an element",
  },
  "a branch that is taken only where the operation means nothing": {
    claim: "top_k_mask",
    launch: "grid: ({ B, E }) => [ceilDiv(B, 8), E], block: [8]",
    needs: "1 <= k",
    body: `const b = block.x * 8 + thread.x; const e = block.y; if (b >= B) return; const own = p[b][e]; let rank = 0;
      for (let j = 0; j < E; j++) { if (p[b][j] > own || (own === p[b][j] && j < e)) rank += 1; }
      w[b][e] = rank < k ? own : k > 5 ? 1.0 : f32(0);`,
    reason: "none of the shapes that were tried gets here",
  },
  "a layer_norm without epsilon": {
    claim: "layer_norm",
    params: "x: BN, gamma: inp(['N']), beta: inp(['N']), y: out(['B', 'N'])",
    body: "for (let n = 0; n < N; n++) y[b][n] = x[b][n] * gamma[n] + beta[n];",
    reason: "layer_norm depends on epsilon, which the kernel does not take",
  },
  "more expressions than the budget": {
    claim: "gelu",
    body: "let v = x[b][n]; for (let i = 0; i < 2000000; i++) v = v * x[b][n] + 1.0; y[b][n] = v;",
    reason: "symbolic execution: more than 3000000 expressions",
  },
  "a division that a rare comparison guards": {
    claim: "bias_add",
    body: `const v = x[b][n]; let s = f32(0); let q = f32(0); if (v !== 77777.0) { s = v * v + 1.0; q = (v + bias[n]) * s; }
      y[b][n] = v !== 77777.0 ? q / s : f32(0);`,
    reason: "a division by what a comparison may make 0",
  },
  "another value at one input": {
    claim: "bias_add",
    body: "y[b][n] = x[b][n] === 77777.0 ? f32(0) : x[b][n] + bias[n];",
    reason: "no rule makes them equal, and no numbers show that they are not",
  },
  "a wrong sum where it is large": {
    claim: "bias_add",
    body: "y[b][n] = x[b][n] > 77777.0 ? x[b][n] - bias[n] : x[b][n] + bias[n];",
    reason: "no rule makes them equal, and no numbers show that they are not",
  },
  "a run that takes too many steps": {
    claim: "bias_add",
    body: `let last = 0; for (let i = 0; i < 400000; i++) last = i;
      y[b][n] = x[b][n] + bias[n] + 0.0 * f32(last);`,
    reason: "a run that tries it out does not end within 3000000 steps",
  },
} satisfies Readonly<Record<string, Open>>;
