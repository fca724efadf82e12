/** Kernel sources for frontend.test.ts: whole files, and bodies that stand in a common kernel. */

const IMPORTS = `import {
  abs, barrier, block, ceilDiv, div, erf, exp, f32, fma, i32, i64, inout, input, invariant, kernel, log, max, min, mod,
  output, registers, requires, scalar, shared, sqrt, tanh, thread, u32,
} from "tokitai/dsl";
`;

/** A kernel over `x`, `y` (floats of N) and `k` (integers of M); `i` is the thread's index in the grid. */
export function fileOfBody(name: string, body: string): string {
  return `${IMPORTS}
export const ${name} = kernel(
  { x: input(f32, ["N"]), y: inout(f32, ["N"]), k: inout(i32, ["M"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, y, k }, { N, M }) => {
    const i = block.x * 64 + thread.x;
${body}
  },
);
`;
}

export const BODIES: Readonly<Record<string, string>> = {
  arithmetic: `
    let a = 7 - i * N;
    a = div(a, 3) + mod(a, 3) + ceilDiv(a, 4);
    a = -a;
    k[min(a, max(N, 2))] = a;`,
  floats: `
    const v = 0.5 + 1e-5 * 1.0 - -x[i] / f32(2);
    y[i] = fma(v, abs(v), f32(i));`,
  functions: `
    y[i] = exp(log(erf(tanh(sqrt(min(x[i], max(x[i], 3.0)))))));`,
  conditions: `
    const within = (i < N && !(i >= 4)) || i === 7;
    if (within && x[i] !== 0.0 && x[i] <= f32(1)) y[i] = i > 2 ? x[i] : f32(0);`,
  literals: `
    k[0x1f] = 1_000_000;
    k[2 + 3] = 2 * (3 + 1);
    y[0] = 1e3;
    y[1] = 1.0;
    y[2] = f32(-3);`,
  folding: `
    k[2 * 8 + 1] = div(-7, 2) + 4;
    y[0] = f32(i);
    y[div(-7, 2) + 4] = f32(2 + 3);`,
  indices: `
    k[thread.x + thread.y + thread.z] = block.x + block.y + block.z;`,
  assignments: `
    let a = f32(0);
    a += x[i];
    a -= 1.0;
    a *= a;
    a /= 3.0;
    a = x[i];
    y[i] += a;
    y[i] /= 2.0;
    k[0] *= 3;`,
  mutability: `
    let u = x[0];
    let v = x[1];
    v += 1.0;
    y[0] = u + v;`,
  branches: `
    if (i < 1) k[0] = 1;
    else if (i < 2) { k[1] = 2; }
    else {
      k[2] = 3;
      k[3] = 3;
    }`,
  returns: `
    if (i >= N) return;
    if (i === 3) {
      y[i] = 3.0;
      return;
    }
    const v = x[i];
    y[i] = v;`,
  nested: `
    if (i < N) {
      if (i === 3) return;
      y[i] = 1.0;
    }
    k[0] = 1;
    if (i < 5) {
      y[0] = 2.0;
    } else if (i < 6) return;
    else {
      k[1] = 2;
      if (i < 7) {
        k[2] = 3;
        return;
      }
    }
    k[4] = 5;`,
  endings: `
    {
      if (i === 0) return;
      k[0] = 1;
    }
    if (i < 3) k[1] = 1;
    else return;
    if (i < 2) {
      k[2] = 1;
      return;
    } else {
      k[3] = 1;
      return;
    }`,
  names: `
    let k_1 = i;
    for (let k = 0; k < N; k++) k_1 += k;
    for (let k = 0; k < N; k++) {
      const i = k + 1;
      k_1 += i;
    }
    const int = k_1 + i;
    const threadIdx = int + i;
    {
      const N = threadIdx + i;
      k[0] = N;
    }
    const N_ = i;
    const $e = N_;
    const tok_x = $e;
    k[1] = N_ + $e + tok_x;`,
  loops: `
    for (let a = 0; a < N; a++) k[a] = a;
    for (let a = i; a <= M; a += 64) k[a] = a;
    for (let a = 2; a < N + M; ++a) k[a] = a;
    for (let a = 0; a < N; a = a + 3) k[a] = a;`,
  steps: `
    for (let s = 128; s > 0; s = div(s, 2)) k[s] = 1;
    for (let s = 64; s >= 8; s = div(s, 4)) k[s] = 2;
    for (let s = 1; s < 256; s *= 4) k[s] = 3;
    for (let s = 3; s <= 27; s = s * 3) k[s] = 4;
    for (let s = 1; s < 1; s *= 2) k[s] = 5;`,
  contracts: `
    let rank = 0;
    for (let j = 0; j < N; j++) {
      invariant(0 <= rank && rank <= j);
      invariant(rank <= N);
      if (x[j] > 0.0) rank += 1;
    }
    k[0] = rank;`,
  arrays: `
    const tile = shared(f32, [16, 16 + 1]);
    const counts = shared(i32, [64]);
    const acc = registers(f32, [2, 4]);
    tile[0][thread.x] = x[i];
    counts[thread.x] = i;
    barrier();
    for (let a = 0; a < 2; a++) {
      for (let b = 0; b < 4; b++) {
        for (let c = 0; c < 16; c++) acc[a][3 - b] = tile[c][a];
      }
    }
    y[i] = acc[1][2] + f32(counts[0]);`,
};

export const FILES: Readonly<Record<string, string>> = {
  "declared.ts": `${IMPORTS}
const ROWS = 4;

/**
 * What it does.
 *
 * And how.
 */
export const declared = kernel(
  {
    x: input(f32, ["E+1", "2*N"]),
    e: input(i32, ["N - 1", ROWS]),
    k: scalar(i32),
    scale: scalar(f32),
    z: inout(u32, ["T"]),
    y: output(i64, ["E"]),
  },
  {
    computes: "an_operation",
    grid: ({ N, E }) => [ceilDiv(N, 16), E],
    block: [16, ROWS],
    where: { T: ({ E, N }) => E * N },
    index: "i32",
  },
  ({ k, scale, y }, { E }) => {
    requires(k <= E && scale > 0.0);
    requires(E > 0);
    y[block.y] = k;
  },
);
`,
  "choices.ts": `${IMPORTS}
export const choices = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  {
    params: { TILE: [8, 16], ROWS: [1, 2] },
    grid: ({ N }, { TILE }) => [ceilDiv(N, TILE)],
    block: ({ TILE, ROWS }) => [TILE, ROWS],
  },
  ({ x, y }, { N }, { TILE }) => {
    const tile = shared(f32, [TILE, TILE + 1]);
    if (block.x * TILE + thread.x < N) {
      tile[0][thread.x] = x[block.x * TILE + thread.x];
      y[block.x * TILE + thread.x] = tile[0][thread.x];
    }
  },
);
`,
  "renamed.ts": `${IMPORTS}
export const renamed = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N: count }) => [count], block: [1] },
  ({ x: from, y }, { N: size }) => {
    const s = shared(f32, [1]);
    s[0] = from[block.x] * 2.0;
    const x = from[0];
    const N = x + s[0];
    if (size > 0) {
      const s = N;
      y[block.x] = s;
    }
  },
);
`,
  "widths.ts": `${IMPORTS}
export const widths = kernel(
  { a: input(u32, ["N"]), b: input(i64, ["N"]), s: scalar(i64), y: output(i32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ a, b, s, y }) => {
    y[block.x] = a[block.x] + b[block.x] + s;
  },
);
`,
  "library.ts": `export const SIX = 6;
const HALF = 1.0 / 2.0;
export const half = (v: number) => HALF * v;
export function square(v: number): number {
  return v * v;
}
`,
  "inlined.ts": `import { block, f32, i32, inout, input, kernel } from "tokitai/dsl";
import { half, SIX as COUNT, square } from "./library.ts";
const both = (a: boolean, b: boolean): boolean => a && b;
const twice = (v: number) => v + v;
const less = (v: number, w: number) => v - w;
export const inlined = kernel(
  { x: input(f32, ["N"]), y: inout(f32, ["N"]), k: inout(i32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ x, y, k }) => {
    k[block.x] = 4 * COUNT;
    y[block.x] = half(x[block.x] + f32(1)) * square(x[block.x] + f32(1));
    const on = 0;
    if (both(on <= block.x, block.x < 8)) y[block.x] = twice(x[block.x]);
    const w = x[0];
    const v = x[1];
    y[block.x] = less(w, v) + less(v, w);
    k[block.x] = twice(block.x);
  },
);
`,
};
