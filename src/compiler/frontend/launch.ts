/**
 * The second argument of `kernel`: grid, block, `where`, `params`, `computes`, `index`, `matrix`, `simd`, `performance` and `budget`.
 *
 * Everything here is over dimensions and compile-time parameters: the launcher evaluates it before any thread runs.
 */

import { ts } from "ts-morph";
import { int } from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { MatrixUnit } from "../../ir/kernel/matrix.ts";
import type { SimdUnit } from "../../ir/kernel/simd.ts";
import { BUDGETED, type Budget, type Performance, type Triple, type WhereClause } from "../../ir/kernel/types.ts";
import { visitExpr } from "../../ir/kernel/walk.ts";
import { constantCondition, lowerCondition, lowerExpression } from "./expression.ts";
import { lowerPerformance } from "./performance.ts";
import { quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

export interface LaunchSource {
  readonly node: ts.ObjectLiteralExpression;
  readonly options: ReadonlyMap<string, ts.Expression>;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "computes",
  "grid",
  "block",
  "where",
  "params",
  "index",
  "matrix",
  "simd",
  "performance",
  "budget",
]);

export function readLaunch(node: ts.ObjectLiteralExpression, scope: Scope): LaunchSource {
  const { reporter } = scope;
  const options = new Map<string, ts.Expression>();
  for (const property of node.properties) {
    const name = property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : undefined;
    if (name === undefined || !ts.isPropertyAssignment(property) || !OPTIONS.has(name)) {
      const fix = `the options are ${[...OPTIONS].join(", ")}`;
      reporter.report("TK120", property, `${quote(property.name ?? property)} is not a launch option`, fix);
    } else options.set(name, property.initializer);
  }
  for (const name of ["grid", "block"]) {
    if (options.has(name)) continue;
    const fix = name === "grid" ? "grid: ({ N }) => [ceilDiv(N, 256)]" : "block: [256]";
    reporter.report("TK120", node, `the launch has no ${name}`, `add ${fix}`);
  }
  return { node, options };
}

/** Every combination of the allowed values of `params`; one empty combination without any. */
export function readChoices(launch: LaunchSource, scope: Scope): readonly ReadonlyMap<string, bigint>[] {
  const { reporter } = scope;
  const node = launch.options.get("params");
  if (node === undefined) return [new Map()];
  const fix = "write params: { TILE: [16, 32] }";
  if (!ts.isObjectLiteralExpression(node)) {
    reporter.report("TK124", node, `${quote(node)} is no list of compile-time parameters`, fix);
    return [];
  }
  let combinations: readonly ReadonlyMap<string, bigint>[] = [new Map()];
  for (const property of node.properties) {
    const list = ts.isPropertyAssignment(property) ? property.initializer : undefined;
    const name = property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : undefined;
    if (name === undefined || list === undefined || !ts.isArrayLiteralExpression(list) || list.elements.length === 0) {
      reporter.report("TK124", property, `${quote(property)} does not list its allowed values`, fix);
      return [];
    }
    const values = list.elements.flatMap((element) => {
      const value = lowerExpression(element, inLaunch(scope));
      if (value?.kind === "int" && value.value > 0n) return [value.value];
      if (value !== undefined) {
        reporter.report("TK124", element, `${quote(element)} is not a positive integer constant`, fix);
      }
      return [];
    });
    if (new Set(values).size < values.length) {
      reporter.report("TK124", list, `${name} lists a value twice`, "list each value once");
    }
    combinations = combinations.flatMap((chosen) => values.map((value) => new Map([...chosen, [name, value]])));
  }
  return combinations;
}

/** Binds the names that a function of the launch or the kernel's body takes its argument apart into. */
export function bindPattern(
  parameter: ts.ParameterDeclaration | undefined,
  scope: Scope,
  bind: (name: string, symbol: ts.Symbol, node: ts.Node) => void,
): void {
  if (parameter === undefined) return;
  const { reporter, program } = scope;
  if (!ts.isObjectBindingPattern(parameter.name)) {
    const fix = "take the argument apart: ({ x, y }, { N }) => …";
    reporter.report("TK103", parameter, `${quote(parameter)} is not taken apart into names`, fix);
    return;
  }
  for (const element of parameter.name.elements) {
    const plain = ts.isIdentifier(element.name) && !element.dotDotDotToken && !element.initializer;
    const source = element.propertyName ?? element.name;
    if (!plain || !ts.isIdentifier(source)) {
      reporter.report("TK103", element, `${quote(element)} is not a name`, "list names only: ({ x, y }, { N }) => …");
      continue;
    }
    const symbol = symbolOf(element.name, program.checker);
    if (symbol !== undefined) bind(source.text, symbol, element);
  }
}

/** Binds a dimension's name in a function of the launch. */
export type BindDims = (parameter: ts.ParameterDeclaration | undefined, scope: Scope) => void;

export interface LaunchValues {
  readonly grid: Triple<Expr>;
  readonly block: Triple<bigint>;
  readonly where: readonly WhereClause[];
  readonly computes: string | undefined;
  readonly indexWidth: "i32" | "auto";
  readonly matrix: MatrixUnit | undefined;
  readonly simd: SimdUnit | undefined;
  readonly performance: Performance | undefined;
  readonly budget: Budget | undefined;
}

/** `undefined` where something was refused. */
export function lowerLaunch(
  { options }: LaunchSource,
  dims: readonly string[],
  scope: Scope,
  bindDims: BindDims,
  bindChoices: BindDims,
): LaunchValues | undefined {
  const grid = lowerGrid(options.get("grid"), scope, bindDims, bindChoices);
  const block = lowerBlockSize(options.get("block"), scope, bindChoices);
  const where = lowerWhere(options.get("where"), dims, scope, bindDims, bindChoices);
  const { reporter } = scope;
  const computes = chosen(options.get("computes"), scope);
  if (computes !== undefined && !ts.isStringLiteralLike(computes)) {
    return reporter.report("TK125", computes, `${quote(computes)} is not a string literal`, 'write computes: "linear"');
  }
  const width = options.get("index");
  if (width !== undefined && !(ts.isStringLiteralLike(width) && width.text === "i32")) {
    return reporter.report(
      "TK126",
      width,
      `${quote(width)} is not an index width`,
      'write index: "i32", or leave it out',
    );
  }
  const budget = lowerBudget(options.get("budget"), scope, bindChoices);
  const performance = lowerPerformance(options.get("performance"), scope);
  if (grid === undefined || block === undefined || where === undefined) return undefined;
  if (budget === undefined || performance === undefined) return undefined;
  return {
    grid,
    block,
    where,
    computes: computes?.text,
    indexWidth: width === undefined ? "auto" : "i32",
    matrix: scope.matrix?.unit,
    simd: scope.simd,
    performance: performance === "none" ? undefined : performance,
    budget: budget === "none" ? undefined : budget,
  };
}

function lowerGrid(
  node: ts.Expression | undefined,
  scope: Scope,
  bindDims: BindDims,
  bindChoices: BindDims,
): Triple<Expr> | undefined {
  if (node === undefined) return undefined;
  const { reporter } = scope;
  const fix = "write grid: ({ B, N }) => [ceilDiv(N, 256), B]";
  if (!ts.isArrowFunction(node))
    return reporter.report("TK121", node, "the grid is no function of the dimensions", fix);
  bindDims(node.parameters[0], scope);
  bindChoices(node.parameters[1], scope);
  const list = listOf(node.body);
  if (list === undefined || list.length < 1 || list.length > 3) {
    return reporter.report("TK121", node.body, "the grid is not a list of one to three extents", fix);
  }
  const extents = list.map((extent): Expr | undefined => {
    const value = lowerExpression(extent, inLaunch(scope));
    if (value === undefined) return undefined;
    let sizes = value.type === "int";
    visitExpr(value, ({ kind }) => {
      if (kind === "index" || kind === "load") sizes = false;
    });
    return sizes ? value : reporter.report("TK121", extent, `${quote(extent)} is no integer over dimensions`, fix);
  });
  const [x, y, z] = [extents[0], padded(extents, 1), padded(extents, 2)];
  return x === undefined || y === undefined || z === undefined ? undefined : [x, y, z];
}

function padded(extents: readonly (Expr | undefined)[], axis: number): Expr | undefined {
  return axis < extents.length ? extents[axis] : int(1);
}

function listOf(body: ts.ConciseBody | ts.Expression): readonly ts.Expression[] | undefined {
  if (ts.isBlock(body)) return undefined;
  const list = skipParentheses(body);
  return ts.isArrayLiteralExpression(list) ? list.elements : undefined;
}

function lowerBlockSize(
  node: ts.Expression | undefined,
  scope: Scope,
  bindChoices: BindDims,
): Triple<bigint> | undefined {
  if (node === undefined) return undefined;
  const { reporter } = scope;
  const fix = "write block: [256], or block: ({ TILE }) => [TILE, TILE]";
  if (ts.isArrowFunction(node)) bindChoices(node.parameters[0], scope);
  const list = listOf(ts.isArrowFunction(node) ? node.body : node);
  if (list === undefined || list.length < 1 || list.length > 3) {
    return reporter.report("TK122", node, "the block is not a list of one to three constants", fix);
  }
  const sizes = list.map((size): bigint | undefined => {
    const value = lowerExpression(size, inLaunch(scope));
    if (value === undefined || (value.kind === "int" && value.value > 0n))
      return value?.kind === "int" ? value.value : undefined;
    return reporter.report("TK122", size, `${quote(size)} is not a positive constant`, fix);
  });
  const [x, y = 1n, z = 1n] = sizes;
  return x === undefined || sizes.includes(undefined) ? undefined : [x, y, z];
}

function lowerBudget(
  node: ts.Expression | undefined,
  scope: Scope,
  bindChoices: BindDims,
): Budget | "none" | undefined {
  if (node === undefined) return "none";
  const { reporter } = scope;
  const fix = `write budget: { vgprs: 64, scratch: 0 }; the resources are ${BUDGETED.join(", ")}`;
  if (ts.isArrowFunction(node)) bindChoices(node.parameters[0], scope);
  const body = skipParentheses(
    ts.isArrowFunction(node) && !ts.isBlock(node.body) ? node.body : (node as ts.Expression),
  );
  if (!ts.isObjectLiteralExpression(body)) {
    return reporter.report("TK128", node, `${quote(node)} is no list of resources`, fix);
  }
  const limits = body.properties.map((property): Budget["limits"][number] | undefined => {
    const name = property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : undefined;
    const resource = BUDGETED.find((known) => known === name);
    if (resource === undefined || !ts.isPropertyAssignment(property)) {
      return reporter.report(
        "TK128",
        property,
        `${quote(property.name ?? property)} is not a resource of a budget`,
        fix,
      );
    }
    const most = lowerExpression(property.initializer, inLaunch(scope));
    if (most === undefined) return undefined;
    if (most.kind === "int" && most.value >= 0n) return { resource, most: most.value };
    return reporter.report("TK128", property.initializer, `${quote(property.initializer)} is no constant amount`, fix);
  });
  const known = limits.flatMap((limit) => limit ?? []);
  return known.length < limits.length ? undefined : { limits: known, span: reporter.spanOf(node) };
}

function lowerWhere(
  node: ts.Expression | undefined,
  dims: readonly string[],
  scope: Scope,
  bindDims: BindDims,
  bindChoices: BindDims,
): readonly WhereClause[] | undefined {
  if (node === undefined) return [];
  const { reporter } = scope;
  const fix = "write where: { T: ({ B, K }) => B * K }, for a dimension T of some parameter";
  if (!ts.isObjectLiteralExpression(node)) return reporter.report("TK123", node, "where is not an object", fix);
  const clauses: WhereClause[] = [];
  const names = node.properties.map(({ name }) => (name !== undefined && ts.isIdentifier(name) ? name.text : ""));
  for (const [position, property] of node.properties.entries()) {
    const value = ts.isPropertyAssignment(property) ? property.initializer : undefined;
    const name = names[position] ?? "";
    if (name === "" || value === undefined || !ts.isArrowFunction(value) || ts.isBlock(value.body)) {
      reporter.report("TK123", property, `${quote(property)} does not define a dimension`, fix);
      continue;
    }
    if (!dims.includes(name)) {
      reporter.report("TK127", property, `there is no dimension ${name}`, `name ${name} in a parameter's shape`);
    }
    bindDims(value.parameters[0], scope);
    bindChoices(value.parameters[1], scope);
    const defined = lowerExpression(value.body, inLaunch(scope));
    if (defined === undefined) continue;
    const wrong = whyNoDefinition(defined, names.slice(position));
    if (wrong !== undefined) reporter.report("TK123", value.body, `${quote(value.body)} ${wrong}`, fix);
    clauses.push({ dim: name, value: defined, span: reporter.spanOf(property) });
  }
  return clauses;
}

/** What is wrong with the value of a dimension; `pending` are the dimension itself and those that are defined later. */
function whyNoDefinition(value: Expr, pending: readonly string[]): string | undefined {
  if (value.type !== "int") return "is no integer";
  let wrong: string | undefined;
  visitExpr(value, (part) => {
    if (part.kind === "index" || part.kind === "load") wrong = "is not known before the launch";
    if (part.kind === "dim" && pending.includes(part.name)) wrong = `uses ${part.name}, which is not defined before it`;
  });
  return wrong;
}

/** Of `c ? a : b` with a condition on constants, as in a family of kernels, the branch that it chooses. */
export function chosen(node: ts.Expression | undefined, scope: Scope): ts.Expression | undefined {
  const inner = node && skipParentheses(node);
  if (inner === undefined || !ts.isConditionalExpression(inner)) return node;
  const cond = lowerCondition(inner.condition, inLaunch(scope));
  const holds = cond && constantCondition(cond);
  return holds === undefined ? node : chosen(holds ? inner.whenTrue : inner.whenFalse, scope);
}

const inLaunch = (scope: Scope): Scope => ({ ...scope, clause: "launch" });
