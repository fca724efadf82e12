/**
 * Fragments in the interpreter: statements that the threads of a wave run together.
 *
 * All threads of the block reach such a statement; a part of them is a divergence, as at a barrier, and so is a fragment
 * of which the lanes of a wave name different tiles. What a lane reads of a tile are accesses like any other.
 *
 * `mma` adds the products in the order of k, each sum rounded to f32. The hardware's order is its own: results agree
 * within an error bound, not bit by bit.
 */

import { type Code, compileLoad, compileStore, type NumberCode, type RunArray } from "./interpret-arrays.ts";
import { arrayOf, compileNumber, type Names } from "./interpret-expr.ts";
import { enterThread, formatTriple, type Machine, report, Stopped, threadIndex, tick } from "./interpret-machine.ts";
import { compileMove } from "./interpret-memory.ts";
import { accumulatorPlace, FRAGMENT, fragmentAccesses, type MatrixLayout, operandHolders } from "./matrix.ts";
import { elementText } from "./memory.ts";
import type { FragmentStmt, Kernel, MmaStmt, RegisterRow } from "./types.ts";

type GroupCode = (active: readonly number[]) => void;

/** Ends the block where a part of its threads has come to a statement that all of them run. */
export function expectAll(
  machine: Machine,
  active: readonly number[],
  site: FragmentStmt | MmaStmt | { readonly kind: "barrier"; readonly span: FragmentStmt["span"] },
): void {
  const [first] = active;
  if (first === undefined || active.length === machine.threads) return;
  enterThread(machine, first);
  const missing = active.findIndex((thread, position) => thread !== position);
  const other = threadIndex(machine, missing < 0 ? active.length : missing);
  const what = site.kind === "barrier" ? "barrier" : site.kind === "mma" ? "mma" : "fragment";
  const count = `${active.length} of ${machine.threads} threads`;
  const message = (): string => `reaches the ${what} with ${count}, without thread ${formatTriple(other)}`;
  report(machine, "divergence", site, message, { otherThread: other });
  throw new Stopped("block");
}

export function compileFragment(names: Names, kernel: Kernel, stmt: FragmentStmt, layout: MatrixLayout): GroupCode {
  const { machine } = names;
  const array = arrayOf(names, stmt.array.name);
  const registers = arrayOf(names, stmt.target.array);
  const origin = stmt.index.map((i) => compileNumber(names, i));
  const prefix = stmt.target.index.map((i) => compileNumber(names, i));
  const moves = fragmentAccesses(kernel, stmt).map(({ index, first, lanes }): Code => {
    const start = index.map((i) => compileNumber(names, i));
    const row = { array: registers, prefix, first: Number(first) };
    return compileMove(machine, "load", row, { array, start }, Number(lanes), { span: stmt.span, lanes });
  });
  return (active) => {
    expectAll(machine, active, stmt);
    tick(machine, active.length);
    let tile: readonly number[] = [];
    for (const thread of active) {
      enterThread(machine, thread);
      const own = origin.map((code) => code());
      if (thread % Number(layout.lanes) === 0) tile = own;
      else if (own.some((i, axis) => i !== tile[axis])) reportTiles(machine, array, stmt, layout, own, tile);
      for (const move of moves) move();
    }
  };
}

function reportTiles(
  machine: Machine,
  array: RunArray,
  stmt: FragmentStmt,
  { lanes }: MatrixLayout,
  own: readonly number[],
  tile: readonly number[],
): void {
  const first = machine.thread - (machine.thread % Number(lanes));
  const otherThread = threadIndex(machine, first);
  const [mine, its] = [elementText(array.name, own), elementText(array.name, tile)];
  const message = (): string =>
    `loads the tile at ${mine}, and thread ${formatTriple(otherThread)} of its wave the one at ${its}`;
  report(machine, "divergence", stmt, message, { array: array.name, otherThread, variant: "tile" });
}

/** Reads and writes the elements of a row of the running thread's registers. */
interface Row {
  readonly read: (element: number) => number;
  readonly write: (element: number, value: number) => void;
}

function compileRow(names: Names, { array: name, index }: RegisterRow, site: MmaStmt): Row {
  const { machine } = names;
  const array = arrayOf(names, name);
  let at = 0;
  let stored = 0;
  const place: readonly NumberCode[] = [...index.map((i) => compileNumber(names, i)), () => at];
  const load = compileLoad(machine, array, place, site);
  const store = compileStore(machine, array, place, () => stored, site);
  return {
    read: (element) => {
      at = element;
      return load();
    },
    write: (element, value) => {
      [at, stored] = [element, value];
      store();
    },
  };
}

export function compileMma(names: Names, stmt: MmaStmt, layout: MatrixLayout): GroupCode {
  const { machine } = names;
  const [a, b, accumulator] = [stmt.a, stmt.b, stmt.accumulator].map((row) => compileRow(names, row, stmt));
  const [size, lanes] = [Number(FRAGMENT), Number(layout.lanes)];
  const count = Number(layout.accumulatorElements);
  return (active) => {
    expectAll(machine, active, stmt);
    tick(machine, active.length);
    if (a === undefined || b === undefined || accumulator === undefined) return;
    for (let wave = 0; wave < machine.threads; wave += lanes) {
      const left = gather(machine, a, layout, wave, size);
      const right = gather(machine, b, layout, wave, size);
      for (let lane = 0; lane < lanes; lane++) {
        enterThread(machine, wave + lane);
        for (let element = 0; element < count; element++) {
          const { row, column } = accumulatorPlace(layout, lane, element);
          let sum = accumulator.read(element);
          for (let k = 0; k < size; k++) {
            sum = Math.fround(sum + (left[row * size + k] ?? 0) * (right[column * size + k] ?? 0));
          }
          accumulator.write(element, sum);
        }
      }
    }
  };
}

/** An operand of a wave, by row (or column) and k. Lanes that hold the same elements have loaded the same tile. */
function gather(machine: Machine, row: Row, layout: MatrixLayout, wave: number, size: number): Float64Array {
  const values = new Float64Array(size * size);
  const holders = operandHolders(layout);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      for (const { lane, element } of holders[i]?.[k] ?? []) {
        enterThread(machine, wave + lane);
        values[i * size + k] = row.read(element);
      }
    }
  }
  return values;
}
