/**
 * One case: a kernel's launch beside its definition, element by element.
 *
 * Elements with one normal form are equal. Of the others, numbers are tried first, since they are quicker than multiplying
 * out what is not equal; what neither settles leaves the output open, and later cases may still refute it.
 */

import { isFloat } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { addressOf, indexOf } from "../../ir/kernel/memory.ts";
import type { Kernel, Stmt, TensorParam } from "../../ir/kernel/types.ts";
import { statementExprs, visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { type ClaimAttribute, isIntegerAttribute } from "../../ir/tensor/claim-signature.ts";
import { InternalError } from "../../support/result.ts";
import type { Span } from "../../support/span.ts";
import type { Contents } from "../contents.ts";
import type { Witness } from "../obligation.ts";
import {
  type Comparison,
  type Confirmed,
  confirmDifference,
  describeElement,
  type Element,
  floatTensors,
  runNotFinite,
} from "./confirm.ts";
import { defineClaim, type RealAttributes, type RealTensor, ShapeMismatch } from "./define.ts";
import { type Launched, launch } from "./launch.ts";
import { type Budget, lift, type Memory, Pending, type Reached } from "./machine.ts";
import { NotDefined } from "./real-arithmetic.ts";
import { OverBudget, type Real, type Reals } from "./reals.ts";
import type { Bound } from "./signature.ts";
import type { Case } from "./sizes.ts";
import type { Tables } from "./tables.ts";
import { infinite, large, SMALL, spikes } from "./trials.ts";

/** What is known of an output so far. */
export interface OutputState {
  readonly param: TensorParam;
  /** Its name in the claim's signature. */
  readonly formal: string;
  /** How many elements were equal. */
  elements: number;
  refuted?: { readonly span: Span; readonly witness: Witness };
  /** The first element that nothing has settled. */
  open?: { readonly span: Span; readonly reason: string };
  /** Of each statement and arm of a choice the last case with elements that it ran at: what is tried out at the end. */
  readonly lastAt: Map<Stmt | Expr, LastCase>;
}

interface LastCase {
  readonly comparison: Comparison;
  readonly memory: Memory;
  readonly elements: readonly Element[];
}

export interface CaseRequest {
  readonly kernel: Kernel;
  readonly bound: Bound;
  readonly at: Case;
  readonly contents: Contents;
  readonly tables: Tables;
  readonly reached: Reached;
  readonly budget: Budget;
}

/** Elements that differ and are looked at, of one output in one case. */
const MAX_DIFFERENT = 200;
/** Spikes at which the kernel is run as well. */
const SPIKES_RUN = 2;

/** Updates the states; says where the operation is not defined, or does not take these shapes. */
export function compareCase(
  request: CaseRequest,
  states: readonly OutputState[],
): NotDefined | ShapeMismatch | "compared" | "over-budget" {
  const { kernel, bound, at, contents, tables, reached, budget } = request;
  const { reals } = tables;
  const launched = launch(kernel, at, contents, { reals, reached, budget });
  const definition = definitionOf(bound, at, reals, launched);
  if (definition instanceof Error) return definition;
  const comparison: Comparison = { kernel, claim: bound.claim, at, contents, reals, launched };
  for (const state of states) {
    const memory = launched.memories.get(state.param.name);
    const expected = definition.get(state.formal);
    if (memory === undefined || memory.shape.join() !== expected?.shape.join()) {
      return new ShapeMismatch(`${state.param.name} would have the shape [${expected?.shape.join(", ")}]`);
    }
    try {
      compareOutput(comparison, state, memory, expected, tables, reached);
    } catch (cause) {
      if (!(cause instanceof OverBudget)) throw cause;
      state.open ??= { span: state.param.span, reason: `symbolic execution: ${cause.message}` };
      return "over-budget";
    }
  }
  return "compared";
}

function definitionOf(
  bound: Bound,
  at: Case,
  reals: Reals,
  launched: Launched,
): ReadonlyMap<string, RealTensor> | NotDefined | ShapeMismatch {
  const operands = bound.inputs.map(({ name }): RealTensor => {
    const memory = launched.memories.get(name);
    // What an inout holds after the launch is its result.
    const before = launched.before.get(name) ?? [];
    const floats = memory !== undefined && isFloat(memory.element);
    return {
      shape: memory?.shape ?? [],
      elements: before.map((value) => (floats && typeof value === "number" ? value : lift(reals, value))),
    };
  });
  try {
    return defineClaim(reals, bound.claim, operands, attributesAt(bound, at, launched));
  } catch (cause) {
    if (cause instanceof NotDefined || cause instanceof ShapeMismatch) return cause;
    throw cause;
  }
}

/** The claim's scalars at this launch. */
export function attributesAt(
  { signature, inputs, outputs }: Bound,
  at: Case,
  { scalars, memories }: Pick<Launched, "scalars" | "memories">,
): RealAttributes {
  const { attributes, sized = {} } = signature;
  const params = [...inputs, ...outputs.map(({ param }) => param)];
  const sizes = Object.entries(sized).map(([name, dim]): readonly [string, number] => {
    const formals = [...signature.inputs, ...signature.outputs];
    const position = formals.findIndex(({ shape }) => shape.includes(dim));
    const size = memories.get(params[position]?.name ?? "")?.shape[formals[position]?.shape.indexOf(dim) ?? -1];
    if (size === undefined) throw new InternalError(`nothing says how large ${dim} is`);
    return [name, size];
  });
  const integers = attributes.flatMap((name): readonly (readonly [ClaimAttribute, number])[] => {
    const value = at.scalars[name];
    return isIntegerAttribute(name) && scalars.has(name) && value !== undefined ? [[name, value]] : [];
  });
  const floats = attributes.flatMap((name): readonly (readonly [ClaimAttribute, Real])[] => {
    const value = scalars.get(name);
    return !isIntegerAttribute(name) && typeof value === "number" ? [[name, value]] : [];
  });
  return Object.fromEntries([...integers, ...floats, ...sizes]);
}

function compareOutput(
  comparison: Comparison,
  state: OutputState,
  memory: Memory,
  { elements: expected }: RealTensor,
  { reals, formOf, equal, undefinedIn }: Tables,
  reached: Reached,
): void {
  const elements = expected.map((definition, address): Element => {
    return {
      array: memory.name,
      index: indexOf(memory.shape, address),
      actual: realAt(reals, memory, address),
      expected: definition,
    };
  });
  const here: LastCase = { comparison, memory, elements };
  for (const node of elements.length > 0 ? reached : []) state.lastAt.set(node, here);
  const isSame = ({ actual, expected: wanted }: Element): boolean => {
    const [own, form] = [formOf(actual), formOf(wanted)];
    return own === form && undefinedIn(own) === undefined;
  };
  const different = elements.filter((element) => !isSame(element));
  state.elements += elements.length - different.length;
  if (different.length === 0) return;
  const confirmed = confirmDifference(comparison, different.slice(0, MAX_DIFFERENT), SMALL, "values");
  if (confirmed !== undefined) {
    state.refuted = { span: writerOf(memory, confirmed.element), witness: confirmed.witness };
    return;
  }
  for (const element of state.open === undefined ? different : []) {
    const [own, form] = [formOf(element.actual), formOf(element.expected)];
    const why = undefinedIn(own) ?? undefinedIn(form);
    if (why === undefined && equal(own, form)) {
      state.elements++;
      continue;
    }
    const reason = why ?? "no rule makes them equal, and no numbers show that they are not";
    state.open = { span: writerOf(memory, element), reason: `${describeElement(comparison, element)}: ${reason}` };
    return;
  }
}

function realAt(reals: Reals, memory: Memory, address: number): Real {
  const value = memory.values[address];
  if (value instanceof Pending) throw new InternalError("a tensor is no accumulator");
  return isFloat(memory.element) && typeof value === "number" ? value : lift(reals, value);
}

function writerOf(memory: Memory, { index }: Element): Span {
  const writer = memory.writers[addressOf(memory.shape, index)];
  if (writer !== undefined) return writer.span;
  // Nothing has written it: the store that wrote another.
  return memory.writers.find((stmt) => stmt !== undefined)?.span ?? memory.span;
}

/** Tries the output out, and refutes it where that shows that it is not finite. */
export function tryOut(bound: Bound, state: OutputState): void {
  for (const last of lastCases(state)) {
    const confirmed = notFinite(bound, last);
    if (confirmed === undefined) continue;
    state.refuted = { span: writerOf(last.memory, confirmed.element), witness: confirmed.witness };
    return;
  }
}

/** Whether the output is also finite in a kernel that holds its halves in other formats. */
export function isTriedOut(bound: Bound, state: OutputState, kernel: Kernel): boolean {
  const cases = lastCases(state);
  const inFormat = (last: LastCase): LastCase => ({ ...last, comparison: { ...last.comparison, kernel } });
  return cases.length > 0 && cases.every((last) => notFinite(bound, inFormat(last)) === undefined);
}

/** Few cases that run together all that any case runs. */
function lastCases({ lastAt }: OutputState): readonly LastCase[] {
  return [...new Set(lastAt.values())];
}

/** Tries small and large inputs and infinities at one case: what is finite by definition must be so. */
function notFinite(bound: Bound, { comparison, elements }: LastCase): Confirmed | undefined {
  const { kernel, launched } = comparison;
  const [first] = bound.inputs;
  const columns = (first && launched.memories.get(first.name)?.shape.at(-1)) ?? 0;
  const tensors = floatTensors(kernel);
  const [infinities, ofColumns] = [infinite(tensors), spikes(columns)];
  const finite = [...large(tensors), ...ofColumns.slice(0, SPIKES_RUN)];
  // What is large and right may be rounded to an infinity of f16, but not to NaN.
  const isFault = holdsF16(kernel) ? Number.isNaN : (value: number) => !Number.isFinite(value);
  return (
    confirmDifference(comparison, elements, [...SMALL, ...infinities, ...ofColumns], "finiteness") ??
    runNotFinite(comparison, elements, [...infinities, ...finite], isFault)
  );
}

/** Whether f16 is what anything but an input is held in. */
function holdsF16({ params, arrays, body }: Kernel): boolean {
  let rounds = false;
  visitStmts(body, (stmt) => {
    for (const expr of statementExprs(stmt)) {
      visitExpr(expr, (inner) => {
        rounds ||= inner.kind === "round" && inner.to === "f16";
      });
    }
  });
  return (
    rounds ||
    arrays.some(({ element }) => element === "f16") ||
    params.some((param) => param.kind === "tensor" && param.role !== "input" && param.element === "f16")
  );
}
