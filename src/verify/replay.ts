/**
 * Replay: runs a kernel in the interpreter until it shows the fault that a claim denies.
 *
 * Floats are not part of a model, so that several fillings of float tensors are tried: which comparison of floats holds
 * depends on them.
 */

import { evaluateSize, type Fault } from "../ir/kernel/interpret.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { Claim } from "./claim.ts";
import type { Witness } from "./obligation.ts";
import { type Filling, fillElement, type ReplayRecord, runRecord, showsFault } from "./replay-record.ts";

/** What integer inputs and integer scalars hold. */
export interface Contents {
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
  contents: Contents,
  restriction: Pick<ReplayRecord, "blocks" | "iterations">,
  maxSteps = REPLAY_STEPS,
): Shown | undefined {
  const { width, limits, faults: kinds, array } = claim.replay;
  for (const fill of FILLINGS) {
    const tensors: Record<string, Filling> = {};
    const scalars: Record<string, number> = {};
    for (const param of kernel.params) {
      const { name, element } = param;
      if (param.kind === "scalar") scalars[name] = element === "f32" ? fillElement(fill, [1]) : contents.scalar(name);
      else tensors[name] = element === "f32" ? fill : contents.integer(name);
    }
    const record: ReplayRecord = {
      width,
      ...(limits && { limits }),
      dims,
      scalars,
      tensors,
      ...restriction,
      maxSteps,
      fault: {
        kinds,
        ...(array !== undefined && { array }),
        // A race of two blocks is one of two blocks, and not of the threads of one.
        ...(claim.code === "TK303" && { acrossBlocks: true }),
      },
    };
    const fault = runRecord(kernel, record).faults.find((found) => {
      if (!showsFault(record.fault, found)) return false;
      // An invariant is told from others by its place.
      return array !== undefined || found.kind !== "invariant" || found.span.line === claim.span.line;
    });
    if (fault !== undefined) return { fault, record };
  }
  return undefined;
}

const SIZES = [1n, 2n, 3n, 5n, 8n, 17n, 33n];
/** One dimension and all others: beside another, and beyond a tile of 64. */
const UNEQUAL: readonly (readonly [bigint, bigint])[] = [
  [2n, 1n],
  [70n, 1n],
];

interface Trial {
  readonly dims: Record<string, bigint>;
  readonly filling: Filling;
}

/** All dimensions alike, with data that varies; then one dimension at a time, with data that is 0. */
function* trialsOf({ dims: names }: Kernel): Generator<Trial> {
  for (const size of SIZES) {
    yield {
      dims: Object.fromEntries(names.map((name) => [name, size])),
      filling: { kind: "index-sum", modulus: Number(size) },
    };
  }
  if (names.length < 2) return;
  for (const [one, others] of UNEQUAL) {
    for (const own of names) {
      const dims = Object.fromEntries(names.map((name) => [name, name === own ? one : others]));
      yield { dims, filling: { kind: "constant", value: 0 } };
    }
  }
}

/** Runs the whole kernel at small sizes, for a fault that the solver's own state did not reach. */
export function searchSmallSizes(kernel: Kernel, claim: Claim): Witness | undefined {
  if (kernel.params.some(({ kind, element }) => kind === "tensor" && element === "i64")) return undefined;
  for (const { dims, filling } of trialsOf(kernel)) {
    for (const { dim, value } of kernel.where) dims[dim] = evaluateSize(value, { dims, scalars: {} });
    const shown = runForFault(kernel, claim, dims, { integer: () => filling, scalar: () => 1 }, {}, SEARCH_STEPS);
    if (shown === undefined) continue;
    const { fault, record } = shown;
    const sizes = Object.entries(dims).map(([name, value]) => `${name} = ${value}`);
    const text = `${sizes.join(", ")}; block (${fault.block.join(", ")}), thread (${fault.thread.join(", ")})`;
    return { dims, text, replayed: `the interpreter ${fault.message}`, replay: record };
  }
  return undefined;
}
