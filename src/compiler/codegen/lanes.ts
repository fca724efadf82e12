/**
 * Rows of registers as vectors: a kernel for a CPU's vector unit keeps each row of `simd.lanes` elements of f32 in one register.
 *
 *   for (let v = 0; v < simd.lanes; v++) sums[i][v] = fma(a, column[v], sums[i][v]);
 *   →  sums[i] = tok_fma(tok_splat<tok_lanes16>(a), column, sums[i]);
 *
 * A *lane loop* runs over all lanes, and each of its stores writes the element of its own lane: of a row, or of consecutive
 * elements of memory. Its statements are then done one after another for all lanes at once, where no lane sees what another has
 * stored. Halves in memory are widened as they are loaded, and never stored by vectors. Any other loop stays as it is: an element of
 * a vector can be read and written by its index.
 */

import { int } from "../../ir/kernel/build.ts";
import type { ElementType } from "../../ir/kernel/elements.ts";
import type { ArrayRef, Expr, FloatFunction, LoadExpr } from "../../ir/kernel/expr.ts";
import { SIMD_LANES } from "../../ir/kernel/simd.ts";
import type { ForStmt, LocalArray, StoreStmt } from "../../ir/kernel/types.ts";
import { visitExpr } from "../../ir/kernel/walk.ts";
import { assign, at, binary, type CExpr, type CStmt, type CType, call, run, type, unary } from "./c-ast.ts";
import { COMPARE_C, elementOf, FLOAT_OP_C, type Frame, lowerElement, lowerExpr, type Place } from "./expr.ts";

/** The type of a row that fills a register; none where the kernel names no vector unit, or the array has other rows. */
export function rowType({ space, element, shape }: LocalArray, { kernel }: Frame): CType | undefined {
  if (kernel.simd === undefined || space !== "register" || element !== "f32") return undefined;
  const lanes = SIMD_LANES[kernel.simd];
  return shape.at(-1) === lanes ? type(`tok_lanes${lanes}`) : undefined;
}

/** The elements of memory that a vector is loaded from, widened where they are halves, and those that it is stored into. */
const LOADED: ReadonlySet<ElementType> = new Set(["f32", "f16", "bf16"]);
const STORED: ReadonlySet<ElementType> = new Set(["f32"]);

interface Lanes {
  readonly counter: string;
  readonly row: CType;
  readonly frame: Frame;
  readonly place: Place;
  /** Arrays that the loop stores into. */
  readonly stored: ReadonlySet<string>;
}

/** A value for all lanes: a vector, or a number that is the same in each. */
interface LaneValue {
  readonly c: CExpr;
  readonly isVector: boolean;
}

/** The statements of a lane loop; nothing for any other loop. */
export function lowerLaneLoop(stmt: ForStmt, frame: Frame, place: Place): readonly CStmt[] | undefined {
  const unit = frame.kernel.simd;
  if (unit === undefined || stmt.step !== 1n || !isInt(stmt.lo, 0n) || !isInt(stmt.hi, SIMD_LANES[unit]))
    return undefined;
  const stores = stmt.body.filter((inner) => inner.kind === "store");
  if (stores.length < stmt.body.length) return undefined;
  const stored = new Set(stores.map(({ array }) => array.name));
  const lanes: Lanes = { counter: stmt.counter, row: type(`tok_lanes${SIMD_LANES[unit]}`), frame, place, stored };
  if (!seesItsOwn(stores, lanes)) return undefined;
  const lowered = stores.flatMap((store) => lowerStore(store, lanes) ?? []);
  return lowered.length < stores.length ? undefined : lowered;
}

/**
 * `for u … for v … to[i + v][j + u] = from[k + u][l + v];` over all lanes: a square of memory, turned around on its way to another
 * array. Nothing for any other loop.
 */
export function lowerTransposition(stmt: ForStmt, frame: Frame, place: Place): readonly CStmt[] | undefined {
  const unit = frame.kernel.simd;
  const [inner, ...more] = stmt.body;
  if (unit === undefined || inner?.kind !== "for" || more.length > 0) return undefined;
  const [store, ...others] = inner.body;
  if (store?.kind !== "store" || others.length > 0 || store.value.kind !== "load") return undefined;
  const { array, index, value } = store;
  const all = (loop: ForStmt): boolean => loop.step === 1n && isInt(loop.lo, 0n) && isInt(loop.hi, SIMD_LANES[unit]);
  if (!all(stmt) || !all(inner) || array.name === value.array.name) return undefined;
  const square = (
    of: ArrayRef,
    at: readonly Expr[],
    row: string,
    column: string,
    elements: ReadonlySet<ElementType>,
  ): readonly CExpr[] | undefined => {
    if (of.space === "register" || !elements.has(elementOf(of, frame)) || at.length < 2) return undefined;
    const [first, across] = [startOf(at[at.length - 2] ?? int(0), row), startOf(at[at.length - 1] ?? int(0), column)];
    if (first === undefined || across === undefined) return undefined;
    const start = [...at.slice(0, -2), first, across];
    if (start.some((one) => mentions(one, row) || mentions(one, column))) return undefined;
    const extent = (frame.tensors.get(of.name)?.shape ?? frame.arrays.get(of.name)?.shape.map((size) => int(size)))?.at(
      -1,
    );
    if (extent === undefined) return undefined;
    return [unary("&", lowerElement(of, start, frame, place)), lowerExpr(extent, frame, place)];
  };
  const to = square(array, index, inner.counter, stmt.counter, STORED);
  const from = square(value.array, value.index, stmt.counter, inner.counter, LOADED);
  if (to === undefined || from === undefined) return undefined;
  return [run(call("tok_transpose", [...to, ...from], [type(`tok_lanes${SIMD_LANES[unit]}`)]))];
}

function mentions(expr: Expr, local: string): boolean {
  let found = false;
  visitExpr(expr, (inner) => {
    if (inner.kind === "local" && inner.name === local) found = true;
  });
  return found;
}

/** Whether no lane reads what another lane stores, and no two stores meet: of memory, an array that is stored once is not read. */
function seesItsOwn(stores: readonly StoreStmt[], lanes: Lanes): boolean {
  const memory = stores.filter(({ array }) => !isRow(array, lanes)).map(({ array }) => array.name);
  if (new Set(memory).size < memory.length) return false;
  let alone = true;
  for (const { value, index } of stores) {
    for (const expr of [value, ...index]) {
      visitExpr(expr, (inner) => {
        if (inner.kind === "load" && memory.includes(inner.array.name)) alone = false;
      });
    }
  }
  return alone;
}

function lowerStore({ array, index, value }: StoreStmt, lanes: Lanes): CStmt | undefined {
  const lowered = laneValue(value, lanes);
  const target = rowOf(array, index, lanes);
  if (lowered === undefined) return undefined;
  if (target !== undefined) return assign(target, vector(lowered, lanes));
  const place = consecutive(array, index, lanes, STORED);
  return place && run(call("tok_store_lanes", [place, vector(lowered, lanes)]));
}

function laneValue(expr: Expr, lanes: Lanes): LaneValue | undefined {
  const { frame, place, row } = lanes;
  if (!isSameInAll(expr, lanes)) {
    switch (expr.kind) {
      case "load": {
        const found = rowOf(expr.array, expr.index, lanes);
        if (found !== undefined) return { c: found, isVector: true };
        const from = consecutive(expr.array, expr.index, lanes, LOADED);
        return from && { c: call("tok_load_lanes", [from], [row]), isVector: true };
      }
      case "neg": {
        const value = laneValue(expr.value, lanes);
        return value && { c: unary("-", value.c), isVector: value.isVector };
      }
      case "float-op": {
        const [left, right] = [laneValue(expr.left, lanes), laneValue(expr.right, lanes)];
        return left && right && { c: binary(FLOAT_OP_C[expr.op], left.c, right.c), isVector: true };
      }
      case "call": {
        const callee = FUNCTIONS_OF_LANES[expr.fn];
        if (callee === undefined) return undefined;
        const args = expr.args.flatMap((arg) => laneValue(arg, lanes) ?? []);
        if (args.length < expr.args.length) return undefined;
        return {
          c: call(
            callee,
            args.map((arg) => vector(arg, lanes)),
          ),
          isVector: true,
        };
      }
      case "select": {
        const cond = laneMask(expr.cond, lanes);
        const [then, otherwise] = [laneValue(expr.then, lanes), laneValue(expr.else, lanes)];
        // Both sides are computed for all lanes: neither may access memory that the condition keeps a lane from.
        if (cond === undefined || then === undefined || otherwise === undefined) return undefined;
        if (readsMemory(expr.then, lanes) || readsMemory(expr.else, lanes)) return undefined;
        return {
          c: { kind: "conditional", cond, then: vector(then, lanes), else: vector(otherwise, lanes) },
          isVector: true,
        };
      }
      default:
        return undefined;
    }
  }
  return { c: lowerExpr(expr, frame, place), isVector: false };
}

/** A comparison of floats, as a mask of the lanes for which it holds. */
function laneMask(cond: Expr, lanes: Lanes): CExpr | undefined {
  if (cond.kind !== "compare" || cond.left.type !== "f32") return undefined;
  const [left, right] = [laneValue(cond.left, lanes), laneValue(cond.right, lanes)];
  if (left === undefined || right === undefined) return undefined;
  return binary(COMPARE_C[cond.op], vector(left, lanes), vector(right, lanes));
}

/** Whether the expression reads an element of memory, or divides integers, which a condition may keep from happening. */
function readsMemory(expr: Expr, lanes: Lanes): boolean {
  let reads = false;
  visitExpr(expr, (inner) => {
    if (inner.kind === "load" && !isRow(inner.array, lanes)) reads = true;
    if (inner.kind === "int-op" && (inner.op === "div" || inner.op === "mod")) reads = true;
  });
  return reads;
}

/** What stands in the support header for all lanes of a row. */
const FUNCTIONS_OF_LANES: Readonly<Partial<Record<FloatFunction, string>>> = {
  exp: "tok_exp",
  erf: "tok_erf",
  tanh: "tok_tanh",
  sqrt: "tok_sqrt",
  abs: "tok_abs",
  fma: "tok_fma",
  min: "tok_lanes_min",
  max: "tok_lanes_max",
};

function vector({ c, isVector }: LaneValue, { row }: Lanes): CExpr {
  return isVector ? c : call("tok_splat", [c], [row]);
}

/** Whether the value is one number for all lanes, before and after what the loop stores. */
function isSameInAll(expr: Expr, { counter, stored }: Lanes): boolean {
  let same = true;
  visitExpr(expr, (inner) => {
    if (inner.kind === "local" && inner.name === counter) same = false;
    if (inner.kind === "load" && stored.has(inner.array.name)) same = false;
  });
  return same;
}

function isRow({ name, space }: ArrayRef, { frame }: Lanes): boolean {
  const array = frame.arrays.get(name);
  return space === "register" && array !== undefined && rowType(array, frame) !== undefined;
}

/** The row of which each lane accesses its own element. */
function rowOf(array: ArrayRef, index: readonly Expr[], lanes: Lanes): CExpr | undefined {
  const { frame, place, counter } = lanes;
  const [outer, last] = [index.slice(0, -1), index.at(-1)];
  if (!isRow(array, lanes) || last?.kind !== "local" || last.name !== counter) return undefined;
  if (!outer.every((one) => isSameInAll(one, lanes))) return undefined;
  return at(place.array(array.name), ...outer.map((one) => lowerExpr(one, frame, place)));
}

/** The address from which on the lanes access consecutive elements of one of these types. */
function consecutive(
  array: ArrayRef,
  index: readonly Expr[],
  lanes: Lanes,
  elements: ReadonlySet<ElementType>,
): CExpr | undefined {
  const { frame, place, counter } = lanes;
  if (array.space === "register" || !elements.has(elementOf(array, frame))) return undefined;
  const last = index.at(-1);
  const start = last && startOf(last, counter);
  if (start === undefined) return undefined;
  const first: LoadExpr["index"] = [...index.slice(0, -1), start];
  if (!first.every((one) => isSameInAll(one, lanes))) return undefined;
  return unary("&", lowerElement(array, first, frame, place));
}

/** The index of lane 0, where that of lane v is v more. */
function startOf(index: Expr, counter: string): Expr | undefined {
  if (index.kind === "local" && index.name === counter) return int(0);
  if (index.kind !== "int-op" || index.op !== "add") return undefined;
  if (index.right.kind === "local" && index.right.name === counter) return index.left;
  return index.left.kind === "local" && index.left.name === counter ? index.right : undefined;
}

function isInt(expr: Expr, value: bigint): boolean {
  return expr.kind === "int" && expr.value === value;
}
