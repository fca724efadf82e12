/**
 * Cases of the kernels that compute with the parameters of each row's expert, and round: each row is held to the operation
 * of one matrix by itself, under the parameters of its expert, with that operation's bound.
 */

import type { OperationClaim } from "../../src/ir/tensor/claims.ts";
import { evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import { type Random, type RoutingCase, widthOf } from "./routing-shapes.ts";

/** How a product reaches its rows is one text for both forms of GELU: of many experts, the cases of erf show it. */
const FEW_EXPERTS = 3;

/** Every kernel of this file for rows of these experts. */
export function expertCases(
  next: Random,
  offsets: Int32Array<ArrayBuffer>,
  expert: Int32Array<ArrayBuffer>,
): readonly RoutingCase[] {
  const E = offsets.length - 1;
  return [
    groupedLayerNorm(next, "layer_norm", expert, E),
    groupedLayerNorm(next, "layer_norm_gelu", expert, E),
    groupedLayerNorm(next, "layer_norm_gelu_tanh", expert, E),
    groupedLayerNormDx(next, expert, E),
    ...groupedLinearLayerNormGelu(next, "linear_layer_norm_gelu", offsets, expert),
    groupedMatmulNnGeluDx(next, "matmul_nn_gelu_dx", offsets, expert),
    ...(E > FEW_EXPERTS
      ? []
      : [
          ...groupedLinearLayerNormGelu(next, "linear_layer_norm_gelu_tanh", offsets, expert),
          groupedMatmulNnGeluDx(next, "matmul_nn_gelu_tanh_dx", offsets, expert),
        ]),
  ];
}

/** Numbers from −2 to 2. */
const uniform = (next: Random, length: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, () => 4 * next() - 2);

/** Each row by itself as the operation of one matrix, under the parameters of its expert. */
function rowByRow(
  claim: OperationClaim,
  expert: Int32Array<ArrayBuffer>,
  width: number,
  inputsOf: (p: number, e: number) => Parameters<typeof evaluateOperation>[1],
  attributes: Parameters<typeof evaluateOperation>[2],
): { readonly values: Float32Array<ArrayBuffer>; readonly bound: Float64Array } {
  const [values, bound] = [new Float32Array(expert.length * width), new Float64Array(expert.length * width)];
  for (const [p, e] of expert.entries()) {
    const [row] = evaluateOperation(claim, inputsOf(p, e), attributes).outputs.values();
    if (row === undefined) throw new Error(`${claim} has no output`);
    values.set(row.values, p * width);
    // The expected value is kept in f32, which rounds it once.
    bound.set(
      row.bound.map((most, n) => most + Math.abs(row.values[n] ?? 0) * 2 ** -24),
      p * width,
    );
  }
  return { values, bound };
}

/** A slice of a tensor whose first axis is experts or rows. */
const sliceOf = (data: Float32Array<ArrayBuffer>, position: number, shape: readonly number[]) => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, values: data.slice(position * size, (position + 1) * size) };
};

function groupedLinearLayerNormGelu(
  next: Random,
  claim: "linear_layer_norm_gelu" | "linear_layer_norm_gelu_tanh",
  offsets: Int32Array<ArrayBuffer>,
  expert: Int32Array<ArrayBuffer>,
): readonly RoutingCase[] {
  const [T, E, K, epsilon] = [expert.length, offsets.length - 1, 19, 1e-5];
  const N = E <= 3 && T <= 64 ? 128 : 32;
  const [x, w, bias] = [uniform(next, T * K), uniform(next, E * N * K), uniform(next, E * N)];
  const [gamma, beta] = [uniform(next, E * N), uniform(next, E * N)];
  const inputsOf = (p: number, e: number) => [
    sliceOf(x, p, [1, K]),
    sliceOf(w, e, [N, K]),
    ...[bias, gamma, beta].map((data) => sliceOf(data, e, [N])),
  ];
  const { values, bound } = rowByRow(claim, expert, N, inputsOf, { epsilon });
  const ofExperts = { bias: [E, N], gamma: [E, N], beta: [E, N] };
  const shapes = { x: [T, K], ...ofExperts, offsets: [E + 1], expert: [T], y: [T, N] };
  const expected = { scalars: { epsilon }, outputs: { y: values }, bounds: { y: bound } };
  const { packed, shape } = packedRows(w, [E, N, K]);
  return [
    {
      kernel: `grouped_${claim}`,
      dims: { T, K, E, N },
      shapes: { ...shapes, w: [E, N, K] },
      inputs: { x, w, bias, offsets, expert, gamma, beta },
      ...expected,
    },
    {
      kernel: `packed_grouped_${claim}`,
      dims: { E, P: shape[1] ?? 0, K, T, N },
      shapes: { ...shapes, w: shape },
      inputs: { w: packed, x, bias, offsets, expert, gamma, beta },
      ...expected,
    },
  ];
}

/** In panels of 32 rows: [E, P, K, 32], element by element of the result, and 0 where w has no row. */
export function packedRows(
  w: Float32Array,
  [E, N, K]: readonly [E: number, N: number, K: number],
): { readonly packed: Float32Array<ArrayBuffer>; readonly shape: readonly number[] } {
  const shape = [E, Math.ceil(N / 32), K, 32];
  const packed = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => {
    const [c, k, panel] = [i % 32, Math.floor(i / 32) % K, Math.floor(i / 32 / K)];
    const [e, n] = [Math.floor(panel / (shape[1] ?? 1)), 32 * (panel % (shape[1] ?? 1)) + c];
    return n < N ? (w[(e * N + n) * K + k] ?? Number.NaN) : 0;
  });
  return { packed, shape };
}

function groupedMatmulNnGeluDx(
  next: Random,
  claim: "matmul_nn_gelu_dx" | "matmul_nn_gelu_tanh_dx",
  offsets: Int32Array<ArrayBuffer>,
  expert: Int32Array<ArrayBuffer>,
): RoutingCase {
  const [T, E] = [expert.length, offsets.length - 1];
  const [N, K] = [13 + widthOf(T, E), 14 + widthOf(E, T)];
  const [x, w, z] = [uniform(next, T * N), uniform(next, E * N * K), uniform(next, T * K)];
  const inputsOf = (p: number, e: number) => [sliceOf(x, p, [1, N]), sliceOf(w, e, [N, K]), sliceOf(z, p, [1, K])];
  const { values, bound } = rowByRow(claim, expert, K, inputsOf, {});
  return {
    kernel: `grouped_${claim}`,
    dims: { T, N, E, K },
    shapes: { x: [T, N], w: [E, N, K], offsets: [E + 1], expert: [T], z: [T, K], dz: [T, K] },
    inputs: { x, w, offsets, expert, z },
    outputs: { dz: values },
    bounds: { dz: bound },
  };
}

function groupedLayerNorm(
  next: Random,
  claim: "layer_norm" | "layer_norm_gelu" | "layer_norm_gelu_tanh",
  expert: Int32Array<ArrayBuffer>,
  E: number,
): RoutingCase {
  const [T, N, epsilon] = [expert.length, widthOf(expert.length, E), 1e-5];
  const [x, gamma, beta] = [uniform(next, T * N), uniform(next, E * N), uniform(next, E * N)];
  const inputsOf = (p: number, e: number) => [sliceOf(x, p, [1, N]), sliceOf(gamma, e, [N]), sliceOf(beta, e, [N])];
  const { values, bound } = rowByRow(claim, expert, N, inputsOf, { epsilon });
  return {
    kernel: `grouped_${claim}`,
    dims: { T, E, N },
    shapes: { x: [T, N], gamma: [E, N], beta: [E, N], expert: [T], y: [T, N] },
    inputs: { x, gamma, beta, expert },
    scalars: { epsilon },
    outputs: { y: values },
    bounds: { y: bound },
  };
}

/** Each row as an only row of layer_norm_dx, with the gamma of its expert. */
function groupedLayerNormDx(next: Random, expert: Int32Array<ArrayBuffer>, E: number): RoutingCase {
  const [T, N, epsilon] = [expert.length, 37, 1e-5];
  const [x, gamma, dy] = [uniform(next, T * N), uniform(next, E * N), uniform(next, T * N)];
  const inputsOf = (p: number, e: number) => [sliceOf(x, p, [1, N]), sliceOf(gamma, e, [N]), sliceOf(dy, p, [1, N])];
  const { values, bound } = rowByRow("layer_norm_dx", expert, N, inputsOf, { epsilon });
  return {
    kernel: "grouped_layer_norm_dx",
    dims: { T, E, N },
    shapes: { x: [T, N], gamma: [E, N], dy: [T, N], expert: [T], dx: [T, N] },
    inputs: { x, gamma, dy, expert },
    scalars: { epsilon },
    outputs: { dx: values },
    bounds: { dx: bound },
  };
}
