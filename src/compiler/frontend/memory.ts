/**
 * Statements about memory that are calls: `atomicAdd(counts[e], 1)`, `loadVector(v, x[b][k])`, `storeVector(y[b][k], v)`.
 *
 * An atomic changes one integer element. A vector access moves a row of a register array, to or from as many consecutive
 * elements.
 */

import { ts } from "ts-morph";
import { isFloat } from "../../ir/kernel/elements.ts";
import type { AtomicOp, Stmt } from "../../ir/kernel/types.ts";
import { type ElementPlace, lowerElement } from "./element.ts";
import { lowerExpression } from "./expression.ts";
import { lowerLoadFragment, lowerMma } from "./fragment.ts";
import { lowerRow } from "./row.ts";
import { quote, type Scope, skipParentheses } from "./scope.ts";

const ATOMICS: ReadonlyMap<string, AtomicOp> = new Map([
  ["atomicAdd", "add"],
  ["atomicMin", "min"],
  ["atomicMax", "max"],
]);
const LANES: readonly bigint[] = [2n, 4n, 8n, 16n];
const SIZES = "2, 4, 8 or 16";

/** The statement that a call of `name` is; `undefined` where it is no statement about memory. */
export function lowerMemoryCall(name: string, call: ts.CallExpression, scope: Scope): readonly Stmt[] | undefined {
  const op = ATOMICS.get(name);
  if (op !== undefined) return lowerAtomic(op, name, call, scope);
  if (name === "loadVector") return lowerVector("load", call, scope);
  if (name === "storeVector") return lowerVector("store", call, scope);
  if (name === "loadFragment") return lowerLoadFragment(call, scope);
  if (name === "mma") return lowerMma(call, scope);
  return undefined;
}

function lowerAtomic(op: AtomicOp, name: string, call: ts.CallExpression, scope: Scope): readonly Stmt[] {
  const { reporter } = scope;
  const [target, operand] = twoArguments(call, `${name}(counts[i], 1)`, scope) ?? [];
  if (target === undefined || operand === undefined) return [];
  const place = elementOf(target, "TK194", `name one element: ${name}(counts[i], 1)`, scope);
  const value = lowerExpression(operand, scope);
  if (place === undefined) return [];
  const { array, index, role, element } = place;
  const refuse = (code: "TK141" | "TK194", fact: string, fix: string): readonly Stmt[] => {
    reporter.report(code, target, fact, fix);
    return [];
  };
  if (role === "input") {
    return refuse("TK141", `${quote(call)} writes the input ${array.name}`, `declare ${array.name} as inout`);
  }
  if (array.space === "register") {
    const fix = `assign to it: ${quote(target)} = …`;
    return refuse("TK194", `${array.name} is in registers, which belong to one thread`, fix);
  }
  if (isFloat(element)) {
    const fix = "combine the values in a fixed order: a tree in a shared array, or one thread per element";
    const fact = `${quote(target)} is a float, whose result would depend on the order of the threads`;
    return refuse("TK194", fact, fix);
  }
  if (value === undefined) return [];
  if (value.type !== "int") {
    const fact = `${name} takes an integer, and ${quote(operand)} is ${value.type === "f32" ? "a float" : "a boolean"}`;
    const fix =
      value.type === "bool"
        ? `choose a number by it: ${quote(operand)} ? 1 : 0`
        : "give it an integer; a float does not become one";
    reporter.report("TK169", operand, fact, fix);
    return [];
  }
  return [{ kind: "atomic", op, array, index, value, span: reporter.spanOf(target) }];
}

function lowerVector(direction: "load" | "store", call: ts.CallExpression, scope: Scope): readonly Stmt[] {
  const { reporter } = scope;
  const form = direction === "load" ? "loadVector(v, x[i])" : "storeVector(y[i], v)";
  const args = twoArguments(call, form, scope);
  if (args === undefined) return [];
  const [registersNode, target] = direction === "load" ? args : [args[1], args[0]];
  const registers = registersOf(registersNode, form, scope);
  const place = elementOf(target, "TK195", `name the first element: ${form}`, scope);
  if (registers === undefined || place === undefined) return [];
  const { array, index, role, element } = place;
  const refuse = (code: "TK141" | "TK195", fact: string, fix: string): readonly Stmt[] => {
    reporter.report(code, target, fact, fix);
    return [];
  };
  if (array.space === "register") {
    const fix = "assign one element after another";
    return refuse("TK195", `${quote(target)} is in registers, which have no addresses`, fix);
  }
  if (direction === "store" && role === "input") {
    const fix = `declare ${array.name} as output or inout`;
    return refuse("TK141", `${quote(call)} writes the input ${array.name}`, fix);
  }
  const own = registers.array;
  if (element !== own.element) {
    const fact = `${array.name} holds ${element}, and ${own.name} ${own.element}`;
    const fix =
      isFloat(element) || element === "i32"
        ? `declare ${own.name} = registers(${element}, [${own.shape.join(", ")}])`
        : "vectors are of f32, f16, bf16 or i32; move one element at a time";
    return refuse("TK195", fact, fix);
  }
  const lanes = own.shape.at(-1) ?? 0n;
  return [{ kind: "vector", direction, registers: registers.row, lanes, array, index, span: reporter.spanOf(target) }];
}

/** The row of registers that a vector access moves, or a report of TK195. */
function registersOf(node: ts.Expression, form: string, scope: Scope): ReturnType<typeof lowerRow> {
  const { reporter } = scope;
  const fix = `declare const v = registers(f32, [4]), and write ${form}`;
  const found = lowerRow(node, "TK195", fix, scope, lowerExpression);
  if (found === undefined) return undefined;
  const { shape, fragment } = found.array;
  if (fragment !== undefined) {
    const fact = `${quote(node)} is a fragment, whose elements are not neighbours in memory`;
    return reporter.report("TK195", node, fact, "load it with loadFragment, store an accumulator element by element");
  }
  if (LANES.some((lanes) => lanes === shape.at(-1))) return found;
  const fact = `${quote(node)} has ${shape.at(-1)} elements, and a vector has ${SIZES}`;
  return reporter.report("TK195", node, fact, fix);
}

/** An array element; a number that is no element is reported with `code`. */
function elementOf(node: ts.Expression, code: "TK194" | "TK195", fix: string, scope: Scope): ElementPlace | undefined {
  const inner = skipParentheses(node);
  if (ts.isElementAccessExpression(inner)) return lowerElement(inner, scope, lowerExpression);
  if (lowerExpression(inner, scope) === undefined) return undefined;
  return scope.reporter.report(code, node, `${quote(node)} is no element of an array`, fix);
}

function twoArguments(
  call: ts.CallExpression,
  form: string,
  scope: Scope,
): readonly [ts.Expression, ts.Expression] | undefined {
  const [first, second, ...more] = call.arguments;
  if (first !== undefined && second !== undefined && more.length === 0) return [first, second];
  const fact = `${quote(call.expression)} takes 2 arguments, and is given ${call.arguments.length}`;
  return scope.reporter.report("TK169", call, fact, `write ${form}`);
}
