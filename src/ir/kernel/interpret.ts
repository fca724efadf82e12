/**
 * The reference interpreter: it defines what a kernel means, and replays counterexamples.
 *
 * In: a kernel, sizes, scalars and tensors. Out: the tensors written, and every fault that the run met.
 *
 * Every thread of every block runs. Blocks run one after another; within a block the threads run in step from barrier to
 * barrier. Races are found by what each thread touched and not by what happened to go wrong, so that the order in which
 * threads run between barriers does not matter. A kernel that has no fault means the same in every order.
 *
 * - Conditions on data are evaluated before the run; those that must hold at its end, and that every element of an
 *   `output` is written, after a run of all blocks and iterations that came to its end.
 * - Shared and register arrays start undefined in each block. An `output` starts undefined, whatever its memory holds.
 * - An access out of bounds is not performed; a read at fault gives NaN or 0. After a fault the run goes on, so that one
 *   run shows many; each place shows at most one of a kind. A barrier that a part of the block reaches ends the block.
 * - `blocks` and `iterations` restrict a run to a witness. What a restricted run reports, a whole run does too; what it
 *   does not report may still happen.
 */

import { InternalError } from "../../support/result.ts";
import { globalArray, localArray, type RunArray, type Watch } from "./interpret-arrays.ts";
import { checkConditions } from "./interpret-data.ts";
import { compileNumber, type Names } from "./interpret-expr.ts";
import { brokenConditions, evaluateGrid, evaluateSize } from "./interpret-launch.ts";
import { enterBlock, type Fault, leaveBlocks, type Machine, report, Stopped } from "./interpret-machine.ts";
import { writerOf } from "./interpret-shadow.ts";
import { compileGroup } from "./interpret-stmt.ts";
import type { IndexWidth, SizeLimits } from "./limits.ts";
import { elementText, InexactElement, indexOf, type TensorMemory } from "./memory.ts";
import type { Kernel, TensorParam, Triple } from "./types.ts";
import { visitStmts } from "./walk.ts";

export { evaluateSize } from "./interpret-launch.ts";
export type { Fault, FaultKind } from "./interpret-machine.ts";
export { denseTensor, sparseTensor, type TensorMemory } from "./memory.ts";

export interface RunRequest {
  readonly kernel: Kernel;
  readonly dims: Readonly<Record<string, bigint>>;
  readonly scalars: Readonly<Record<string, number>>;
  /** One per tensor parameter; outputs and inouts are written. */
  readonly tensors: Readonly<Record<string, TensorMemory>>;
  /** Every integer that the machine evaluates must fit it. */
  readonly width: IndexWidth;
  /** What the launcher lets pass; default: `SIZE_LIMITS` of the width. Weaker ones show what those are good for. */
  readonly limits?: SizeLimits;
  /** The blocks to run; default: all blocks of the grid, x fastest. Blocks outside the grid do not exist. */
  readonly blocks?: readonly Triple<number>[];
  /**
   * Loop counter → the only values with which the loop's body is run; each is followed by its increment. The run ends
   * with `complete: false` where what it would do depends on the iterations left out.
   */
  readonly iterations?: ReadonlyMap<string, readonly number[]>;
  /** Statements and iterations to run, over all threads, and conditions to evaluate; default: no limit. */
  readonly maxSteps?: number;
  /** Faults after which the run ends; default 64. */
  readonly maxFaults?: number;
  /**
   * Looks for races, uninitialised reads of what the kernel wrote, output elements that no thread or more than one writes,
   * broken invariants, and conditions on data that do not hold; default true.
   */
  readonly checks?: boolean;
  /** Looks for what breaks the kernel's performance contracts, which takes time; default false. */
  readonly performance?: boolean;
}

export interface Outcome {
  /** In the order in which they were met. */
  readonly faults: readonly Fault[];
  /** Whether everything that was asked for ran to its end. */
  readonly complete: boolean;
}

/** Runs the kernel on the given tensors. A missing size, scalar or tensor is an `InternalError`. */
export function interpretKernel(request: RunRequest): Outcome {
  const { kernel, width } = request;
  const broken = brokenConditions(kernel, request, width, request.limits);
  if (broken.length > 0) {
    const origin: Triple<number> = [0, 0, 0];
    const faults = broken.map(
      (condition): Fault => ({ kind: "requires", ...condition, block: origin, thread: origin }),
    );
    return { faults, complete: false };
  }
  const grid = evaluateGrid(kernel, request);
  const blocks = request.blocks?.filter((block) => block.every((i, axis) => i >= 0 && i < (grid[axis] ?? 0)));
  const [x, y, z] = grid;
  const blockAt = (ordinal: number): Triple<number> =>
    blocks?.[ordinal] ?? [ordinal % x, Math.floor(ordinal / x) % y, Math.floor(ordinal / (x * y))];
  const names = nameEverything(request, blockAt);
  const { machine } = names;
  const { faults } = machine;
  const unbroken = untilStopped(() => {
    if (machine.checks) checkConditions(names, "requires", kernel.dataRequires);
    return faults.length === 0;
  });
  if (!unbroken) return { faults, complete: false };
  const whole = blocks === undefined && (request.iterations?.size ?? 0) === 0;
  const complete = untilStopped(() => {
    const ended = runBlocks(machine, compileBody(kernel, names), blocks?.length ?? x * y * z);
    for (const tell of machine.atEnd) tell();
    if (!ended || !whole || !machine.checks) return ended;
    for (const param of kernel.params) if (param.kind === "tensor") checkCovered(names, param);
    // What a run at fault leaves behind says nothing of the conditions.
    if (faults.length === 0) checkConditions(names, "ensures", kernel.ensures);
    return true;
  });
  // What was found before the run ended early.
  if (!complete) {
    untilStopped(() => {
      for (const tell of machine.atEnd) tell();
      return true;
    });
  }
  return { faults, complete };
}

/** The result, or `false` where the machine has ended the run. */
function untilStopped(part: () => boolean): boolean {
  try {
    return part();
  } catch (cause) {
    if (cause instanceof Stopped || cause instanceof InexactElement) return false;
    throw cause;
  }
}

/** Every element of an output must have been written. */
function checkCovered({ machine, arrays }: Names, param: TensorParam): void {
  const array = arrays.get(param.name);
  if (param.role !== "output" || array?.shadow === undefined) return;
  const elements = array.shape.reduce((product, extent) => product * extent, 1);
  let address = 0;
  // Ends at the first gap, so that it takes no more steps than there were writes.
  while (address < elements && writerOf(array.shadow, address) !== 0) address++;
  if (address === elements) return;
  leaveBlocks(machine);
  const index = indexOf(array.shape, address);
  report(machine, "uncovered", param, () => `leaves ${elementText(array.name, index)} unwritten`, {
    array: array.name,
    index,
  });
}

function compileBody(kernel: Kernel, names: Names): () => void {
  const group = compileGroup(names, kernel.body);
  const everyone = Array.from({ length: names.machine.threads }, (_, thread) => thread);
  // Addresses are computed from the extents of all axes but the outermost: those are integers of the machine as well.
  const extents = kernel.params.flatMap((param) =>
    param.kind === "tensor" ? param.shape.slice(1).map((extent) => compileNumber(names, extent)) : [],
  );
  return () => {
    for (const extent of extents) extent();
    group(everyone);
  };
}

/** Whether all blocks ran to their end. */
function runBlocks(machine: Machine, body: () => void, count: number): boolean {
  let complete = true;
  for (let ordinal = 0; ordinal < count; ordinal++) {
    enterBlock(machine, ordinal);
    try {
      body();
    } catch (cause) {
      if (!(cause instanceof Stopped) || cause.scope === "run") throw cause;
      complete = false;
    }
  }
  return complete;
}

/** The machine at rest, and what the kernel's names stand for on it. */
function nameEverything(request: RunRequest, blockAt: Machine["blockAt"]): Names {
  const { kernel, dims, scalars } = request;
  const slots = new Map<string, number>();
  const atomics = new Set<string>();
  visitStmts(kernel.body, (stmt) => {
    if (stmt.kind === "let") slots.set(stmt.name, slots.size);
    if (stmt.kind === "for" || stmt.kind === "steps") slots.set(stmt.counter, slots.size);
    if (stmt.kind === "atomic") atomics.add(stmt.array.name);
  });
  const variables = [...kernel.dataRequires, ...kernel.ensures].map((condition) => condition.variables.length);
  const machine = newMachine(request, Math.max(slots.size, ...variables), blockAt);
  const watch = (name: string): Watch => ({ checks: machine.checks, atomic: atomics.has(name) });
  const arrays = new Map<string, RunArray>();
  for (const param of kernel.params) {
    if (param.kind !== "tensor") continue;
    const memory = request.tensors[param.name];
    if (memory === undefined) throw new InternalError(`no memory is given for ${param.name}`);
    const shape = param.shape.map((extent) => Number(evaluateSize(extent, request)));
    arrays.set(param.name, globalArray(param, shape, memory, watch(param.name)));
  }
  for (const array of kernel.arrays) arrays.set(array.name, localArray(array, machine.threads, watch(array.name)));
  return { kernel, machine, slots, arrays, dims, scalars, specification: undefined };
}

function newMachine(request: RunRequest, frameSize: number, blockAt: Machine["blockAt"]): Machine {
  const [x, y, z] = request.kernel.block;
  const threads = Number(x * y * z);
  return {
    width: request.width,
    checks: request.checks ?? true,
    maxSteps: request.maxSteps ?? Number.POSITIVE_INFINITY,
    maxFaults: request.maxFaults ?? 64,
    blockShape: [Number(x), Number(y), Number(z)],
    threads,
    frameSize,
    frames: new Float64Array(frameSize * threads),
    iterations: request.iterations ?? new Map(),
    blockAt,
    thread: 0,
    base: 0,
    agent: 0,
    tx: 0,
    ty: 0,
    tz: 0,
    blockOrdinal: 0,
    firstAgent: 1,
    bx: 0,
    by: 0,
    bz: 0,
    epoch: 0,
    waveEpoch: 0,
    steps: 0,
    turns: [],
    performance: request.performance === true ? request.kernel.performance : undefined,
    unit: request.kernel.matrix,
    atEnd: [],
    skipped: false,
    faults: [],
    places: new Map(),
  };
}
