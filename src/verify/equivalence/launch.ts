/**
 * One symbolic launch: a kernel at sizes and scalars → what its outputs hold, as expressions over the inputs.
 */

import { isFloat } from "../../ir/kernel/elements.ts";
import { evaluateGrid, shapeAt } from "../../ir/kernel/interpret-launch.ts";
import { indexOf } from "../../ir/kernel/memory.ts";
import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import type { Contents } from "../contents.ts";
import {
  type Budget,
  forget,
  type Machine,
  type Memory,
  newMemory,
  type Reached,
  Unsupported,
  type Value,
} from "./machine.ts";
import type { Real, Reals } from "./reals.ts";
import type { Case } from "./sizes.ts";
import { executeBlock } from "./statements.ts";

/** What a variable stands for: an element of an input, or a float scalar (without an index). */
export interface VariableOrigin {
  readonly param: string;
  readonly index: readonly number[];
}

export interface Launched {
  /** By parameter. */
  readonly memories: ReadonlyMap<string, Memory>;
  /** What inputs and inouts held before. */
  readonly before: ReadonlyMap<string, readonly Value[]>;
  readonly scalars: ReadonlyMap<string, Value>;
  /** Of each variable of the launch. */
  readonly origins: ReadonlyMap<Real, VariableOrigin>;
}

export interface LaunchContext {
  readonly reals: Reals;
  readonly reached: Reached;
  readonly budget: Budget;
}

export function launch(kernel: Kernel, at: Case, contents: Contents, context: LaunchContext): Launched {
  const { reals } = context;
  const origins = new Map<Real, VariableOrigin>();
  const variable = (param: string, index: readonly number[]): Real => {
    const real = reals.variable(`${param}${index.map((i) => `[${i}]`).join("")}`);
    origins.set(real, { param, index });
    return real;
  };
  const scalars = new Map<string, Value>();
  for (const { kind, name, element } of kernel.params) {
    if (kind === "scalar") scalars.set(name, element === "f32" ? variable(name, []) : (at.scalars[name] ?? 0));
  }
  const [x, y, z] = kernel.block;
  const threads = Number(x * y * z);
  const memories = new Map<string, Memory>();
  const before = new Map<string, readonly Value[]>();
  const local = kernel.arrays.map((array) =>
    newMemory(array, array.shape.map(Number), array.space === "register" ? threads : undefined),
  );
  for (const memory of local) memories.set(memory.name, memory);
  const machine: Machine = {
    kernel,
    reals,
    dims: Object.fromEntries(Object.entries(at.dims).map(([name, size]) => [name, Number(size)])),
    scalars,
    memories,
    threads,
    threadIndex: threadIndices(Number(x), Number(y), threads),
    locals: new Map(),
    localTypes: new Map(),
    block: [0, 0, 0],
    reached: context.reached,
    budget: context.budget,
  };
  for (const param of kernel.params) {
    if (param.kind !== "tensor") continue;
    const shape = shapeAt(param, at);
    const memory = newMemory(param, shape, undefined);
    memories.set(param.name, memory);
    if (param.role === "output") {
      forget(machine, memory);
      continue;
    }
    const given = Array.from({ length: memory.size }, (_, i) => inputValue(param, i, shape, contents, variable));
    for (const [i, value] of given.entries()) memory.values[i] = value;
    before.set(param.name, given);
  }
  const [columns, rows, layers] = evaluateGrid(kernel, at);
  for (let bz = 0; bz < layers; bz++) {
    for (let by = 0; by < rows; by++) {
      for (let bx = 0; bx < columns; bx++) {
        machine.block = [bx, by, bz];
        executeBlock(machine, kernel.body, local);
      }
    }
  }
  return { memories, before, scalars, origins };
}

function inputValue(
  param: TensorParam,
  address: number,
  shape: readonly number[],
  contents: Contents,
  variable: (param: string, index: readonly number[]) => Real,
): Value {
  if (isFloat(param.element)) return variable(param.name, indexOf(shape, address));
  const value = contents.get(param.name)?.[address];
  if (value === undefined) throw new Unsupported(`the contents of ${param.name} are not known`, param.span);
  return value;
}

function threadIndices(x: number, y: number, threads: number): Machine["threadIndex"] {
  const all = Array.from({ length: threads }, (_, t) => t);
  return [all.map((t) => t % x), all.map((t) => Math.floor(t / x) % y), all.map((t) => Math.floor(t / (x * y)))];
}
