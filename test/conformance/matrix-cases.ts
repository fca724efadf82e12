/**
 * Cases of the kernels for matrix instructions: sizes around their tiles, and inputs of the kernels' own element types.
 *
 * The reference gets the values that the halves have. The bound is that of f32 sums in any order, and the products of two halves
 * are exact, so that it holds for whatever order a matrix instruction adds them in.
 */

import { isOperationClaim } from "../../src/ir/tensor/claims.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import type { Abi } from "../../src/runtime/abi.ts";
import type { TensorData } from "../../src/runtime/cpu/library.ts";
import { bitsOfNearest, floatsOfBits } from "../../src/support/half-formats.ts";
import { numbers } from "./cases.ts";

export interface MatrixCase {
  readonly dims: Readonly<Record<string, number>>;
  /** Rows of each expert, of grouped kernels. */
  readonly groups?: readonly number[];
}

/** Nothing, one element, a part of a tile, a whole one, more than one along each dimension; every K and N that is allowed. */
const PRODUCTS: readonly MatrixCase[] = [
  [0, 8, 8],
  [3, 0, 8],
  [1, 8, 4],
  [17, 24, 12],
  [64, 32, 64],
  [65, 40, 68],
  [70, 96, 128],
].map(([B = 0, K = 0, N = 0]) => ({ dims: { B, K, N } }));

/** What the only scalar of these kernels is: LayerNorm's addend to the variance, as a float has it. */
const EPSILON = Math.fround(1e-5);

const GROUPS: readonly MatrixCase[] = [
  { groups: [0, 0], K: 8, N: 3 },
  { groups: [1], K: 8, N: 1 },
  { groups: [3, 0, 70], K: 40, N: 65 },
  { groups: [64, 65, 1, 2], K: 32, N: 20 },
].map(({ groups, K, N }) => ({ groups, dims: { T: groups.reduce((sum, n) => sum + n, 0), E: groups.length, K, N } }));

/** More columns than a tile has, where the columns of a product are not what is summed over. */
const WIDE: MatrixCase = { groups: [0, 33, 5], dims: { T: 38, E: 3, K: 68, N: 8 } };

/** The cases that the contract of a kernel allows. */
export function casesOf(kernel: string): readonly MatrixCase[] {
  if (kernel.startsWith("grouped_linear")) return GROUPS;
  // The gradients move 8 or 4 elements along N at once.
  if (kernel.startsWith("grouped")) {
    return [...GROUPS, WIDE].map(({ dims, groups = [] }) => {
      return { groups, dims: { ...dims, N: Math.ceil((dims["N"] ?? 0) / 8) * 8 } };
    });
  }
  return PRODUCTS.flatMap((one): readonly MatrixCase[] => {
    const { B = 0, K = 0, N = 0 } = one.dims;
    // The gradient of the input sums over N, and moves 8 of it at once.
    if (kernel.startsWith("matmul_nn")) return [{ dims: { B, K, N: Math.ceil(N / 8) * 8 } }];
    // Rows that a block holds whole.
    if (kernel.startsWith("linear_layer_norm")) return [{ dims: { B, K, N: Math.min(N, 128) } }];
    return [one];
  });
}

export interface Data {
  readonly tensors: Readonly<Record<string, TensorData>>;
  readonly scalars: Readonly<Record<string, number>>;
  /** What the kernel has to leave, with its bound; absent for an output of another kind. */
  readonly expect: () => string | undefined;
}

/**
 * Inputs of a case, an output that nobody has written, and what is wrong with it afterwards; `flushed`: where matrix
 * instructions take a subnormal half as 0, so that the reference gets 0 too.
 */
export function dataOf(
  abi: Abi,
  claim: string | null | undefined,
  kernel: string,
  one: MatrixCase,
  flushed = false,
): Data {
  const description = abi.kernels.find(({ name }) => name === kernel);
  if (description === undefined || typeof claim !== "string" || !isOperationClaim(claim)) {
    throw new Error(`the library has no kernel ${kernel} with a claim`);
  }
  const next = numbers(kernel.length + Object.values(one.dims).reduce((sum, size) => 31 * sum + size, 7));
  const tensors: Record<string, TensorData> = {};
  const inputs: { shape: readonly number[]; values: Float32Array }[] = [];
  let output: Float32Array<ArrayBuffer> | undefined;
  const scalars: Record<string, number> = {};
  for (const field of description.fields) {
    if (field.kind === "scalar") scalars[field.name] = EPSILON;
    if (field.kind !== "tensor") continue;
    const shape = (field.shape ?? []).map((extent) => sizeOf(extent, one.dims));
    const count = shape.reduce((product, size) => product * size, 1);
    if (field.role === "output") {
      output = new Float32Array(count).fill(Number.NaN);
      tensors[field.name] = output;
      continue;
    }
    if (field.element === "i32") {
      const values = Int32Array.from(indices(field.name, one.groups ?? []));
      tensors[field.name] = values;
      inputs.push({ shape, values: Float32Array.from(values) });
      continue;
    }
    const plain = Float32Array.from({ length: count }, () => 2 * next() - 1);
    if (field.element === "f32") {
      tensors[field.name] = plain;
      inputs.push({ shape, values: plain });
      continue;
    }
    if (field.element !== "f16" && field.element !== "bf16") throw new Error(`${field.name} is of ${field.element}`);
    const { element } = field;
    const bits = Uint16Array.from(plain, (value) => bitsOfNearest(element, value));
    tensors[field.name] = bits;
    const values = floatsOfBits(element, bits);
    inputs.push({ shape, values: flushed ? values.map((value) => withoutSubnormal(element, value)) : values });
  }
  const expect = (): string | undefined => {
    const [reference] = evaluateOperation(claim, inputs, scalars).outputs.values();
    if (output === undefined || reference === undefined) return `${kernel} has no output`;
    if (output.length !== reference.values.length) return `${output.length} elements, not ${reference.values.length}`;
    for (const [i, value] of reference.values.entries()) {
      const [found, bound] = [output[i] ?? Number.NaN, reference.bound[i] ?? 0];
      if (!agrees(found, value, bound))
        return `${JSON.stringify(one)}: element ${i} is ${found}, not ${value} ± ${bound}`;
    }
    return undefined;
  };
  return { tensors, scalars, expect };
}

function withoutSubnormal(element: "f16" | "bf16", value: number): number {
  return Math.abs(value) < (element === "f16" ? 2 ** -14 : 2 ** -126) ? 0 : value;
}

function sizeOf(extent: string, dims: Readonly<Record<string, number>>): number {
  const [, name = "", more = "0"] = /^(\w+)(?: ?\+ ?(\d+))?$/.exec(extent) ?? [];
  const size = dims[name];
  if (size === undefined) throw new Error(`no size ${extent}`);
  return size + Number(more);
}

/** Of rows sorted by expert: where each expert's begin, and whose each row is. */
function indices(name: string, groups: readonly number[]): readonly number[] {
  if (name === "expert") return groups.flatMap((count, expert) => new Array<number>(count).fill(expert));
  const offsets = [0];
  for (const count of groups) offsets.push((offsets.at(-1) ?? 0) + count);
  return offsets;
}
