/**
 * Matrix units in the source: the launch option `matrix`, declarations such as `fragment("a", f16, [2])`, and `matrix.lane`
 * and the like, which say where a thread's part of a fragment lies.
 *
 * What they mean depends on the matrix unit of the instance (`src/ir/kernel/matrix.ts`): the launch option `matrix` lists
 * the units, and each makes an instance of its own.
 */

import { ts } from "ts-morph";
import { add, int, intOp, mul } from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import {
  FRAGMENT,
  FRAGMENT_ROLES,
  type FragmentRole,
  fragmentElements,
  laneOf,
  MATRIX_LAYOUTS,
  MATRIX_UNITS,
  type MatrixLayout,
  type MatrixUnit,
  threadNumber,
} from "../../ir/kernel/matrix.ts";
import type { LocalArray, Triple } from "../../ir/kernel/types.ts";
import type { LowerExpression } from "./element.ts";
import { quote, type Scope, skipParentheses } from "./scope.ts";

/** The unit of an instance, and the block whose threads are its lanes. */
export interface MatrixContext {
  readonly unit: MatrixUnit;
  readonly block: Triple<bigint>;
}

/** The units of `matrix: ["gfx11", "gfx12", "cdna"]`; one instance without a unit where there is no such option. */
export function readUnits(node: ts.Expression | undefined, scope: Scope): readonly (MatrixUnit | undefined)[] {
  if (node === undefined) return [undefined];
  const fix = `list units: matrix: ["gfx11"]; there are ${MATRIX_UNITS.join(", ")}`;
  const list = skipParentheses(node);
  const texts = ts.isArrayLiteralExpression(list) ? list.elements : [];
  const units = texts.map((text) => MATRIX_UNITS.find((unit) => ts.isStringLiteralLike(text) && text.text === unit));
  const known = units.filter((unit) => unit !== undefined);
  if (known.length > 0 && known.length === units.length && new Set(known).size === known.length) return known;
  scope.reporter.report("TK187", node, `${quote(node)} is no list of matrix units`, fix);
  return [];
}

/** TK187 for a block that is not made of whole waves of the unit. */
export function checkWaves({ unit, block }: MatrixContext, node: ts.Node, { reporter }: Scope): boolean {
  const { lanes } = MATRIX_LAYOUTS[unit];
  const threads = block.reduce((product, extent) => product * extent, 1n);
  if (threads % lanes === 0n) return true;
  const fact = `a block of ${threads} threads is not made of waves of ${lanes}, which ${unit} has`;
  reporter.report("TK187", node, fact, `let the block have a multiple of ${lanes} threads`);
  return false;
}

const FORM = 'write fragment("a", f16), fragment("b", f16, [2]) or fragment("accumulator", f32, [2, 2])';

/** The role and the unit's layout of a declared fragment; its elements and shape are those of a register array. */
export function readFragment(
  call: ts.CallExpression,
  scope: Scope,
): { readonly role: FragmentRole; readonly layout: MatrixLayout } | undefined {
  const { reporter, matrix } = scope;
  const [text] = call.arguments;
  const role = FRAGMENT_ROLES.find(
    (known) => text !== undefined && ts.isStringLiteralLike(text) && text.text === known,
  );
  if (role === undefined) {
    const node = text ?? call;
    return reporter.report("TK187", node, `${quote(node)} is none of a, b and accumulator`, FORM);
  }
  if (matrix === undefined) return refuseWithoutUnit(call, scope);
  return { role, layout: MATRIX_LAYOUTS[matrix.unit] };
}

/** Reports TK187 for elements that the unit does not multiply, or does not accumulate. */
export function checkFragment(array: LocalArray, node: ts.Node, { reporter, matrix }: Scope): boolean {
  if (matrix === undefined || array.fragment === undefined) return true;
  const { elements } = MATRIX_LAYOUTS[matrix.unit];
  if (array.fragment === "accumulator") {
    if (array.element === "f32") return true;
    reporter.report("TK187", node, `the accumulator ${array.name} is of ${array.element}`, "accumulate in f32");
    return false;
  }
  if (elements.some((element) => element === array.element)) return true;
  const fix = `${matrix.unit} multiplies ${elements.join(" and ")}; name other units in matrix: […]`;
  reporter.report("TK187", node, `${matrix.unit} has no matrix instruction for ${array.element}`, fix);
  return false;
}

/** A register array's elements per lane, appended to how many fragments there are. */
export function fragmentShape(
  counts: readonly bigint[],
  { role, layout }: { readonly role: FragmentRole; readonly layout: MatrixLayout },
): readonly bigint[] {
  return [...counts, fragmentElements(layout, role)];
}

const PROPERTIES = ["lanes", "lane", "wave", "elements", "column"] as const;
const FUNCTIONS: Readonly<Record<string, number>> = { row: 1, elementOf: 1, laneOf: 2 };

/** `matrix.lanes` (of a wave), `.lane`, `.wave`, `.elements` (of an accumulator, in a lane) and `.column` (of all of them). */
export function lowerMatrixProperty(node: ts.PropertyAccessExpression, scope: Scope): Expr | undefined {
  const { reporter, matrix } = scope;
  const span = reporter.spanOf(node);
  const property = PROPERTIES.find((known) => known === node.name.text);
  if (property === undefined) {
    const functions = Object.keys(FUNCTIONS).map((name) => `matrix.${name}(…)`);
    const fix = `there are ${[...PROPERTIES.map((name) => `matrix.${name}`), ...functions].join(", ")}`;
    return reporter.report("TK187", node, `${quote(node)} is no property of a matrix unit`, fix);
  }
  if (matrix === undefined) return refuseWithoutUnit(node, scope);
  const layout = MATRIX_LAYOUTS[matrix.unit];
  const lane = (): Expr => laneOf(layout, matrix.block);
  switch (property) {
    case "lanes":
      return int(layout.lanes, span);
    case "elements":
      return int(layout.accumulatorElements, span);
    case "lane":
      return lane();
    case "wave":
      return intOp("div", threadNumber(matrix.block), int(layout.lanes), span);
    case "column":
      return intOp("mod", lane(), int(FRAGMENT), span);
    default:
      property satisfies never;
      return undefined;
  }
}

/**
 * `matrix.row(e)`: the row in its accumulator of the thread's element e. `matrix.elementOf(row)` and
 * `matrix.laneOf(row, column)`: which element of which lane it is.
 */
export function lowerMatrixCall(
  name: string,
  call: ts.CallExpression,
  scope: Scope,
  lower: LowerExpression,
): Expr | undefined {
  const { reporter, matrix } = scope;
  const span = reporter.spanOf(call);
  const count = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (count === undefined) {
    const fix = `there are ${Object.keys(FUNCTIONS)
      .map((known) => `matrix.${known}`)
      .join(", ")}`;
    return reporter.report("TK187", call, `${quote(call.expression)} is no function of a matrix unit`, fix);
  }
  const values = call.arguments.map((argument) => lower(argument, scope));
  const [first, second = int(0)] = values;
  if (values.length !== count) {
    const fact = `${quote(call.expression)} takes ${count} integers, and is given ${values.length} arguments`;
    return reporter.report(
      "TK169",
      call,
      fact,
      `write ${quote(call.expression)}(${count === 1 ? "e" : "row, column"})`,
    );
  }
  if (first === undefined || values.includes(undefined)) return undefined;
  const wrong = values.findIndex((value) => value?.type !== "int");
  if (wrong >= 0) {
    const at = call.arguments[wrong] ?? call;
    return reporter.report("TK169", at, `${quote(at)} is no integer`, "rows, columns and elements are integers");
  }
  if (matrix === undefined) return refuseWithoutUnit(call, scope);
  const layout = MATRIX_LAYOUTS[matrix.unit];
  const { rowStep, rowStride, accumulatorElements } = layout;
  switch (name) {
    case "row": {
      const half = intOp("div", laneOf(layout, matrix.block), int(FRAGMENT));
      return add(mul(first, int(rowStep)), mul(half, int(rowStride)), span);
    }
    // row = rowStep · e + rowStride · half, where one of the two is 1 and the other counts the values of its digit.
    case "elementOf":
      return rowStep === 1n
        ? intOp("mod", first, int(accumulatorElements), span)
        : intOp("div", first, int(rowStep), span);
    case "laneOf": {
      const half = rowStep === 1n ? intOp("div", first, int(rowStride)) : intOp("mod", first, int(rowStep));
      return add(mul(half, int(FRAGMENT)), second, span);
    }
    default:
      return undefined;
  }
}

function refuseWithoutUnit(node: ts.Node, { reporter }: Scope): undefined {
  const fix = 'add matrix: ["gfx11", "gfx12", "cdna"] to the launch';
  return reporter.report("TK187", node, `${quote(node)} means nothing without a matrix unit`, fix);
}
