/**
 * One case of the table, run: its inputs, the results that are expected of it, and what a run got wrong.
 *
 * Every way of running a kernel gets the same inputs, bit for bit, and is held to the same float64 reference with its
 * rigorous bounds. Each tensor has an `ArrayBuffer` of its own and of its exact size, so that an address sanitizer sees
 * the first byte beyond it. Inputs of halves are those nearest to the values of a fill; what is at hand of them is their values.
 */

import { isOperationClaim } from "../../src/ir/tensor/claims.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { type EvaluatedTensor, evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import type { Abi, AbiField } from "../../src/runtime/abi.ts";
import type { CpuLibrary, TensorData } from "../../src/runtime/cpu/library.ts";
import { bitsOfFloats, floatsOfBits, HALF_ELEMENTS, type HalfElement } from "../../src/support/half-formats.ts";
import { type Case, caseName, fillValues, numbers } from "./cases.ts";

export interface CaseTensor {
  readonly name: string;
  readonly role: "input" | "output";
  /** The format of an input of halves; other tensors are of f32. */
  readonly half: HalfElement | undefined;
  readonly shape: readonly number[];
}

/** What outputs hold before a run: no case comes near it, so that an element that nobody writes is found out. */
export const UNWRITTEN = Math.fround(-1.5e30);

export function allocate(shape: readonly number[]): Float32Array<ArrayBuffer> {
  const count = shape.reduce((product, size) => product * size, 1);
  return new Float32Array(new ArrayBuffer(count * Float32Array.BYTES_PER_ELEMENT));
}

/** Inputs filled by their position and the case's name, outputs with `UNWRITTEN`. */
export function caseData(one: Case, tensors: readonly CaseTensor[]): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  const seed = seedOf(caseName(one));
  return new Map(
    tensors.map(({ name, role, half, shape }, position) => {
      const data = allocate(shape);
      if (role === "output") data.fill(UNWRITTEN);
      else {
        const values = fillValues(one.fill, data.length, seed + position);
        data.set(half === undefined ? values : floatsOfBits(half, bitsOfFloats(half, values)));
      }
      return [name, data];
    }),
  );
}

function seedOf(text: string): number {
  const sum = [...text].reduce((hash, letter) => (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) | 0, 7);
  return Math.floor(numbers(sum)() * 2 ** 24);
}

/** The tensors of a kernel in the order of its parameters, which is that of its claim: inputs, then outputs. */
export function tensorsOf(abi: Abi, one: Case): readonly CaseTensor[] {
  const description = abi.kernels.find(({ name }) => name === one.kernel);
  if (description === undefined) throw new Error(`the library has no kernel ${one.kernel}`);
  return description.fields.flatMap((field) => (field.kind === "tensor" ? [caseTensor(field, one)] : []));
}

function caseTensor({ name, role, element, shape = [] }: AbiField, one: Case): CaseTensor {
  if (role !== "input" && role !== "output") throw new Error(`${one.kernel}.${name} is ${role}`);
  const half = HALF_ELEMENTS.find((format) => format === element);
  if (element !== "f32" && (half === undefined || role === "output")) {
    throw new Error(`${one.kernel}.${name} is an ${role} of ${element}`);
  }
  const sizes = shape.map((extent) => {
    const size = /^\d+$/.test(extent) ? Number(extent) : one.dims[extent];
    if (size === undefined) throw new Error(`${caseName(one)} gives no size ${extent}`);
    return size;
  });
  return { name, role, half, shape: sizes };
}

/** The claim evaluated in float64, one tensor per output of the kernel, in order. */
export function expectedOutputs(
  claim: string | undefined,
  one: Case,
  tensors: readonly CaseTensor[],
  data: ReadonlyMap<string, Float32Array>,
): readonly EvaluatedTensor[] {
  if (claim === undefined || !isOperationClaim(claim)) throw new Error(`${one.kernel} claims ${claim}`);
  const inputs = tensors
    .filter(({ role }) => role === "input")
    .map(({ name, shape }) => ({ shape, values: data.get(name) ?? new Float32Array(0) }));
  return [...evaluateOperation(claim, inputs, one.attributes).outputs.values()];
}

/** The first element of a result that lies outside its bound, in words; `undefined` where all agree. */
export function disagreement(
  one: Case,
  tensors: readonly CaseTensor[],
  data: ReadonlyMap<string, Float32Array>,
  expected: readonly EvaluatedTensor[],
): string | undefined {
  const outputs = tensors.filter(({ role }) => role === "output");
  if (outputs.length !== expected.length) return `${caseName(one)}: ${outputs.length} outputs, not ${expected.length}`;
  for (const [position, { name, shape }] of outputs.entries()) {
    const actual = data.get(name) ?? new Float32Array(0);
    const reference = expected[position];
    if (reference?.values.length !== actual.length) return `${caseName(one)}: ${name} has the wrong length`;
    for (const [index, value] of reference.values.entries()) {
      const [found, bound] = [actual[index] ?? Number.NaN, reference.bound[index] ?? 0];
      if (found === UNWRITTEN) return `${caseName(one)}: ${name}[${index}] of [${shape.join(", ")}] was not written`;
      if (!agrees(found, value, bound)) {
        return `${caseName(one)}: ${name}[${index}] of [${shape.join(", ")}] is ${found}, not ${value} ± ${bound}`;
      }
    }
  }
  return undefined;
}

/** The largest share of its bound that an element's error takes; 0 where nothing may differ and nothing does. */
export function shareOfBound(
  library: Pick<CpuLibrary, "abi" | "manifest">,
  one: Case,
  data: ReadonlyMap<string, Float32Array>,
): number {
  const tensors = tensorsOf(library.abi, one);
  const claim = library.manifest.kernels.find(({ name }) => name === one.kernel)?.computes ?? undefined;
  const expected = expectedOutputs(claim, one, tensors, data);
  const shares = tensors
    .filter(({ role }) => role === "output")
    .flatMap(({ name }, position) => {
      const { values, bound } = expected[position] ?? { values: new Float64Array(0), bound: new Float64Array(0) };
      return [...(data.get(name) ?? [])].map((found, i) => Math.abs(found - (values[i] ?? 0)) / (bound[i] ?? 0));
    });
  return shares.reduce((worst, share) => (Number.isFinite(share) ? Math.max(worst, share) : worst), 0);
}

/** Runs a case in a library; gives back the tensors, the outputs written. */
export function callCase(library: CpuLibrary, one: Case): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  const tensors = tensorsOf(library.abi, one);
  const data = caseData(one, tensors);
  const passed = tensors.map(({ name, half }) => {
    const values = data.get(name) ?? new Float32Array(0);
    return { name, half, values, memory: half === undefined ? values : halvesOf(half, values) };
  });
  const inMemory = passed.map(({ name, memory }): [string, TensorData] => [name, memory]);
  library.call(one.kernel, { tensors: Object.fromEntries(inMemory), dims: one.dims, scalars: { ...one.attributes } });
  for (const { half, values, memory } of passed) {
    if (half !== undefined && memory instanceof Uint16Array) values.set(floatsOfBits(half, memory));
  }
  return data;
}

function halvesOf(half: HalfElement, values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(new ArrayBuffer(values.length * Uint16Array.BYTES_PER_ELEMENT));
  bits.set(bitsOfFloats(half, values));
  return bits;
}

/** What a library gets wrong of a case; `undefined` where nothing. */
export function faultOfCall(
  library: Pick<CpuLibrary, "abi" | "manifest">,
  one: Case,
  data: ReadonlyMap<string, Float32Array>,
): string | undefined {
  const tensors = tensorsOf(library.abi, one);
  const claim = library.manifest.kernels.find(({ name }) => name === one.kernel)?.computes ?? undefined;
  const inputs = caseData(one, tensors);
  for (const { name, role } of tensors) {
    const [before, after] = [inputs.get(name), data.get(name)];
    if (role === "input" && !before?.every((value, i) => Object.is(value, after?.[i]))) {
      return `${caseName(one)}: the input ${name} was written`;
    }
  }
  return disagreement(one, tensors, data, expectedOutputs(claim, one, tensors, data));
}
