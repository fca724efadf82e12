/**
 * Replay: runs a kernel in the interpreter until it shows the fault that a claim denies.
 *
 * Floats are not part of a model, so that several fillings of float tensors are tried: which comparison of floats holds
 * depends on them. Float scalars take values that the kernel's contract allows.
 */

import { isFloat } from "../ir/kernel/elements.ts";
import type { Fault } from "../ir/kernel/interpret.ts";
import { withDerived } from "../ir/kernel/interpret-launch.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { Span } from "../support/span.ts";
import type { Claim } from "./claim.ts";
import { contentsOf, fillingsOf } from "./contents.ts";
import { allowedScalars } from "./float-scalars.ts";
import type { Witness } from "./obligation.ts";
import { type Filling, fillElement, type ReplayRecord, runRecord, showsFault } from "./replay-record.ts";

/** What integer inputs and integer scalars hold. */
export interface IntegerValues {
  readonly integer: (tensor: string) => Filling;
  readonly scalar: (name: string) => number;
}

/** A run that showed a fault. */
export interface Shown {
  readonly fault: Fault;
  readonly record: ReplayRecord;
}

const REPLAY_STEPS = 3_000_000;
const SEARCH_STEPS = 200_000;

/** Fillings for float inputs, tried in turn: the model does not say which comparisons of floats hold. */
const FILLINGS: readonly Filling[] = [
  { kind: "ripple", sign: 1, stride: 3, modulus: 7 },
  { kind: "constant", value: 0 },
  { kind: "ripple", sign: -1, stride: 5, modulus: 11 },
  { kind: "nan" },
];

/** The first run whose faults include one that the claim denies. */
export function runForFault(
  kernel: Kernel,
  claim: Claim,
  dims: Readonly<Record<string, bigint>>,
  contents: IntegerValues,
  restriction: Pick<ReplayRecord, "blocks" | "iterations">,
  maxSteps = REPLAY_STEPS,
): Shown | undefined {
  const { width, limits, faults: kinds, array, places, acrossBlocks } = claim.replay;
  for (const fill of FILLINGS) {
    const tensors: Record<string, Filling> = {};
    const scalars: Record<string, number> = {};
    for (const param of kernel.params) {
      const { name, element } = param;
      if (param.kind === "scalar") scalars[name] = element === "f32" ? fillElement(fill, [1]) : contents.scalar(name);
      else tensors[name] = isFloat(element) ? fill : contents.integer(name);
    }
    const record: ReplayRecord = {
      width,
      ...(limits && { limits }),
      dims,
      scalars: allowedScalars(kernel, { dims, scalars }, width, limits),
      tensors,
      ...restriction,
      maxSteps,
      fault: {
        kinds,
        ...(array !== undefined && { array }),
        ...(acrossBlocks !== undefined && { acrossBlocks }),
      },
    };
    const fault = runRecord(kernel, record).faults.find(
      (found) => showsFault(record.fault, found) && isPlaced(found, places),
    );
    if (fault !== undefined) return { fault, record };
  }
  return undefined;
}

/** Whether the fault is where the claim says. A race has two places, and the run shows the later one of its own order. */
function isPlaced({ kind, span }: Fault, places: readonly Span[] | undefined): boolean {
  if (places === undefined || kind === "race") return true;
  return places.some(
    ({ file, line, column, endLine, endColumn }) =>
      file === span.file &&
      line === span.line &&
      column === span.column &&
      endLine === span.endLine &&
      endColumn === span.endColumn,
  );
}

const SIZES = [1n, 2n, 3n, 5n, 8n, 17n, 33n];
/** One dimension and all others: beside another, and beyond a tile of 64. */
const UNEQUAL: readonly (readonly [bigint, bigint])[] = [
  [2n, 1n],
  [70n, 1n],
];

/** Sizes at which all contents are tried that meet the kernel's conditions on data. */
const TINY = [1n, 2n, 3n];

/** What 64-bit elements hold, where a result may leave 64 bits: doubles, so that the interpreter has them exactly. */
const WIDE = [2 ** 62, -(2 ** 62)];

interface Trial {
  readonly dims: Readonly<Record<string, bigint>>;
  readonly integer: (tensor: string) => Filling;
}

/**
 * All dimensions alike, with data that varies; then one dimension at a time, with data that is 0; then tiny sizes, with
 * all data that the kernel allows and with 64-bit elements that are large.
 */
function* trialsOf(kernel: Kernel): Generator<Trial> {
  const { dims: names } = kernel;
  const alike = (size: bigint): Readonly<Record<string, bigint>> =>
    withDerived(kernel, Object.fromEntries(names.map((name) => [name, size])));
  for (const size of SIZES) {
    yield { dims: alike(size), integer: () => ({ kind: "index-sum", modulus: Number(size) }) };
  }
  for (const [one, others] of names.length < 2 ? [] : UNEQUAL) {
    for (const own of names) {
      const dims = Object.fromEntries(names.map((name) => [name, name === own ? one : others]));
      yield { dims: withDerived(kernel, dims), integer: () => ({ kind: "constant", value: 0 }) };
    }
  }
  const elements = new Map(kernel.params.map(({ name, element }) => [name, element]));
  const wide = [...elements.values()].includes("i64");
  const integers = kernel.params.some(({ kind, element }) => kind === "tensor" && !isFloat(element));
  for (const size of integers ? TINY : []) {
    const dims = alike(size);
    const at = { dims, scalars: scalarsOf(kernel, () => SCALAR) };
    for (const contents of contentsOf(kernel, at)) yield { dims, integer: fillingsOf(kernel, at, contents) };
    for (const value of wide ? WIDE : []) {
      yield { dims, integer: (name) => ({ kind: "constant", value: elements.get(name) === "i64" ? value : 0 }) };
    }
  }
}

/** Every scalar of a trial. */
const SCALAR = 1;

export function scalarsOf({ params }: Kernel, scalar: (name: string) => number): Readonly<Record<string, number>> {
  return Object.fromEntries(params.flatMap(({ kind, name }) => (kind === "scalar" ? [[name, scalar(name)]] : [])));
}

/** Runs the whole kernel at small sizes, for a fault that the solver's own state did not reach. */
export function searchSmallSizes(kernel: Kernel, claim: Claim): Witness | undefined {
  for (const { dims, integer } of trialsOf(kernel)) {
    const shown = runForFault(kernel, claim, dims, { integer, scalar: () => SCALAR }, {}, SEARCH_STEPS);
    if (shown === undefined) continue;
    const { fault, record } = shown;
    const sizes = Object.entries(dims).map(([name, value]) => `${name} = ${value}`);
    const text = `${sizes.join(", ")}; block (${fault.block.join(", ")}), thread (${fault.thread.join(", ")})`;
    return { dims, text, replayed: `the interpreter ${fault.message}`, replay: record };
  }
  return undefined;
}
