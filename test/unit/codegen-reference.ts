/**
 * What the kernels of these tests compute, in plain JavaScript.
 *
 * Each operation is rounded to f32 in the kernel's own order, so that results are equal bit for bit: addition, product,
 * quotient and square root of floats in double precision, rounded once more to f32, are those of f32 (double has more
 * than twice its digits), and the test's library is compiled without contraction to fused operations.
 */

const f = Math.fround;

export function linearReference(
  x: Float32Array,
  w: Float32Array,
  bias: Float32Array,
  [B, K, N]: readonly [number, number, number],
): Float32Array {
  const y = new Float32Array(B * N);
  for (let b = 0; b < B; b++) {
    for (let n = 0; n < N; n++) {
      let acc = 0;
      for (let k = 0; k < K; k++) acc = f(acc + f(item(x, b * K + k) * item(w, n * K + k)));
      y[b * N + n] = f(acc + item(bias, n));
    }
  }
  return y;
}

/** The sums of 64 threads, each over every 64th column, added pairwise. */
function treeSum(N: number, term: (n: number) => number): number {
  const partial = new Float32Array(64);
  for (let thread = 0; thread < 64; thread++) {
    let sum = 0;
    for (let n = thread; n < N; n += 64) sum = f(sum + term(n));
    partial[thread] = sum;
  }
  for (let s = 32; s >= 1; s /= 2) {
    for (let thread = 0; thread < s; thread++) partial[thread] = f(item(partial, thread) + item(partial, thread + s));
  }
  return item(partial, 0);
}

export function normaliseReference(x: Float32Array, B: number, N: number, epsilon: number): Float32Array {
  const y = new Float32Array(B * N);
  for (let b = 0; b < B; b++) {
    const at = (n: number): number => item(x, b * N + n);
    const mean = f(treeSum(N, at) / N);
    const squares = treeSum(N, (n) => {
      const centred = f(at(n) - mean);
      return f(centred * centred);
    });
    const scale = f(1 / f(Math.sqrt(f(f(squares / N) + f(epsilon)))));
    for (let n = 0; n < N; n++) y[b * N + n] = f(f(at(n) - mean) * scale);
  }
  return y;
}

export function rotateReference(x: Float32Array, rounds: Int32Array): Float32Array {
  const y = new Float32Array(x.length);
  for (const [b, count] of rounds.entries()) {
    let ring = Array.from(x.subarray(b * 8, b * 8 + 8));
    let turns = 0;
    for (let t = 0; t < count; t++) {
      if (t % 2 === 0) ring = ring.map((_, i) => ring[(i + 1) % 8] ?? 0);
      turns += t % 2 === 0 ? 1 : 100;
    }
    let sum = 0;
    for (const [i, value] of ring.entries()) {
      sum += value;
      y[b * 8 + i] = sum + turns;
    }
  }
  return y;
}

/** y[b,n] = Σₖ x[b,k]·w[k,n], exact for small integers. */
export function matmulReference(
  x: Float32Array,
  w: Float32Array,
  [B, K, N]: readonly [number, number, number],
): Float32Array {
  const y = new Float32Array(B * N);
  for (let b = 0; b < B; b++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += item(x, b * K + k) * item(w, k * N + n);
      y[b * N + n] = sum;
    }
  }
  return y;
}

/** The distance of two floats in units of the last place of the second; 0 for two NaN. */
export function ulps(actual: number, expected: number): number {
  if (Object.is(actual, f(expected))) return 0;
  if (!Number.isFinite(expected) || !Number.isFinite(actual)) return Infinity;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(expected))), -126);
  return Math.abs(actual - expected) / 2 ** (exponent - 23);
}

/** Floats in [−1, 1), the same on each run. */
export function noise(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Integers in [−8, 8), the same on each run. */
export function smallIntegers(length: number, seed: number): Float32Array {
  return noise(length, seed).map((value) => Math.floor(value * 8));
}

export function item(values: ArrayLike<number>, i: number): number {
  const value = values[i];
  if (value === undefined) throw new RangeError(`${i} of ${values.length}`);
  return value;
}
