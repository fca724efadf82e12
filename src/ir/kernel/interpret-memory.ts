/**
 * Atomic changes and vector accesses of the interpreter: statements → closures for the running thread.
 *
 * - An atomic change is one step; its operand must be a value of the element type, and a sum wraps at that type's width.
 * - A vector access evaluates its index once. Its lanes are accesses like any other: each is checked against the last
 *   axis by itself, and each takes part in races by itself. It is at fault where the address of its first element, the
 *   row-major (i·D₁ + j)·D₂ + k, is no multiple of its lanes.
 */

import { InternalError } from "../../support/result.ts";
import type { ElementType } from "./elements.ts";
import {
  type Code,
  compileLoad,
  compileStore,
  compileUpdate,
  type NumberCode,
  type RunArray,
} from "./interpret-arrays.ts";
import { arrayOf, compileNumber, type Names } from "./interpret-expr.ts";
import { type FaultSite, type Machine, report, Stopped } from "./interpret-machine.ts";
import { addressOf, elementText } from "./memory.ts";
import type { AtomicOp, AtomicStmt, VectorStmt } from "./types.ts";

export function compileAtomic(names: Names, stmt: AtomicStmt): Code {
  const array = arrayOf(names, stmt.array.name);
  const operand = compileNumber(names, stmt.value);
  const index = stmt.index.map((i) => compileNumber(names, i));
  return compileUpdate(names.machine, array, index, operand, combination(stmt.op, array.element), stmt);
}

function combination(op: AtomicOp, element: ElementType): (before: number, operand: number) => number {
  switch (op) {
    case "min":
      return Math.min;
    case "max":
      return Math.max;
    case "add":
      return wrappingSum(element);
    default:
      op satisfies never;
      throw new InternalError("unknown atomic operation");
  }
}

/** Both operands are values of the element type, so that the sum of 32-bit ones is exact before it wraps. */
function wrappingSum(element: ElementType): (before: number, operand: number) => number {
  switch (element) {
    case "i32":
      return (before, operand) => (before + operand) | 0;
    case "u32":
      return (before, operand) => (before + operand) >>> 0;
    case "i64":
      return (before, operand) => {
        const sum = Number(BigInt.asIntN(64, BigInt(before) + BigInt(operand)));
        // The run ends where a double does not hold what memory holds.
        if (!Number.isSafeInteger(before) || !Number.isSafeInteger(sum)) throw new Stopped("run");
        return sum;
      };
    case "f32":
    case "f16":
    case "bf16":
      throw new InternalError("an atomic sum of floats");
    default:
      element satisfies never;
      throw new InternalError("unknown element type");
  }
}

export function compileVector(names: Names, stmt: VectorStmt): Code {
  const { registers } = stmt;
  const row = {
    array: arrayOf(names, registers.array),
    prefix: registers.index.map((i) => compileNumber(names, i)),
    first: 0,
  };
  const memory = {
    array: arrayOf(names, stmt.array.name),
    start: stmt.index.map((i) => compileNumber(names, i)),
  };
  return compileMove(names.machine, stmt.direction, row, memory, Number(stmt.lanes), stmt);
}

/** Moves consecutive elements between a row of registers, from its element `first` on, and memory. */
export function compileMove(
  machine: Machine,
  direction: VectorStmt["direction"],
  row: { readonly array: RunArray; readonly prefix: readonly NumberCode[]; readonly first: number },
  { array, start }: { readonly array: RunArray; readonly start: readonly NumberCode[] },
  lanes: number,
  site: FaultSite & { readonly lanes: bigint },
): Code {
  const last = start.length - 1;
  // The index of the access under way.
  const at: number[] = start.map(() => 0);
  const moves = Array.from({ length: lanes }, (_, lane): Code => {
    const inRegisters: readonly NumberCode[] = [...row.prefix, () => row.first + lane];
    const inArray = at.map(
      (_, axis): NumberCode =>
        () =>
          (at[axis] ?? 0) + (axis === last ? lane : 0),
    );
    return direction === "load"
      ? compileStore(machine, row.array, inRegisters, compileLoad(machine, array, inArray, site), site)
      : compileStore(machine, array, inArray, compileLoad(machine, row.array, inRegisters, site), site);
  });
  return () => {
    for (const [axis, code] of start.entries()) at[axis] = code();
    const address = addressOf(array.shape, at);
    if (address % lanes !== 0) {
      const verb = direction === "load" ? "reads" : "writes";
      const message = (): string =>
        `${verb} ${lanes} lanes from ${elementText(array.name, at)} on, element ${address}, which is no multiple of ${lanes}`;
      report(machine, "alignment", site, message, { array: array.name });
    }
    for (const move of moves) move();
  };
}
