/**
 * The interpreter's machine: its state while a kernel runs, the faults it has found, and its integers.
 *
 * Terms:
 * - A *slot* is the place of one local in a thread's *frame*; frames of all threads of a block lie one after another.
 * - An *agent* numbers a thread of a block that has run: 1, 2, … over the whole run, 0 for nobody.
 * - An *epoch* numbers the intervals between block barriers over the whole run, so that equal epochs mean the same block
 *   and interval; a *wave epoch* those between barriers of any scope. Every barrier is reached by the whole block, so that
 *   one number serves all its waves.
 * - A *wave* is 32 consecutive threads of a block, x fastest: what is ordered within it is so within a wave of 64 too.
 */

import { InternalError } from "../../support/result.ts";
import type { Span } from "../../support/span.ts";
import { INT_RANGE, type IndexWidth } from "./limits.ts";
import type { MatrixUnit } from "./matrix.ts";
import type { BarrierScope, Performance, Triple } from "./types.ts";

export type FaultKind =
  /** An index outside its axis; the access is not performed. */
  | "bounds"
  /** Two threads at one location, at least one writing, with no barrier between them. */
  | "race"
  /** A barrier that not every thread of the block reaches. */
  | "divergence"
  /** An integer beyond the index width. */
  | "overflow"
  /** An integer stored into an element type that cannot hold it; the store is not performed. */
  | "range"
  /** `div` or `mod` by a value ≤ 0. */
  | "division"
  /** A read of an element that nobody has written. */
  | "uninitialised"
  /** A vector access whose address is not a multiple of its size; it is performed all the same. */
  | "alignment"
  /** Threads of a wave, or of a segment, at elements that are not side by side, of a tensor of which that is promised. */
  | "scattered"
  /** Threads of a wave at two words of one bank, of a shared array that is to be free of conflicts. */
  | "conflict"
  /** A loop invariant that is false. */
  | "invariant"
  /** An element of an output that nobody has written when the run ends. */
  | "uncovered"
  /** An element of an output that two threads write, whatever barriers lie between. */
  | "twice"
  /** A condition of the launch, on sizes or on data, that is false: nothing runs. */
  | "requires"
  /** A condition on data that is false when the run ends. */
  | "ensures"
  /** An element that is not what the kernel claims to compute; found by whoever knows the claim. */
  | "value";

export interface Fault {
  readonly kind: FaultKind;
  /** What the interpreter does, as a predicate: `reads x[0][1] out of bounds (axis 1: index 1, length 1)`. */
  readonly message: string;
  readonly span: Span;
  readonly array?: string;
  /** The element that nobody or a second thread has written. */
  readonly index?: readonly number[];
  readonly block: Triple<number>;
  readonly thread: Triple<number>;
  /** The other party of a race, the earlier writer of an element, or the thread that a barrier waits for. */
  readonly otherBlock?: Triple<number>;
  readonly otherThread?: Triple<number>;
}

/** Ends a block, or the whole run; thrown by the machine and caught by `interpretKernel` alone. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly scope: "block" | "run";

  constructor(scope: "block" | "run") {
    super(`stopped the ${scope}`);
    this.scope = scope;
  }
}

/** Ends the evaluation of a specification that has no value, at a fault that has been reported. */
export class Unspecified extends Error {
  override readonly name = "Unspecified";

  constructor() {
    super("a specification without a value");
  }
}

/** Whether a specification holds; `undefined` where it has no value. */
export function evaluateSpecification(holds: () => boolean): boolean | undefined {
  try {
    return holds();
  } catch (cause) {
    if (cause instanceof Unspecified) return undefined;
    throw cause;
  }
}

export interface Machine {
  readonly width: IndexWidth;
  /** Looks for more than what decides whether an access is performed: see `RunRequest.checks`. */
  readonly checks: boolean;
  readonly maxSteps: number;
  readonly maxFaults: number;
  /** Threads per axis, and their product. */
  readonly blockShape: Triple<number>;
  readonly threads: number;
  readonly frameSize: number;
  readonly frames: Float64Array;
  /** Loop counter → the only values with which its body is run. */
  readonly iterations: ReadonlyMap<string, readonly number[]>;
  readonly blockAt: (ordinal: number) => Triple<number>;

  /** The running thread: number within its block, start of its frame, agent and index. */
  thread: number;
  base: number;
  agent: number;
  tx: number;
  ty: number;
  tz: number;
  /** The running block: how many ran before it, the agent of its first thread, and index. */
  blockOrdinal: number;
  firstAgent: number;
  bx: number;
  by: number;
  bz: number;
  epoch: number;
  waveEpoch: number;
  /** Statements and iterations so far. */
  steps: number;
  /** How many iterations the loops under way have run: those of the block in step, then those of the running thread. */
  readonly turns: number[];
  /** What is promised of accesses; absent where it is not looked for. */
  readonly performance: Performance | undefined;
  readonly unit: MatrixUnit | undefined;
  /** What is to be reported when the last block has run. */
  readonly atEnd: (() => void)[];
  /** Iterations have been left out, so that mutable state is no longer that of a whole run. */
  skipped: boolean;

  readonly faults: Fault[];
  /** Places that have a fault, by kind. */
  readonly places: Map<string, Set<object>>;
}

/** Makes `thread` the running one. */
export function enterThread(machine: Machine, thread: number): void {
  const [x, y] = machine.blockShape;
  machine.thread = thread;
  machine.base = thread * machine.frameSize;
  machine.agent = machine.firstAgent + thread;
  machine.tx = thread % x;
  machine.ty = Math.floor(thread / x) % y;
  machine.tz = Math.floor(thread / (x * y));
}

/** Makes the block after `machine.blockOrdinal` the running one. */
export function enterBlock(machine: Machine, ordinal: number): void {
  const [x, y, z] = machine.blockAt(ordinal);
  machine.blockOrdinal = ordinal;
  machine.firstAgent = 1 + ordinal * machine.threads;
  // Agents are kept in 32 bits.
  if (machine.firstAgent + machine.threads > 2 ** 31 - 1) throw new Stopped("run");
  startEpoch(machine, "block");
  machine.bx = x;
  machine.by = y;
  machine.bz = z;
}

/** Nobody runs: what is reported belongs to no thread, and is shown at the origin. */
export function leaveBlocks(machine: Machine): void {
  machine.bx = 0;
  machine.by = 0;
  machine.bz = 0;
  enterThread(machine, 0);
}

/** Ends the running interval, by a barrier of this scope. */
export function startEpoch(machine: Machine, scope: BarrierScope): void {
  machine.waveEpoch++;
  if (scope === "block") machine.epoch++;
}

/** Threads of a wave, as proofs take it. */
const WAVE_THREADS = 32;

/** The wave of an agent of the running block. */
export function waveOf(machine: Machine, agent: number): number {
  return Math.floor((agent - machine.firstAgent) / WAVE_THREADS);
}

export function tick(machine: Machine, steps: number): void {
  machine.steps += steps;
  if (machine.steps > machine.maxSteps) throw new Stopped("run");
}

/** The thread of an agent, and its block. */
export function whoIs(
  machine: Machine,
  agent: number,
): { readonly block: Triple<number>; readonly thread: Triple<number> } {
  const ordinal = Math.floor((agent - 1) / machine.threads);
  return { block: machine.blockAt(ordinal), thread: threadIndex(machine, (agent - 1) % machine.threads) };
}

export function threadIndex({ blockShape: [x, y] }: Machine, thread: number): Triple<number> {
  return [thread % x, Math.floor(thread / x) % y, Math.floor(thread / (x * y))];
}

export interface FaultSite {
  readonly span: Span;
}

/** Records a fault of the running thread, unless the same place already has one of this kind. */
export function report(
  machine: Machine,
  kind: FaultKind,
  site: FaultSite,
  message: () => string,
  more: Partial<Pick<Fault, "array" | "index" | "block" | "thread" | "otherBlock" | "otherThread">> & {
    readonly variant?: string;
  } = {},
): void {
  const { variant, ...details } = more;
  const key = `${kind} ${variant ?? ""}`;
  const places = machine.places.get(key) ?? new Set();
  if (places.has(site)) return;
  machine.places.set(key, places.add(site));
  machine.faults.push({
    kind,
    message: message(),
    span: site.span,
    block: [machine.bx, machine.by, machine.bz],
    thread: [machine.tx, machine.ty, machine.tz],
    ...details,
  });
  if (machine.faults.length >= machine.maxFaults) throw new Stopped("run");
}

/** The integers of a width that a double holds exactly: results within need no further check. */
export function exactRange(width: IndexWidth): { readonly min: number; readonly max: number } {
  switch (width) {
    case 32:
      return { min: Number(INT_RANGE[32].min), max: Number(INT_RANGE[32].max) };
    case 64:
      return { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };
    default:
      width satisfies never;
      throw new InternalError("unknown width");
  }
}

/**
 * A result outside `exactRange`: a fault where the width does not hold it. The run goes on with the mathematical value,
 * and ends where a double does not hold that exactly. Whatever is computed from exact values and lies within `exactRange`
 * is exact as well, but for quotients.
 */
export function settleInt(machine: Machine, site: FaultSite, exact: bigint, text: () => string): number {
  const { min, max } = INT_RANGE[machine.width];
  if (exact < min || exact > max) {
    const message = (): string => `computes ${text()} = ${exact}, which does not fit ${machine.width} bits`;
    report(machine, "overflow", site, message);
  }
  const value = Number(exact);
  if (BigInt(value) !== exact) throw new Stopped("run");
  return value;
}

export function formatTriple(triple: Triple<number>): string {
  return `(${triple.join(", ")})`;
}
