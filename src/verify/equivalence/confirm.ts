/**
 * Confirmation: an element whose expression differs from its definition's → numbers at which both differ, and a run of
 * the interpreter that leaves another number than the definition gives.
 */

import { evaluateSize } from "../../ir/kernel/interpret-launch.ts";
import { indexOf } from "../../ir/kernel/memory.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import type { Witness } from "../obligation.ts";
import { type Filling, fillElement, type ReplayRecord, runRecord } from "../replay-record.ts";
import { describeReal } from "./describe.ts";
import { evaluateReals } from "./evaluate.ts";
import type { Contents, Launched } from "./launch.ts";
import type { Real, Reals } from "./reals.ts";
import type { Case } from "./sizes.ts";

export interface Difference {
  readonly array: string;
  readonly index: readonly number[];
  readonly actual: Real;
  readonly expected: Real;
  readonly claim: string;
}

/** One filling per float tensor and the values of float scalars, by position. */
type Trial = (name: string, position: number) => Filling;

const MAX_STEPS = 3_000_000;

/** Of the larger of two values, what the difference has to exceed. */
const CLEAR = 1e-3;

const noise = (seed: number, span: number, step: number): Filling => ({ kind: "noise", seed, span, step });

/** Finite numbers: varied, with ties and zeros, positive. */
const FINITE: readonly Trial[] = [
  (_name, position) => noise(position + 1, 12, 0.25),
  (_name, position) => noise(position + 101, 1, 1),
  (_name, position) => ({ kind: "ripple", sign: 1, stride: 3 + 2 * position, modulus: 7 }),
  (_name, position) => noise(position + 201, 1000, 0.01),
  () => ({ kind: "constant", value: 1 }),
  (_name, position) => noise(position + 301, 400, 0.25),
];

/** Infinity in one tensor at a time, beside zeros and small numbers: what is skipped must not be multiplied by 0. */
function infinite(tensors: readonly string[]): readonly Trial[] {
  return tensors.map((chosen) => (name, position) => {
    return name === chosen ? { kind: "constant", value: Number.POSITIVE_INFINITY } : noise(position + 401, 1, 1);
  });
}

export function confirmDifference(
  kernel: Kernel,
  at: Case,
  contents: Contents,
  launched: Launched,
  reals: Reals,
  difference: Difference,
  values: "finite" | "infinite",
): Witness | undefined {
  const floats = kernel.params.filter(({ kind, element }) => kind === "tensor" && element === "f32");
  const trials = values === "finite" ? FINITE : infinite(floats.map(({ name }) => name));
  for (const trial of trials) {
    const fillings = new Map(floats.map(({ name }, position) => [name, trial(name, position)]));
    const variables = new Map<Real, number>();
    for (const [real, { param, index }] of launched.origins) {
      const filling = fillings.get(param);
      const value = filling === undefined ? (at.scalars[param] ?? 0) : fillElement(filling, index);
      variables.set(real, Math.fround(value));
    }
    const numbers = evaluateReals(reals, [difference.actual, difference.expected], variables);
    const [actual = 0, expected = 0] = [numbers[difference.actual], numbers[difference.expected]];
    if (!differ(actual, expected, values)) continue;
    const record = recordOf(kernel, at, contents, fillings, difference, actual, expected);
    const fault = runRecord(kernel, record).faults.find(({ kind }) => kind === "value");
    if (fault === undefined) continue;
    return {
      dims: at.dims,
      text: describeDifference(kernel, at, contents, reals, difference),
      replayed: `the interpreter ${fault.message}`,
      replay: record,
    };
  }
  return undefined;
}

/** Whether two values are clearly not one, and the definition has one. */
function differ(actual: number, expected: number, values: "finite" | "infinite"): boolean {
  if (Number.isNaN(expected)) return false;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return values === "infinite" && actual !== expected;
  return Math.abs(actual - expected) > CLEAR * Math.max(Math.abs(actual), Math.abs(expected), 1e-6);
}

function recordOf(
  kernel: Kernel,
  at: Case,
  contents: Contents,
  fillings: ReadonlyMap<string, Filling>,
  { array, index, claim }: Difference,
  actual: number,
  expected: number,
): ReplayRecord {
  const tensors: Record<string, Filling> = {};
  for (const param of kernel.params) {
    if (param.kind !== "tensor") continue;
    tensors[param.name] = fillings.get(param.name) ?? integerFilling(kernel, param.name, at, contents);
  }
  const gap = Math.abs(actual - expected);
  return {
    width: kernel.indexWidth === "i32" ? 32 : 64,
    dims: at.dims,
    scalars: at.scalars,
    tensors,
    maxSteps: MAX_STEPS,
    fault: { kinds: ["value"], array },
    expected: { array, index, value: expected, tolerance: Number.isFinite(gap) ? gap / 2 : 0, claim },
  };
}

function integerFilling(kernel: Kernel, name: string, at: Case, contents: Contents): Filling {
  const values = contents.get(name);
  if (values === undefined) return { kind: "constant", value: 0 };
  const entries = values.map((value, address) => ({ index: contentsIndex(kernel, name, at, address), value }));
  return { kind: "table", entries, otherwise: 0 };
}

function contentsIndex(kernel: Kernel, name: string, at: Case, address: number): readonly number[] {
  const param = kernel.params.find((candidate) => candidate.name === name);
  const shape = param?.kind === "tensor" ? param.shape.map((extent) => Number(evaluateSize(extent, at))) : [];
  return indexOf(shape, address);
}

/** `B = 1, K = 0; y[0][0] is bias[0] + bias[0], where linear is bias[0]` */
export function describeDifference(
  kernel: Kernel,
  at: Case,
  contents: Contents,
  reals: Reals,
  { array, index, actual, expected, claim }: Difference,
): string {
  const sizes = Object.entries(at.dims).map(([name, size]) => `${name} = ${size}`);
  const scalars = kernel.params.flatMap(({ kind, name, element }) =>
    kind === "scalar" && element !== "f32" ? [`${name} = ${at.scalars[name]}`] : [],
  );
  const indices = [...contents].map(([name, values]) => `${name} = [${values.join(", ")}]`);
  const element = `${array}${index.map((i) => `[${i}]`).join("")}`;
  const is = describeReal(reals, actual);
  return `${[...sizes, ...scalars, ...indices].join(", ")}; ${element} is ${is}, where ${claim} gives ${describeReal(reals, expected)}`;
}
