/**
 * The symbolic machine and the definitions beside what runs numbers: the interpreter and the reference evaluator.
 *
 * For each kernel of kernels/ that claims something, at several shapes and fillings: what its symbolic outputs and its
 * symbolic definition come to, and what the interpreter leaves, lie within the bound that `evaluateOperation` gives for f32.
 */

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { isFloat, isHalfElement } from "../../src/ir/kernel/elements.ts";
import { denseTensor, interpretKernel, type TensorMemory } from "../../src/ir/kernel/interpret.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { isClaimAttribute, isIntegerAttribute } from "../../src/ir/tensor/claim-signature.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { type DenseTensor, evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import { roundToNearest } from "../../src/support/half-formats.ts";
import type { Contents } from "../../src/verify/contents.ts";
import { contentsOf } from "../../src/verify/contents.ts";
import { attributesAt } from "../../src/verify/equivalence/compare.ts";
import { defineClaim, type RealTensor } from "../../src/verify/equivalence/define.ts";
import { evaluatorOf } from "../../src/verify/equivalence/evaluate.ts";
import { type Launched, launch } from "../../src/verify/equivalence/launch.ts";
import { lift, type Memory, Pending } from "../../src/verify/equivalence/machine.ts";
import { NotDefined } from "../../src/verify/equivalence/real-arithmetic.ts";
import { type Real, Reals } from "../../src/verify/equivalence/reals.ts";
import { bindSignature } from "../../src/verify/equivalence/signature.ts";
import { type Case, casesOf } from "../../src/verify/equivalence/sizes.ts";
import { type Filling, fillElement } from "../../src/verify/replay-record.ts";

const ROOT = join(import.meta.dirname, "../..");
const CASES = 6;
const CONTENTS = 6;
const FILLINGS: readonly ((position: number) => Filling)[] = [
  (position) => ({ kind: "noise", seed: 7 + position, span: 1_000, step: 0.003 }),
  (position) => ({ kind: "noise", seed: 70 + position, span: 2, step: 0.5 }),
  (position) => ({ kind: "ripple", sign: 1, stride: 3 + position, modulus: 7 }),
];

const { kernels } = readKernels([join(ROOT, "kernels")], { cwd: ROOT });
const claiming = kernels.filter((kernel) => bindSignature(kernel) !== undefined);

/** Cases with elements, from the smallest to one beyond all tiles. */
function someCases(kernel: Kernel): readonly Case[] {
  const cases = casesOf(kernel).cases.filter(({ dims }) => Object.values(dims).every((size) => size > 0n));
  const picked = Array.from({ length: CASES }, (_, i) => Math.round((i * (cases.length - 1)) / (CASES - 1)));
  return [...new Set(picked)].flatMap((i) => cases[i] ?? []);
}

function memoryOf({ memories }: Launched, name: string): Memory {
  const memory = memories.get(name);
  if (memory === undefined) throw new Error(`no array ${name}`);
  return memory;
}

/** What a variable of the launch holds, as an f32, or as a half where the tensor is of these. */
function numbersOf(
  kernel: Kernel,
  at: Case,
  launched: Launched,
  fill: (position: number) => Filling,
): Map<Real, number> {
  const params = new Map(kernel.params.map(({ name, element }, position) => [name, { element, position }]));
  return new Map(
    [...launched.origins].map(([real, { param, index }]) => {
      const { element, position = 0 } = params.get(param) ?? {};
      const value = Math.fround(at.scalars[param] ?? fillElement(fill(position), index));
      return [real, element !== undefined && isHalfElement(element) ? roundToNearest(element, value) : value];
    }),
  );
}

/** The tensors before the run, as numbers. */
function tensorsOf(
  kernel: Kernel,
  launched: Launched,
  variables: ReadonlyMap<Real, number>,
): ReadonlyMap<string, DenseTensor & { readonly values: Float32Array }> {
  return new Map(
    kernel.params.flatMap(({ kind, name, element }) => {
      if (kind !== "tensor") return [];
      const { shape, size } = memoryOf(launched, name);
      const before = launched.before.get(name) ?? new Array<number>(size).fill(0);
      const number = (value: unknown): number => {
        if (typeof value !== "number") throw new Error(`${name} holds something else than numbers`);
        return isFloat(element) ? (variables.get(value) ?? Number.NaN) : value;
      };
      const isInput = launched.before.has(name);
      return [[name, { shape, values: Float32Array.from(before, (value) => (isInput ? number(value) : 0)) }]];
    }),
  );
}

interface Compared {
  /** Elements of outputs of which the bound says something. */
  readonly elements: number;
  /** All of them. */
  readonly size: number;
  readonly wrong: readonly string[];
}

/** Nothing where the operation is not defined for the contents of index tensors, as for ids of no expert. */
function definitionOf<T>(define: () => T): T | undefined {
  try {
    return define();
  } catch (cause) {
    if (cause instanceof NotDefined) return undefined;
    throw cause;
  }
}

function compare(kernel: Kernel, at: Case, contents: Contents, fill: (position: number) => Filling): Compared {
  const bound = bindSignature(kernel);
  if (bound === undefined) throw new Error(`${kernel.name} claims nothing`);
  const reals = new Reals();
  const launched = launch(kernel, at, contents, { reals, reached: new Set(), budget: { left: 1e9 } });
  const variables = numbersOf(kernel, at, launched, fill);
  const tensors = tensorsOf(kernel, launched, variables);

  const attributes = attributesAt(bound, at, launched);
  const operands = bound.inputs.map(({ name, element }): RealTensor => {
    const before = launched.before.get(name) ?? [];
    const isReal = element !== "i32";
    return {
      shape: memoryOf(launched, name).shape,
      elements: before.map((value) => (isReal && typeof value === "number" ? value : lift(reals, value))),
    };
  });
  const defined = definitionOf(() => defineClaim(reals, bound.claim, operands, attributes));
  if (defined === undefined) return { elements: 0, size: 0, wrong: [] };
  const reference = evaluateOperation(
    bound.claim,
    bound.inputs.map(({ name }) => tensors.get(name) ?? { shape: [], values: new Float32Array() }),
    Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [
        name,
        isClaimAttribute(name) && isIntegerAttribute(name) ? value : variables.get(value),
      ]),
    ),
  );

  const memory = new Map<string, { readonly data: Float32Array | Int32Array; readonly run: TensorMemory }>();
  for (const param of kernel.params) {
    const tensor = tensors.get(param.name);
    if (param.kind !== "tensor" || tensor === undefined) continue;
    const data = isFloat(param.element) ? tensor.values.slice() : Int32Array.from(tensor.values);
    memory.set(param.name, { data, run: denseTensor(tensor.shape, data) });
  }
  const { complete, faults } = interpretKernel({
    kernel,
    dims: at.dims,
    scalars: at.scalars,
    tensors: Object.fromEntries([...memory].map(([name, { run }]) => [name, run])),
    width: 64,
    checks: false,
  });
  if (!complete || faults.length > 0) throw new Error(`${kernel.name} does not run: ${faults[0]?.message}`);

  let [elements, size] = [0, 0];
  const wrong: string[] = [];
  for (const { param, formal } of bound.outputs) {
    const own = memoryOf(launched, param.name).values.map((value) => {
      if (value instanceof Pending) throw new Error("a tensor is no accumulator");
      return isFloat(param.element) && typeof value === "number" ? value : lift(reals, value);
    });
    const definition = defined.get(formal)?.elements ?? [];
    const numberOf = evaluatorOf(reals, [...own, ...definition])((real) => variables.get(real) ?? Number.NaN);
    const expected = reference.outputs.get(formal);
    if (expected === undefined || expected.values.length !== own.length) throw new Error(`no ${formal}`);
    size += own.length;
    for (const [i, real] of own.entries()) {
      const [value = Number.NaN, error = Number.NaN] = [expected.values[i], expected.bound[i]];
      // A bound that says nothing would let everything pass.
      if (!(error <= 1e-3 * Math.max(1, Math.abs(value)))) continue;
      elements++;
      const found = {
        machine: numberOf(real),
        definition: numberOf(definition[i] ?? -1),
        interpreter: memory.get(param.name)?.data[i] ?? Number.NaN,
      };
      for (const [who, number] of Object.entries(found)) {
        if (!agrees(number, value, error))
          wrong.push(`${who}: ${param.name} ${i} is ${number}, not ${value} ± ${error}`);
      }
    }
  }
  return { elements, size, wrong };
}

describe("the symbolic machine, the definitions, the interpreter and the reference evaluator agree", () => {
  it("on every kernel that claims something", () => {
    expect(claiming.map(({ name }) => name)).toEqual(
      kernels.filter(({ computes }) => computes !== undefined).map(({ name }) => name),
    );
    expect(claiming.length).toBeGreaterThan(12);
  });

  it.each(claiming.map((kernel) => [kernel.name, kernel] as const))("%s", (_name, kernel) => {
    let [elements, size, runs] = [0, 0, 0];
    for (const at of someCases(kernel)) {
      for (const contents of contentsOf(kernel, at).slice(0, CONTENTS)) {
        for (const fill of FILLINGS) {
          const compared = compare(kernel, at, contents, fill);
          expect(
            compared.wrong.slice(0, 5),
            JSON.stringify(at.dims, (_, size) => String(size)),
          ).toEqual([]);
          elements += compared.elements;
          size += compared.size;
          runs++;
        }
      }
    }
    // The four of a 2 × 2 output in each run, on average, or half of all where outputs are smaller than that.
    expect(elements).toBeGreaterThanOrEqual(Math.min(4 * runs + 1, size / 2));
  });
});
