/**
 * Confirmation: elements whose expressions differ from their definitions' → numbers at which one of them does, and a run
 * of the interpreter that leaves another number than the definition gives.
 */

import { type ElementType, isFloat, isHalfElement } from "../../ir/kernel/elements.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import { roundToNearest } from "../../support/half-formats.ts";
import { type Contents, fillingsOf } from "../contents.ts";
import type { Witness } from "../obligation.ts";
import { type Filling, fillElement, type ReplayRecord, runRecord, runTensors } from "../replay-record.ts";
import { describeReal } from "./describe.ts";
import { evaluatorOf } from "./evaluate.ts";
import type { Launched } from "./launch.ts";
import { OverBudget, type Real, type Reals } from "./reals.ts";
import type { Case } from "./sizes.ts";
import type { Trial } from "./trials.ts";

/** One launch, and what it is compared with. */
export interface Comparison {
  readonly kernel: Kernel;
  readonly claim: string;
  readonly at: Case;
  readonly contents: Contents;
  readonly reals: Reals;
  readonly launched: Launched;
}

export interface Element {
  readonly array: string;
  readonly index: readonly number[];
  readonly actual: Real;
  readonly expected: Real;
}

export interface Confirmed {
  readonly element: Element;
  readonly witness: Witness;
}

const MAX_STEPS = 3_000_000;
/** Of the larger of two values, what the difference has to exceed. */
const CLEAR = 1e-3;

/** The first element that a trial shows to differ, or of `finiteness` the first that is finite by definition and is not. */
export function confirmDifference(
  comparison: Comparison,
  elements: readonly Element[],
  trials: readonly Trial[],
  compare: "values" | "finiteness",
): Confirmed | undefined {
  for (const { fillings, numberOf } of trialsAt(comparison, elements, trials)) {
    for (const element of elements) {
      const [actual, expected] = [numberOf(element.actual), numberOf(element.expected)];
      if (!Number.isFinite(expected) || !differ(actual, expected, compare)) continue;
      const confirmed = confirmElement(comparison, fillings, element, { actual, expected });
      if (confirmed !== undefined) return confirmed;
    }
  }
  return undefined;
}

/**
 * The first element that a run of the kernel leaves a fault in, where its definition is finite. Unlike an expression, which
 * has lost what is multiplied by 0 and what cancels, a run shows what that does when it is not finite itself. Throws where a
 * run does not end: then nothing is known of the output.
 */
export function runNotFinite(
  comparison: Comparison,
  elements: readonly Element[],
  trials: readonly Trial[],
  isFault: (value: number) => boolean,
): Confirmed | undefined {
  for (const { fillings, numberOf } of trialsAt(comparison, elements, trials)) {
    const finite = elements.flatMap((element) => {
      const expected = numberOf(element.expected);
      return Number.isFinite(expected) ? [{ element, expected }] : [];
    });
    const [first] = finite;
    if (first === undefined) continue;
    const { tensors, outcome } = runTensors(
      comparison.kernel,
      recordOf(comparison, fillings, first.element, { actual: Number.NaN, expected: first.expected }),
    );
    if (!outcome.complete) throw new OverBudget(`a run that tries it out does not end within ${MAX_STEPS} steps`);
    for (const { element, expected } of finite) {
      const actual = tensors[element.array]?.read(element.index) ?? Number.NaN;
      if (!isFault(actual)) continue;
      const confirmed = confirmElement(comparison, fillings, element, { actual, expected });
      if (confirmed !== undefined) return confirmed;
    }
  }
  return undefined;
}

interface TrialAt {
  readonly fillings: ReadonlyMap<string, Filling>;
  readonly numberOf: (real: Real) => number;
}

/** Each trial at the sizes that are compared. */
function* trialsAt(
  { kernel, at, launched, reals }: Comparison,
  elements: readonly Element[],
  trials: readonly Trial[],
): Generator<TrialAt> {
  const evaluate = evaluatorOf(
    reals,
    elements.flatMap(({ actual, expected }) => [actual, expected]),
  );
  const formats = new Map(kernel.params.map(({ name, element }) => [name, element]));
  for (const trial of trials) {
    const fillings = new Map(floatTensors(kernel).map((name, position) => [name, trial(name, position)]));
    const variable = (real: Real): number => {
      const origin = launched.origins.get(real);
      if (origin === undefined) return Number.NaN;
      const { param, index } = origin;
      const filling = fillings.get(param);
      const value = filling === undefined ? (at.scalars[param] ?? 0) : fillElement(filling, index);
      return held(formats.get(param), value);
    };
    yield { fillings, numberOf: evaluate(variable) };
  }
}

interface Numbers {
  readonly actual: number;
  readonly expected: number;
}

/** The element, if a run of the interpreter leaves another number than the definition gives. */
function confirmElement(
  comparison: Comparison,
  fillings: ReadonlyMap<string, Filling>,
  element: Element,
  numbers: Numbers,
): Confirmed | undefined {
  const record = recordOf(comparison, fillings, element, numbers);
  const fault = runRecord(comparison.kernel, record).faults.find(({ kind }) => kind === "value");
  if (fault === undefined) return undefined;
  const text = describeElement(comparison, element);
  const replayed = `the interpreter ${fault.message}`;
  return { element, witness: { dims: comparison.at.dims, text, replayed, replay: record } };
}

/** What a kernel reads of a value that was put into such a parameter. */
function held(element: ElementType | undefined, value: number): number {
  return element !== undefined && isHalfElement(element) ? roundToNearest(element, value) : Math.fround(value);
}

/** The float tensors that a trial fills, in the order of the parameters. */
export function floatTensors(kernel: Kernel): readonly string[] {
  return kernel.params.flatMap(({ kind, name, element }) => (kind === "tensor" && isFloat(element) ? [name] : []));
}

function differ(actual: number, expected: number, compare: "values" | "finiteness"): boolean {
  if (!Number.isFinite(actual)) return true;
  return (
    compare === "values" && Math.abs(actual - expected) > CLEAR * Math.max(Math.abs(actual), Math.abs(expected), 1e-6)
  );
}

function recordOf(
  { kernel, claim, at, contents }: Comparison,
  fillings: ReadonlyMap<string, Filling>,
  { array, index }: Element,
  { actual, expected }: Numbers,
): ReplayRecord {
  const integers = fillingsOf(kernel, at, contents);
  const tensors: Record<string, Filling> = {};
  for (const param of kernel.params) {
    if (param.kind !== "tensor") continue;
    tensors[param.name] = fillings.get(param.name) ?? integers(param.name);
  }
  const gap = Math.abs(actual - expected) / 2;
  return {
    width: kernel.indexWidth === "i32" ? 32 : 64,
    dims: at.dims,
    scalars: at.scalars,
    tensors,
    maxSteps: MAX_STEPS,
    fault: { kinds: ["value"], array },
    expected: {
      array,
      index,
      value: expected,
      tolerance: Number.isFinite(gap) ? gap : Math.abs(expected) / 2 + 1,
      claim,
    },
  };
}

/** `B = 1, K = 0, N = 1; y[0][0] is bias[0] + bias[0], where linear gives bias[0]` */
export function describeElement(
  { kernel, claim, at, contents, reals }: Comparison,
  { array, index, actual, expected }: Element,
): string {
  const sizes = Object.entries(at.dims).map(([name, size]) => `${name} = ${size}`);
  const scalars = kernel.params.flatMap(({ kind, name, element }) =>
    kind === "scalar" && element !== "f32" ? [`${name} = ${at.scalars[name]}`] : [],
  );
  const indices = [...contents].map(([name, values]) => `${name} = [${values.join(", ")}]`);
  const element = `${array}${index.map((i) => `[${i}]`).join("")}`;
  const [is, gives] = [describeReal(reals, actual), describeReal(reals, expected)];
  return `${[...sizes, ...scalars, ...indices].join(", ")}; ${element} is ${is}, where ${claim} gives ${gives}`;
}
