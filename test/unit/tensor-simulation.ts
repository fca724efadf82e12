/**
 * f32 evaluations of the tensor operations, rounded at every step, in several orders of summation, with functions that
 * err by a few ulp: what the reference evaluator's bounds must contain.
 */

import { erf } from "../../src/support/erf.ts";

const f = Math.fround;

export type Order = "sequential" | "pairwise" | "strided";
export const ORDERS: readonly Order[] = ["sequential", "pairwise", "strided"];

/** Numbers in [−1, 1), the same for each seed. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) >>> 0;
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 31 - 1;
  };
}

export function randomTensor(next: () => number, length: number, scale = 1, offset = 0): Float32Array {
  return Float32Array.from({ length }, () => offset + scale * next());
}

/** The f32 sum of f32 terms. */
export function sum(terms: readonly number[], order: Order): number {
  switch (order) {
    case "sequential":
      return terms.reduce((total, term) => f(total + term), 0);
    case "pairwise": {
      if (terms.length <= 1) return terms[0] ?? 0;
      const half = terms.length >> 1;
      return f(sum(terms.slice(0, half), order) + sum(terms.slice(half), order));
    }
    case "strided": {
      // As a block of 256 threads does: thread t adds t, t + 256, …, then the threads' sums are added as a tree.
      const lanes: number[] = Array(256).fill(0);
      for (const [i, term] of terms.entries()) lanes[i % 256] = f((lanes[i % 256] ?? 0) + term);
      return sum(lanes, "pairwise");
    }
    default:
      order satisfies never;
      throw new Error(`unknown order ${String(order)}`);
  }
}

/** A value rounded to f32, then off by up to `ulps` of its binade. */
function sloppy(value: number, ulps: number, next: () => number): number {
  if (value === 0 || !Number.isFinite(value)) return f(value);
  const ulp = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 23);
  return f(value + next() * (ulps - 0.5) * ulp);
}

export function linear(
  x: Float32Array,
  w: Float32Array,
  bias: Float32Array,
  features: number,
  order: Order,
): Float32Array {
  const outputs = bias.length;
  return Float32Array.from({ length: (x.length / features) * outputs }, (_, i) => {
    const [b, n] = [Math.floor(i / outputs), i % outputs];
    const products = Array.from({ length: features }, (_unused, k) =>
      f((x[b * features + k] ?? Number.NaN) * (w[n * features + k] ?? Number.NaN)),
    );
    return f(sum(products, order) + (bias[n] ?? Number.NaN));
  });
}

export function layerNorm(
  x: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
  order: Order,
  next: () => number,
): Float32Array {
  const width = gamma.length;
  return byRow(x, width, (row) => {
    const mean = f(sum(row, order) / width);
    const deviations = row.map((value) => f(value - mean));
    const variance = f(
      sum(
        deviations.map((value) => f(value * value)),
        order,
      ) / width,
    );
    const inverse = f(1 / sloppy(Math.sqrt(f(variance + f(epsilon))), 3, next));
    return deviations.map((value, n) => f(f(f(value * inverse) * (gamma[n] ?? Number.NaN)) + (beta[n] ?? Number.NaN)));
  });
}

/** The variance as E[x²] − E[x]², which cancels. */
export function layerNormNaive(x: Float32Array, width: number, epsilon: number): Float32Array {
  return byRow(x, width, (row) => {
    const mean = f(sum(row, "sequential") / width);
    const square = f(
      sum(
        row.map((value) => f(value * value)),
        "sequential",
      ) / width,
    );
    const inverse = f(1 / f(Math.sqrt(f(f(square - f(mean * mean)) + f(epsilon)))));
    return row.map((value) => f(f(value - mean) * inverse));
  });
}

export function gelu(x: Float32Array, form: "erf" | "tanh", next: () => number): Float32Array {
  return x.map((value) => {
    const cube = f(f(value * value) * value);
    const inner =
      form === "erf"
        ? sloppy(erf(f(value * f(Math.SQRT1_2))), 4, next)
        : sloppy(Math.tanh(f(f(Math.sqrt(2 / Math.PI)) * f(value + f(f(0.044715) * cube)))), 4, next);
    return f(f(0.5 * value) * f(1 + inner));
  });
}

export function softmax(x: Float32Array, width: number, order: Order, next: () => number): Float32Array {
  return byRow(x, width, (row) => {
    const maximum = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const powers = row.map((value) => sloppy(Math.exp(f(value - maximum)), 4, next));
    const total = sum(powers, order);
    return powers.map((power) => f(power / total));
  });
}

export function topK(p: Float32Array, width: number, k: number, renormalise: boolean): Float32Array {
  return byRow(p, width, (row) => {
    const chosen = row.map((value, e) => {
      const rank = row.filter((other, j) => other > value || (other === value && j < e)).length;
      return rank < k ? value : 0;
    });
    const total = sum(chosen, "sequential");
    return renormalise ? chosen.map((value) => f(value / total)) : chosen;
  });
}

/** weights [B, E], parts [E, B, N] */
export function combine(weights: Float32Array, parts: readonly Float32Array[], width: number): Float32Array {
  const experts = parts.length;
  return Float32Array.from({ length: (weights.length / experts) * width }, (_, i) => {
    const b = Math.floor(i / width);
    return parts.reduce((total, part, e) => {
      const weight = weights[b * experts + e] ?? Number.NaN;
      return weight === 0 ? total : f(total + f(weight * (part[i] ?? Number.NaN)));
    }, 0);
  });
}

function byRow(x: Float32Array, width: number, row: (values: readonly number[]) => readonly number[]): Float32Array {
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width) result.set(row([...x.subarray(start, start + width)]), start);
  return result;
}
