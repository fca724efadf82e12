/**
 * The reference interpreter: it defines what a kernel means, and replays counterexamples.
 *
 * Every thread of every block runs. Blocks run one after another; the threads of a block run statement by statement: a
 * statement that contains a barrier is run by the whole block at once, any other by thread after thread. A barrier that
 * only a part of the block reaches is a divergence. Because races are found by what each thread touched and not by what
 * happened to go wrong, the order of the threads does not matter.
 *
 * `blocks` and `iterations` restrict a run to a witness: what it then reports did happen, what it does not report may.
 */

import { InternalError } from "../../support/result.ts";
import { foldCompare, foldInt } from "./build.ts";
import { compileBlock } from "./interpret-stmt.ts";
import type { IndexWidth } from "./limits.ts";
import {
  type CellArray,
  type Fault,
  type Frame,
  fault,
  type GlobalArray,
  type Machine,
  RunStopped,
} from "./machine.ts";
import { Shadow, type TensorMemory } from "./memory.ts";
import { printExpr } from "./print.ts";
import type { Expr, Kernel, Triple } from "./types.ts";

export type { Fault, FaultKind } from "./machine.ts";
export { denseTensor, sparseTensor, type TensorMemory } from "./memory.ts";

export interface RunRequest {
  readonly kernel: Kernel;
  readonly dims: Readonly<Record<string, bigint>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly tensors: Readonly<Record<string, TensorMemory>>;
  /** Every integer that the body evaluates must fit it. */
  readonly width: IndexWidth;
  /** Default: all blocks of the grid. Blocks outside the grid are left out. */
  readonly blocks?: readonly Triple<number>[];
  /** Loop counter → the only iterations to run. */
  readonly iterations?: ReadonlyMap<string, readonly number[]>;
  /** Statements to run before giving up; default: no limit. */
  readonly maxSteps?: number;
  /** Faults after which the run ends; default 16. */
  readonly maxFaults?: number;
  /** Whether to look for races and uninitialised reads of shared memory; default true. */
  readonly checks?: boolean;
}

export interface Outcome {
  readonly faults: readonly Fault[];
  /** Whether the run came to its end. */
  readonly complete: boolean;
}

/** Runs the kernel on the given tensors, which it writes. */
export function interpretKernel(request: RunRequest): Outcome {
  const { kernel } = request;
  const machine = startMachine(request);
  try {
    if (!contractHolds(machine, request)) return { faults: machine.faults, complete: false };
    const grid = kernel.grid.map((extent) => evaluateSize(extent, request));
    const blocks = request.blocks ?? allPlaces(grid.map(Number));
    machine.blockPlaces.push(...blocks);
    const run = compileBlock(kernel);
    for (const [blockNumber, block] of blocks.entries()) {
      if (block.some((position, axis) => BigInt(position) >= (grid[axis] ?? 0n))) continue;
      machine.block = block;
      machine.blockNumber = blockNumber;
      startBlock(machine, kernel);
      run(machine, startFrames(machine, kernel));
    }
    return { faults: machine.faults, complete: true };
  } catch (cause) {
    if (cause instanceof RunStopped) return { faults: machine.faults, complete: false };
    throw cause;
  }
}

function startMachine(request: RunRequest): Machine {
  const { kernel, tensors } = request;
  const globals = new Map<string, GlobalArray>();
  const shadows = new Map<string, Shadow>();
  for (const param of kernel.params) {
    if (param.kind !== "tensor") continue;
    const memory = tensors[param.name];
    if (memory === undefined) throw new InternalError(`no memory for the parameter ${param.name}`);
    const extents = param.shape.map((extent) => Number(evaluateSize(extent, request)));
    globals.set(param.name, { role: param.role, memory, extents, written: new Set() });
    if (param.role !== "input") shadows.set(param.name, new Shadow());
  }
  const places = allPlaces(kernel.block.map(Number));
  return {
    width: request.width,
    dims: new Map(Object.entries(request.dims).map(([name, value]) => [name, Number(value)])),
    scalars: request.scalars,
    globals,
    shared: new Map(),
    shadows,
    iterations: request.iterations ?? new Map(),
    checks: request.checks ?? true,
    faults: [],
    maxFaults: request.maxFaults ?? 16,
    maxSteps: request.maxSteps ?? Number.POSITIVE_INFINITY,
    threads: places.length,
    block: [0, 0, 0],
    blockNumber: 0,
    blockPlaces: [],
    threadPlaces: places,
    epoch: 0,
    steps: 0,
  };
}

function startBlock(machine: Machine, kernel: Kernel): void {
  machine.epoch++;
  for (const { space, name } of kernel.arrays) {
    if (space !== "shared") continue;
    machine.shared.set(name, []);
    machine.shadows.set(name, new Shadow());
  }
}

function startFrames(machine: Machine, kernel: Kernel): readonly Frame[] {
  const registers = kernel.arrays.filter(({ space }) => space === "register");
  return machine.threadPlaces.map((thread, threadNumber) => ({
    thread,
    threadNumber,
    slots: [],
    registers: new Map(registers.map(({ name }): [string, CellArray] => [name, []])),
  }));
}

/** All index triples of a box, x fastest. */
function allPlaces(extents: readonly number[]): Triple<number>[] {
  const [width = 1, height = 1, depth = 1] = extents;
  const places: Triple<number>[] = [];
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) places.push([x, y, z]);
    }
  }
  return places;
}

function contractHolds(machine: Machine, request: RunRequest): boolean {
  const { kernel, dims } = request;
  for (const { dim, value, span } of kernel.where) {
    const expected = evaluateSize(value, request);
    if (dims[dim] === expected) continue;
    fault(
      machine,
      undefined,
      "requires",
      span,
      `is given ${dim} = ${dims[dim]}, where ${printExpr(value)} is ${expected}`,
    );
  }
  for (const condition of kernel.requires) {
    if (evaluateCondition(condition, request)) continue;
    fault(machine, undefined, "requires", condition.span, `is given sizes that break ${printExpr(condition)}`);
  }
  return machine.faults.length === 0;
}

/** An integer over dimensions and scalars, exactly. A division by zero is 0; the verifier refutes it. */
export function evaluateSize(expr: Expr, request: Pick<RunRequest, "dims" | "scalars">): bigint {
  switch (expr.kind) {
    case "int":
      return expr.value;
    case "dim":
      return request.dims[expr.name] ?? 0n;
    case "scalar":
      return BigInt(request.scalars[expr.name] ?? 0);
    case "neg":
      return -evaluateSize(expr.value, request);
    case "int-op":
      return foldInt(expr.op, evaluateSize(expr.left, request), evaluateSize(expr.right, request)) ?? 0n;
    case "select":
      return evaluateSize(evaluateCondition(expr.cond, request) ? expr.then : expr.else, request);
    case "float":
    case "bool":
    case "local":
    case "index":
    case "not":
    case "float-op":
    case "compare":
    case "logic":
    case "call":
    case "cast":
    case "load":
      throw new InternalError(`not an integer over dimensions: ${printExpr(expr)}`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function evaluateCondition(expr: Expr, request: Pick<RunRequest, "dims" | "scalars">): boolean {
  if (expr.kind === "bool") return expr.value;
  if (expr.kind === "not") return !evaluateCondition(expr.value, request);
  if (expr.kind === "logic") {
    const left = evaluateCondition(expr.left, request);
    return expr.op === "and"
      ? left && evaluateCondition(expr.right, request)
      : left || evaluateCondition(expr.right, request);
  }
  if (expr.kind === "compare" && expr.left.type === "int") {
    return foldCompare(expr.op, evaluateSize(expr.left, request), evaluateSize(expr.right, request));
  }
  if (expr.kind === "compare") return foldCompare(expr.op, floatOf(expr.left, request), floatOf(expr.right, request));
  throw new InternalError(`not a condition over dimensions: ${printExpr(expr)}`);
}

/** A float scalar or literal, as conditions on scalars compare them. */
function floatOf(expr: Expr, request: Pick<RunRequest, "dims" | "scalars">): number {
  if (expr.kind === "float") return Math.fround(expr.value);
  if (expr.kind === "scalar") return request.scalars[expr.name] ?? 0;
  if (expr.kind === "cast") return Math.fround(Number(evaluateSize(expr.value, request)));
  throw new InternalError(`not a float over scalars: ${printExpr(expr)}`);
}
