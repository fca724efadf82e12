/**
 * Fragments in symbolic execution: what the lanes of a wave load, and the products of what they hold.
 *
 * An element of an accumulator is multiplied out when it is read: most of those of a large tile are beyond the small
 * shapes that are compared, and nobody reads them. Until then it is *pending*: what it was before, and a row of A and a
 * column of B to be added.
 */

import { accumulatorPlace, FRAGMENT, fragmentAccesses, layoutOf, operandHolders } from "../../ir/kernel/matrix.ts";
import type { FragmentStmt, MmaStmt, RegisterRow } from "../../ir/kernel/types.ts";
import { addresses } from "./expressions.ts";
import {
  type Column,
  type Machine,
  type Memory,
  memoryOf,
  outOfBounds,
  Pending,
  spend,
  Unsupported,
  type Value,
  valueAt,
} from "./machine.ts";

const SIZE = Number(FRAGMENT);

export function loadFragment(machine: Machine, stmt: FragmentStmt, lanes: readonly number[], guards: Column): void {
  expectUnguarded(stmt, lanes, guards, machine);
  const { kernel } = machine;
  const memory = memoryOf(machine, stmt.array.name);
  const registers = memoryOf(machine, stmt.target.array);
  const rows = rowAddresses(machine, stmt.target, lanes);
  for (const { index, first, lanes: count } of fragmentAccesses(kernel, stmt)) {
    const places = addresses(machine, memory, index, lanes);
    for (const t of lanes) {
      const [from, to] = [places[t] ?? -1, (rows[t] ?? 0) + Number(first)];
      for (let element = 0; element < Number(count); element++) {
        const value = from < 0 ? undefined : valueAt(machine, memory, from + element);
        registers.values[to + element] = value ?? outOfBounds(machine, memory);
        registers.writers[to + element] = stmt;
      }
    }
  }
}

export function multiplyFragments(machine: Machine, stmt: MmaStmt, lanes: readonly number[], guards: Column): void {
  expectUnguarded(stmt, lanes, guards, machine);
  const { kernel } = machine;
  const layout = layoutOf(kernel);
  const memory = memoryOf(machine, stmt.accumulator.array);
  const rows = rowAddresses(machine, stmt.accumulator, lanes);
  const [a, b] = [stmt.a, stmt.b].map((row) => ({
    memory: memoryOf(machine, row.array),
    places: rowAddresses(machine, row, lanes),
  }));
  if (a === undefined || b === undefined) return;
  const holders = operandHolders(layout);
  const count = Number(layout.accumulatorElements);
  const waveSize = Number(layout.lanes);
  for (let wave = 0; wave < machine.threads; wave += waveSize) {
    const [left, right] = [a, b].map(({ memory: operand, places }) =>
      Array.from({ length: SIZE }, (_, i) =>
        Array.from({ length: SIZE }, (__, k): Value => {
          const holder = holders[i]?.[k]?.[0];
          const own = holder && valueAt(machine, operand, (places[wave + holder.lane] ?? 0) + holder.element);
          return own ?? outOfBounds(machine, operand);
        }),
      ),
    );
    spend(machine, waveSize * count, stmt.span);
    for (let lane = 0; lane < waveSize; lane++) {
      for (let element = 0; element < count; element++) {
        const { row, column } = accumulatorPlace(layout, lane, element);
        const place = (rows[wave + lane] ?? 0) + element;
        memory.values[place] = new Pending(memory.values[place], left?.[row] ?? [], right?.[column] ?? []);
        memory.writers[place] = stmt;
      }
    }
  }
}

/** Where the first element of each lane's row is in the array's values. */
export function rowAddresses(
  machine: Machine,
  { array, index }: RegisterRow,
  lanes: readonly number[],
): readonly number[] {
  const memory: Memory = memoryOf(machine, array);
  const zero = { kind: "int", type: "int", value: 0n, span: memory.span } as const;
  return addresses(machine, memory, [...index, zero], lanes);
}

/** A part of a wave computes nothing, and neither does one whose lanes depend on floats. */
function expectUnguarded(
  stmt: FragmentStmt | MmaStmt,
  lanes: readonly number[],
  guards: Column,
  { threads }: Machine,
): void {
  if (lanes.length === threads && lanes.every((t) => guards[t] === true)) return;
  throw new Unsupported("a part of a block runs what all of its threads run together", stmt.span);
}
