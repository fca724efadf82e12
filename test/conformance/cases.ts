/**
 * The conformance table: one list of cases (kernel, sizes, inputs) for every way of running a kernel.
 *
 * Sizes are 0, 1, tile − 1, tile, tile + 1 and primes around each kernel's tiles; inputs are where a careless kernel
 * falls over: logits of ±10,000, rows with a mean of 10,000, ties, NaN, infinities.
 */

import { SIMD_UNITS } from "../../src/ir/kernel/simd.ts";
import type { ClaimAttributes } from "../../src/ir/tensor/claim-signature.ts";

export type Fill = "plain" | "large" | "shifted" | "ties" | "nan" | "infinite" | "masked";

export interface Case {
  readonly kernel: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly fill: Fill;
  readonly attributes: ClaimAttributes;
  /** Whether the interpreter runs it as well, which is slower by far. */
  readonly interpreted: boolean;
}

/** Says which case it is, uniquely: `linear B=15 K=16 N=17 nan`. */
export function caseName({ kernel, dims, fill, attributes }: Case): string {
  const sizes = Object.entries({ ...dims, ...attributes }).map(([name, size]) => `${name}=${size}`);
  return [kernel, ...sizes, fill].join(" ");
}

/** A sequence of numbers in [0, 1) that depends on the seed alone (a 32-bit xorshift, Marsaglia 2003). */
export function numbers(seed: number): () => number {
  let state = (seed * 2654435761) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * `count` f32 values of a fill. NaN and infinities are sprinkled thinly, so that most rows keep finite ones too; `masked`
 * has many zeros among them, so that a kernel that multiplies 0 by ∞ where it should skip comes out as NaN.
 */
export function fillValues(fill: Fill, count: number, seed: number): Float32Array<ArrayBuffer> {
  const next = numbers(seed);
  const value: Readonly<Record<Fill, () => number>> = {
    plain: () => 2 * next() - 1,
    large: () => (next() < 0.5 ? -10_000 : 10_000) * next(),
    shifted: () => 10_000 + next(),
    ties: () => Math.floor(next() * 3) / 4,
    nan: () => (next() < 0.05 ? Number.NaN : 2 * next() - 1),
    infinite: () => (next() < 0.05 ? Number.POSITIVE_INFINITY : 2 * next() - 1),
    masked: () => (next() < 0.5 ? 0 : next() < 0.2 ? Number.POSITIVE_INFINITY : next() + 0.5),
  };
  return Float32Array.from({ length: count }, value[fill]);
}

const GEMM_SIZES: readonly (readonly [number, number, number])[] = [
  [0, 5, 3],
  [1, 1, 1],
  [3, 0, 5],
  [15, 16, 17],
  [16, 17, 15],
  [17, 15, 16],
  [33, 31, 29],
  [64, 96, 128],
];

function product<A, B>(first: readonly A[], second: readonly B[]): readonly (readonly [A, B])[] {
  return first.flatMap((a) => second.map((b) => [a, b] as const));
}

function gemm(kernel: string): readonly Case[] {
  return GEMM_SIZES.flatMap(([B, K, N]) =>
    (["plain", "nan", "infinite"] as const).map((fill) => ({
      kernel,
      dims: { B, K, N },
      fill,
      attributes: {},
      interpreted: B * K * N <= 40_000,
    })),
  );
}

function elementwise(kernel: string): readonly Case[] {
  return product([0, 1, 3, 4, 5], [1, 63, 64, 65, 97]).flatMap(([B, N]) =>
    (["plain", "large", "nan", "infinite"] as const).map((fill) => ({
      kernel,
      dims: { B, N },
      fill,
      attributes: {},
      interpreted: true,
    })),
  );
}

function layerNorm(kernel: string): readonly Case[] {
  return product([0, 1, 3], [1, 97, 127, 128, 129, 300]).flatMap(([B, N]) =>
    (["plain", "large", "shifted", "nan"] as const).map((fill) => ({
      kernel,
      dims: { B, N },
      fill,
      attributes: { epsilon: 1e-5 },
      interpreted: N <= 129,
    })),
  );
}

/** Rows of a product that one block keeps whole: multiples of 32 up to 128. */
function wholeRows(kernel: string): readonly Case[] {
  const sizes = [
    [0, 5, 32],
    [1, 1, 32],
    [3, 0, 64],
    [7, 16, 96],
    [9, 17, 128],
    [17, 33, 32],
    [64, 96, 128],
  ] as const;
  return product(sizes, ["plain", "large", "nan"] as const).map(([[B, K, N], fill]) => ({
    kernel,
    dims: { B, K, N },
    fill,
    attributes: { epsilon: 1e-5 },
    interpreted: B * K * N <= 20_000,
  }));
}

function softmax(kernel: string): readonly Case[] {
  return product([0, 1, 3], [1, 4, 31, 63, 64, 65]).flatMap(([B, N]) =>
    (["plain", "large", "nan", "infinite"] as const).map((fill) => ({
      kernel,
      dims: { B, N },
      fill,
      attributes: {},
      interpreted: true,
    })),
  );
}

function topK(kernel: string): readonly Case[] {
  return product([0, 1, 15, 16, 17], [1, 4, 15, 16, 17]).flatMap(([B, E]) =>
    [...new Set([1, Math.min(2, E), E])].flatMap((k) =>
      (["plain", "ties", "nan"] as const).map((fill) => ({
        kernel,
        dims: { B, E },
        fill,
        attributes: { k },
        interpreted: true,
      })),
    ),
  );
}

function combine(kernel: string): readonly Case[] {
  return product([0, 1, 3, 4, 5], [1, 20, 63, 64, 65]).flatMap(([B, N]) =>
    ([1, 4] as const).flatMap((E) =>
      (["plain", "ties", "infinite", "masked"] as const).map((fill) => ({
        kernel,
        dims: { B, E, N },
        fill,
        attributes: {},
        interpreted: true,
      })),
    ),
  );
}

function sums(kernel: string, dims: readonly Case["dims"][]): readonly Case[] {
  return product(dims, ["plain", "large", "shifted", "nan", "infinite"] as const).map(([sizes, fill]) => ({
    kernel,
    dims: sizes,
    fill,
    attributes: {},
    interpreted: true,
  }));
}

function masked(kernel: string): readonly Case[] {
  return product([0, 1, 15, 16, 17], [1, 4, 15, 16, 17]).flatMap(([B, E]) =>
    (["plain", "ties", "nan", "masked"] as const).map((fill) => ({
      kernel,
      dims: { B, E },
      fill,
      attributes: {},
      interpreted: true,
    })),
  );
}

function zLoss(kernel: string): readonly Case[] {
  return softmax(kernel)
    .filter(({ dims }) => (dims["N"] ?? 0) > 0)
    .map((one) => ({ ...one, attributes: { beta: 0.001 } }));
}

function balance(kernel: string): readonly Case[] {
  return product([0, 1, 127, 128, 129, 300], [1, 4, 5]).flatMap(([B, E]) =>
    (["plain", "masked", "nan"] as const).map((fill) => ({
      kernel,
      dims: { B, E },
      fill,
      attributes: { k: Math.min(2, E), alpha: 0.01 },
      interpreted: true,
    })),
  );
}

const WHOLE_ROWS = ["linear_layer_norm_gelu", "linear_layer_norm_gelu_tanh"];

export const CASES: readonly Case[] = [
  ...[
    "linear",
    "matmul",
    "linear_gelu",
    "matmul_nn",
    "matmul_nn_gelu_dx",
    "matmul_nn_gelu_tanh_dx",
    "matmul_tn",
  ].flatMap(gemm),
  ...WHOLE_ROWS.flatMap(wholeRows),
  ...["bias_add", "bias_gelu", "gelu", "gelu_tanh", "add", "gelu_dx", "gelu_tanh_dx"].flatMap(elementwise),
  ...["column_sum", "column_dot"].flatMap(elementwise),
  ...["layer_norm", "layer_norm_gelu", "layer_norm_gelu_tanh", "bias_layer_norm_gelu"].flatMap(layerNorm),
  ...["standardise", "layer_norm_dx"].flatMap(layerNorm),
  ...["softmax", "softmax_dx", "normalise_rows", "normalise_rows_dx"].flatMap(softmax),
  ...["top_k_mask", "top_k_mask_renormalised"].flatMap(topK),
  ...sums(
    "row_squares",
    product([0, 1, 3], [0, 1, 127, 128, 129, 257]).map(([R, C]) => ({ R, C })),
  ),
  ...sums(
    "total",
    [0, 1, 127, 128, 129, 1_000].map((N) => ({ N })),
  ),
  ...["combine", "combine_dparts", "combine_dweights"].flatMap(combine),
  ...["top_k_dp", "top_k_dp_renormalised"].flatMap(masked),
  ...["z_loss", "z_loss_dx"].flatMap(zLoss),
  ...balance("balance_coefficients"),
];

/** Beyond one tile of rows, of columns and of summands of the products for vector units. */
const WIDE_SIZES: readonly (readonly [B: number, K: number, N: number])[] = [
  [95, 7, 64],
  [129, 130, 33],
  [5, 257, 65],
  [97, 128, 32],
];
const PRODUCTS = ["linear", "matmul", "matmul_nn", "matmul_nn_gelu_dx", "matmul_nn_gelu_tanh_dx", "matmul_tn"];
const COMBINATIONS = ["combine", "combine_dparts", "combine_dweights"];
/** Beyond one block of whole rows, and beyond what is packed at once. */
const WIDE_ROWS: readonly (readonly [B: number, K: number, N: number])[] = [
  [63, 7, 64],
  [67, 130, 96],
  [5, 257, 128],
  [133, 128, 32],
];
/** Rows that a block has many of, or one. */
const OF_ROWS = ["softmax", "softmax_dx", "normalise_rows", "z_loss", "z_loss_dx"];
const FOR_VECTORS = [
  ...PRODUCTS,
  ...COMBINATIONS,
  ...OF_ROWS,
  ...["top_k_mask", "top_k_dp", "top_k_dp_renormalised", "balance_coefficients"],
  ...["gelu", "gelu_tanh", "add", "gelu_dx", "gelu_tanh_dx", "column_sum", "column_dot", "row_squares"],
  ...["layer_norm", "layer_norm_gelu", "layer_norm_gelu_tanh", "standardise", "layer_norm_dx"],
  ...WHOLE_ROWS,
];

/** Kernels for vector units with weights of halves, which stand for none, and the kernel whose cases they have. */
const OF_HALVES: Readonly<Record<string, string>> = { linear_f16: "linear", linear_bf16: "linear" };

/** The sizes that a kernel for vector units needs cases of, beside those of the kernel that it stands for. */
function vectorSizes(kernel: string): readonly Case["dims"][] {
  if (PRODUCTS.includes(kernel)) return WIDE_SIZES.map(([B, K, N]) => ({ B, K, N }));
  if (WHOLE_ROWS.includes(kernel)) return WIDE_ROWS.map(([B, K, N]) => ({ B, K, N }));
  // Around a vector, and beyond the rows of a block.
  if (OF_ROWS.includes(kernel)) {
    return product([5, 8, 17, 257], [7, 8, 9, 15, 16, 17, 33]).map(([B, N]) => ({ B, N }));
  }
  if (COMBINATIONS.includes(kernel)) {
    return product([3, 257], [7, 8, 9, 15, 16, 17, 130]).map(([B, N]) => ({ B, E: 3, N }));
  }
  if (kernel === "balance_coefficients") return [7, 8, 9, 15, 16, 17, 33].map((E) => ({ B: 5, E }));
  return kernel.startsWith("top_k") ? [{ B: 257, E: 17 }] : [];
}

/** The same for the instances for vector units of CPUs. */
export const VECTOR_CASES: readonly Case[] = SIMD_UNITS.flatMap((unit) =>
  [...FOR_VECTORS, ...Object.keys(OF_HALVES)].flatMap((kernel) => {
    const of = OF_HALVES[kernel] ?? kernel;
    const cases = CASES.filter((one) => one.kernel === of);
    const attributes = cases.at(-1)?.attributes ?? {};
    const more = vectorSizes(of).map((dims) => ({ dims, fill: "plain" as const, attributes, interpreted: false }));
    return [...cases, ...more].map((one) => ({ ...one, kernel: `${kernel}_${unit}` }));
  }),
);
