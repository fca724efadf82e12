/**
 * `for` loops: counting loops with a constant step, and geometric sequences between constants.
 *
 *   for (let k = lo; k < hi; k += step)      lo, hi integers, step a positive constant     → `for`
 *   for (let s = 128; s > 0; s = div(s, 2))  or s *= 2, all constants                      → `steps`
 */

import { ts } from "ts-morph";
import { add, foldCompare, foldInt, int } from "../../ir/kernel/build.ts";
import { isFloat } from "../../ir/kernel/elements.ts";
import type { ArrayRef, CompareOp, Expr } from "../../ir/kernel/expr.ts";
import type { Stmt } from "../../ir/kernel/types.ts";
import { assignedLocals, visitExpr } from "../../ir/kernel/walk.ts";
import { lowerCondition, lowerExpression } from "./expression.ts";
import { blockOf, inside, type LowerStatements, type Place } from "./place.ts";
import { dslName, quote, type Scope, skipParentheses, symbolOf, tensorOf } from "./scope.ts";
import { checkUnrolling } from "./unroll.ts";

const { SyntaxKind } = ts;

/** A tree reduction over the largest block has 10 steps; a sequence that is longer than this does not end. */
const MAX_STEPS = 64;

const FORM = "write for (let k = 0; k < n; k += 1)";

interface Head {
  readonly name: ts.Identifier;
  readonly symbol: ts.Symbol;
  readonly lo: Expr;
  readonly op: CompareOp;
  readonly limit: Expr;
  readonly update: { readonly op: "add" | "mul" | "div"; readonly by: bigint };
}

export function lowerFor(
  statement: ts.ForStatement,
  place: Place,
  scope: Scope,
  lower: LowerStatements,
): readonly Stmt[] {
  const head = readHead(statement, scope);
  if (head === undefined) {
    refuseCounter(statement, scope);
    return [];
  }
  return head.update.op === "add"
    ? lowerCounting(statement, head, place, scope, lower)
    : lowerSteps(statement, head, place, scope, lower);
}

function readHead(statement: ts.ForStatement, scope: Scope): Head | undefined {
  const { reporter, program } = scope;
  const { initializer, condition, incrementor } = statement;
  const refuse = (node: ts.Node, fact: string): undefined => reporter.report("TK135", node, fact, FORM);
  if (initializer === undefined || !ts.isVariableDeclarationList(initializer)) {
    return refuse(initializer ?? statement, "the loop declares no counter");
  }
  const [declaration, second] = initializer.declarations;
  if (declaration === undefined || second !== undefined)
    return refuse(initializer, "the loop declares no single counter");
  const { name, initializer: start } = declaration;
  if (!ts.isIdentifier(name) || start === undefined) return refuse(declaration, "the loop's counter has no start");
  const symbol = symbolOf(name, program.checker);
  if (condition === undefined || !ts.isBinaryExpression(condition)) {
    return refuse(condition ?? statement, "the loop has no bound");
  }
  const op = BOUNDS.get(condition.operatorToken.kind);
  const counted = skipParentheses(condition.left);
  if (op === undefined || symbol === undefined || symbolOf(counted, program.checker) !== symbol) {
    return refuse(condition, `the bound does not compare ${name.text} with a limit`);
  }
  if (incrementor === undefined) return refuse(statement, `the loop never changes ${name.text}`);
  const update = readUpdate(incrementor, name, symbol, scope);
  const lo = lowerExpression(start, scope);
  const limit = lowerExpression(condition.right, scope);
  if (lo === undefined || limit === undefined || update === undefined) return undefined;
  if (lo.type !== "int" || limit.type !== "int") {
    const wrong = lo.type === "int" ? condition.right : start;
    return reporter.report("TK135", wrong, `${quote(wrong)} is not an integer`, "count with integers");
  }
  return { name, symbol, lo, op, limit, update };
}

const BOUNDS: ReadonlyMap<ts.SyntaxKind, CompareOp> = new Map([
  [SyntaxKind.LessThanToken, "lt"],
  [SyntaxKind.LessThanEqualsToken, "le"],
  [SyntaxKind.GreaterThanToken, "gt"],
  [SyntaxKind.GreaterThanEqualsToken, "ge"],
]);

function readUpdate(
  node: ts.Expression,
  name: ts.Identifier,
  symbol: ts.Symbol,
  scope: Scope,
): Head["update"] | undefined {
  const { reporter, program } = scope;
  const isCounter = (target: ts.Node): boolean => symbolOf(target, program.checker) === symbol;
  if ((ts.isPostfixUnaryExpression(node) || ts.isPrefixUnaryExpression(node)) && isCounter(node.operand)) {
    if (node.operator === SyntaxKind.PlusPlusToken) return { op: "add", by: 1n };
    return refuseDownwards(node, scope);
  }
  const form = (): undefined =>
    reporter.report("TK135", node, `${quote(node)} is no step of ${name.text}`, `${FORM}, or s = div(s, 2), or s *= 2`);
  if (!ts.isBinaryExpression(node) || !isCounter(node.left)) return form();
  const kind = node.operatorToken.kind;
  if (kind === SyntaxKind.MinusEqualsToken) return refuseDownwards(node, scope);
  if (kind === SyntaxKind.PlusEqualsToken || kind === SyntaxKind.AsteriskEqualsToken) {
    const by = constantStep(node.right, kind === SyntaxKind.PlusEqualsToken ? 1n : 2n, scope);
    return by === undefined ? undefined : { op: kind === SyntaxKind.PlusEqualsToken ? "add" : "mul", by };
  }
  const value = skipParentheses(node.right);
  if (kind !== SyntaxKind.EqualsToken) return form();
  if (ts.isCallExpression(value) && dslName(value.expression, program) === "div") {
    const [dividend, divisor] = value.arguments;
    if (dividend === undefined || divisor === undefined || !isCounter(dividend)) return form();
    const by = constantStep(divisor, 2n, scope);
    return by === undefined ? undefined : { op: "div", by };
  }
  if (!ts.isBinaryExpression(value) || !isCounter(value.left)) return form();
  if (value.operatorToken.kind === SyntaxKind.MinusToken) return refuseDownwards(node, scope);
  const isSum = value.operatorToken.kind === SyntaxKind.PlusToken;
  if (!isSum && value.operatorToken.kind !== SyntaxKind.AsteriskToken) return form();
  const by = constantStep(value.right, isSum ? 1n : 2n, scope);
  return by === undefined ? undefined : { op: isSum ? "add" : "mul", by };
}

function refuseDownwards(node: ts.Node, scope: Scope): undefined {
  const fix = "count upwards and compute the index from the counter: n - 1 - k";
  return scope.reporter.report("TK137", node, "the loop counts downwards", fix);
}

function constantStep(node: ts.Expression, least: bigint, scope: Scope): bigint | undefined {
  const value = lowerExpression(node, scope);
  if (value === undefined) return undefined;
  if (value.kind === "int" && value.value >= least) return value.value;
  const fix = least === 1n ? "use a constant from 1" : "use a constant from 2";
  return scope.reporter.report("TK136", node, `the step ${quote(node)} is not a positive constant`, fix);
}

function lowerCounting(
  statement: ts.ForStatement,
  head: Head,
  place: Place,
  scope: Scope,
  lower: LowerStatements,
): readonly Stmt[] {
  const { reporter } = scope;
  const { lo, op, limit, update, name } = head;
  if (op === "gt" || op === "ge") {
    reporter.report("TK135", statement.condition ?? statement, `${name.text} grows away from its bound`, FORM);
    refuseCounter(statement, scope);
    return [];
  }
  const hi = op === "le" ? add(limit, int(1), limit.span) : limit;
  const counter = scope.names.take(name.text);
  scope.bindings.set(head.symbol, { kind: "counter", name: counter });
  const constant = { unroll: false };
  if (lo.kind === "int" && hi.kind === "int") scope.constantLoops.set(counter, constant);
  const { invariants, rest } = readInvariants(blockOf(statement.statement), scope);
  const body = lower(rest, { ...inside(place), inLoop: true }, scope);
  scope.constantLoops.delete(counter);
  checkBound(statement, hi, body, scope);
  const span = reporter.spanOf(name);
  const { unroll } = constant;
  const loop: Stmt = { kind: "for", counter, lo, hi, step: update.by, unroll, invariants, body, span };
  checkUnrolling(loop, name, scope);
  return [loop];
}

/** The bound is evaluated once, so that the body must not change it. */
function checkBound(statement: ts.ForStatement, hi: Expr, body: readonly Stmt[], scope: Scope): void {
  const assigned = assignedLocals(body);
  visitExpr(hi, (part) => {
    const changed = part.kind === "local" && assigned.has(part.name);
    if (!changed && !(part.kind === "load" && isWritable(part.array, scope))) return;
    const node = statement.condition ?? statement;
    const fact = changed
      ? `the loop's body changes its bound`
      : "the loop's bound reads an array that the kernel may write";
    scope.reporter.report("TK139", node, fact, "copy the bound into a const before the loop");
  });
}

/** Whether the kernel may write the array: all but inputs. */
function isWritable(array: ArrayRef, scope: Scope): boolean {
  return tensorOf(array, scope)?.role !== "input";
}

function readInvariants(
  statements: readonly ts.Statement[],
  scope: Scope,
): { readonly invariants: readonly Expr[]; readonly rest: readonly ts.Statement[] } {
  const invariants: Expr[] = [];
  let position = 0;
  for (const statement of statements) {
    if (!ts.isExpressionStatement(statement) || !ts.isCallExpression(statement.expression)) break;
    const call = statement.expression;
    if (dslName(call.expression, scope.program) !== "invariant") break;
    position++;
    const [condition] = call.arguments;
    const value = condition && lowerCondition(condition, { ...scope, clause: "invariant" });
    if (value === undefined || condition === undefined) continue;
    const read = readOfInvariant(value, scope);
    if (read === undefined) invariants.push(value);
    else {
      const fix = "state it of counters, locals, dimensions and elements of integer inputs";
      scope.reporter.report("TK147", condition, `the invariant reads ${read}`, fix);
    }
  }
  return { invariants, rest: statements.slice(position) };
}

/** What an invariant may not read, by name: memory that changes while the kernel runs, and floats in memory. */
function readOfInvariant(invariant: Expr, scope: Scope): string | undefined {
  let read: string | undefined;
  visitExpr(invariant, (part) => {
    if (part.kind !== "load") return;
    const tensor = tensorOf(part.array, scope);
    if (tensor?.role === "input" && !isFloat(tensor.element)) return;
    read ??=
      tensor?.role === "input" ? `floats of ${part.array.name}` : `${part.array.name}, which the kernel may write`;
  });
  return read;
}

function lowerSteps(
  statement: ts.ForStatement,
  head: Head,
  place: Place,
  scope: Scope,
  lower: LowerStatements,
): readonly Stmt[] {
  const { reporter } = scope;
  const { lo, limit, op, update, name } = head;
  const refuse = (fact: string): readonly Stmt[] => {
    const fix = "write for (let s = 128; s > 0; s = div(s, 2)) with constants";
    reporter.report("TK135", statement.condition ?? statement, fact, fix);
    refuseCounter(statement, scope);
    return [];
  };
  if (lo.kind !== "int" || limit.kind !== "int") return refuse(`${name.text} does not run between constants`);
  const values: bigint[] = [];
  for (let value = lo.value; foldCompare(op, value, limit.value); ) {
    values.push(value);
    if (values.length > MAX_STEPS) return refuse(`${name.text} takes more than ${MAX_STEPS} steps`);
    value = foldInt(update.op, value, update.by) ?? 0n;
  }
  const counter = scope.names.take(name.text);
  scope.bindings.set(head.symbol, { kind: "counter", name: counter });
  const body = lower(blockOf(statement.statement), { ...inside(place), inLoop: true }, scope);
  if (values.length === 0) return [];
  const factor = { op: update.op === "mul" ? "mul" : "div", factor: update.by } as const;
  const loop: Stmt = { kind: "steps", counter, values, update: factor, body, span: reporter.spanOf(name) };
  checkUnrolling(loop, name, scope);
  return [loop];
}

/** The counter of a refused loop: its uses are not reported again. */
function refuseCounter(statement: ts.ForStatement, scope: Scope): void {
  const { initializer } = statement;
  if (initializer === undefined || !ts.isVariableDeclarationList(initializer)) return;
  for (const { name } of initializer.declarations) {
    const symbol = ts.isIdentifier(name) ? symbolOf(name, scope.program.checker) : undefined;
    if (symbol !== undefined) scope.bindings.set(symbol, { kind: "refused" });
  }
}
