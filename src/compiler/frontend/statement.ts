/**
 * TypeScript statements → kernel IR statements.
 *
 * `if (c) return;` becomes an `if` whose other branch holds what follows, so that the IR has no jumps. Locals get names
 * of their own; a constant whose value is known is no local at all, but that value.
 */

import { ts } from "ts-morph";
import { load, not } from "../../ir/kernel/build.ts";
import type { Expr, Stmt } from "../../ir/kernel/types.ts";
import { lowerArrayDeclaration } from "./array.ts";
import { lowerElement } from "./element.ts";
import { expectSameType, lowerArithmetic, lowerCondition, lowerExpression } from "./expression.ts";
import { lowerFor } from "./loop.ts";
import { blockOf, inside, type Place } from "./place.ts";
import { dslName, isAssignment, isConst, quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

const { SyntaxKind } = ts;

export function lowerStatements(statements: readonly ts.Statement[], place: Place, scope: Scope): readonly Stmt[] {
  const lowered: Stmt[] = [];
  for (const [position, statement] of statements.entries()) {
    const rest = statements.slice(position + 1);
    if (ts.isReturnStatement(statement)) {
      if (place.top && statement.expression === undefined) return lowered;
      refuseReturn(statement, place, scope);
      continue;
    }
    const early = ts.isIfStatement(statement) && place.top ? earlyReturn(statement) : undefined;
    if (early !== undefined && ts.isIfStatement(statement)) {
      lowered.push(...lowerEarlyReturn(statement, early, rest, place, scope));
      return lowered;
    }
    lowered.push(...lowerStatement(statement, place, scope));
  }
  return lowered;
}

function lowerStatement(statement: ts.Statement, place: Place, scope: Scope): readonly Stmt[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap((declaration) => lowerDeclaration(declaration, place, scope));
  }
  if (ts.isExpressionStatement(statement)) return lowerExpressionStatement(statement.expression, scope);
  if (ts.isIfStatement(statement)) return lowerIf(statement, place, scope);
  if (ts.isForStatement(statement)) return lowerFor(statement, place, scope, lowerStatements);
  if (ts.isBlock(statement)) return lowerStatements(statement.statements, inside(place), scope);
  if (ts.isEmptyStatement(statement)) return [];
  refuseStatement(statement, scope);
  return [];
}

function lowerDeclaration(declaration: ts.VariableDeclaration, place: Place, scope: Scope): readonly Stmt[] {
  const { reporter, program } = scope;
  const { name, initializer } = declaration;
  if (!ts.isIdentifier(name)) {
    reporter.report("TK132", name, `${quote(name)} takes a value apart`, "declare one local for each value");
    return [];
  }
  const symbol = symbolOf(name, program.checker);
  if (symbol === undefined) return [];
  if ((ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.BlockScoped) === 0) {
    scope.bindings.set(symbol, { kind: "refused" });
    reporter.report(
      "TK131",
      declaration,
      `${name.text} is declared with var`,
      `write const ${name.text} or let ${name.text}`,
    );
    return [];
  }
  if (initializer === undefined) {
    scope.bindings.set(symbol, { kind: "refused" });
    reporter.report("TK132", declaration, `${name.text} has no value`, `write let ${name.text} = f32(0) or = 0`);
    return [];
  }
  if (ts.isCallExpression(initializer)) {
    const called = dslName(initializer.expression, program);
    if (called === "shared" || called === "registers") {
      const space = called === "shared" ? "shared" : "register";
      const array = lowerArrayDeclaration(space, name, initializer, place.top, scope);
      if (array !== undefined) place.arrays.push(array);
      scope.bindings.set(symbol, array === undefined ? { kind: "refused" } : { kind: "array", array });
      return [];
    }
  }
  const value = lowerExpression(initializer, scope);
  if (value === undefined) {
    scope.bindings.set(symbol, { kind: "refused" });
    return [];
  }
  const mutable = !isConst(declaration) && scope.assigned.has(symbol);
  if (!mutable && (value.kind === "int" || value.kind === "float" || value.kind === "bool")) {
    scope.bindings.set(symbol, { kind: "value", what: "constant", make: (span) => ({ ...value, span }) });
    return [];
  }
  const unique = scope.names.take(name.text);
  scope.bindings.set(symbol, { kind: "local", name: unique, type: value.type, mutable });
  return [{ kind: "let", name: unique, type: value.type, mutable, value, span: reporter.spanOf(declaration) }];
}

function lowerExpressionStatement(node: ts.Expression, scope: Scope): readonly Stmt[] {
  const { reporter, program } = scope;
  const expression = skipParentheses(node);
  if (ts.isBinaryExpression(expression) && isAssignment(expression.operatorToken.kind)) {
    return lowerAssignment(expression, scope);
  }
  if (ts.isCallExpression(expression)) {
    const called = dslName(expression.expression, program);
    if (called === "barrier") {
      if (expression.arguments.length === 0) return [{ kind: "barrier", span: reporter.spanOf(expression) }];
      const fix = "write barrier(), which orders shared and global accesses";
      reporter.report("TK189", expression, `${quote(expression)} is reserved, not built yet`, fix);
      return [];
    }
    if (called === "requires") {
      reporter.report("TK145", expression, "requires does not stand at the start of the body", "move it to the top");
      return [];
    }
    if (called === "invariant") {
      const fix = "move it to the start of the loop's body";
      reporter.report("TK147", expression, "invariant does not stand at the start of a loop's body", fix);
      return [];
    }
  }
  const before = reporter.count;
  lowerExpression(expression, scope);
  if (reporter.count === before) {
    reporter.report("TK144", expression, `the value of ${quote(expression)} is not used`, "assign it, or remove it");
  }
  return [];
}

const COMPOUND: ReadonlyMap<ts.SyntaxKind, "add" | "sub" | "mul" | "div"> = new Map([
  [SyntaxKind.PlusEqualsToken, "add"],
  [SyntaxKind.MinusEqualsToken, "sub"],
  [SyntaxKind.AsteriskEqualsToken, "mul"],
  [SyntaxKind.SlashEqualsToken, "div"],
]);

function lowerAssignment(node: ts.BinaryExpression, scope: Scope): readonly Stmt[] {
  const { reporter } = scope;
  const kind = node.operatorToken.kind;
  const op = COMPOUND.get(kind);
  if (kind !== SyntaxKind.EqualsToken && op === undefined) {
    const fact = `${node.operatorToken.getText()} is not in the language`;
    reporter.report("TK130", node, fact, `write ${quote(node.left)} = … in full`);
    return [];
  }
  const left = skipParentheses(node.left);
  const target = ts.isElementAccessExpression(left)
    ? elementTarget(left, scope)
    : ts.isIdentifier(left)
      ? localTarget(left, scope)
      : reporter.report("TK140", left, `${quote(left)} cannot be assigned to`, "assign to a local or an array element");
  const right = lowerExpression(node.right, scope);
  if (target === undefined || right === undefined) return [];
  const sides = [
    { node: left, value: target.current },
    { node: node.right, value: right },
  ] as const;
  const value = op === undefined ? right : lowerArithmetic(op, node, ...sides, scope);
  if (value === undefined || (op === undefined && !expectSameType(node, ...sides, scope))) return [];
  return [target.assign(value)];
}

interface Target {
  /** What it holds before. */
  readonly current: Expr;
  readonly assign: (value: Expr) => Stmt;
}

function elementTarget(node: ts.ElementAccessExpression, scope: Scope): Target | undefined {
  const { reporter } = scope;
  const element = lowerElement(node, scope, lowerExpression);
  if (element === undefined) return undefined;
  if (element.role === "input") {
    const fix = `declare ${element.array.name} as output or inout`;
    return reporter.report("TK141", node, `${quote(node)} writes the input ${element.array.name}`, fix);
  }
  const { array, index, type } = element;
  const span = reporter.spanOf(node);
  return { current: load(array, type, index, span), assign: (value) => ({ kind: "store", array, index, value, span }) };
}

function localTarget(node: ts.Identifier, scope: Scope): Target | undefined {
  const { reporter, program } = scope;
  const symbol = symbolOf(node, program.checker);
  const binding = symbol && scope.bindings.get(symbol);
  if (binding?.kind === "refused") return undefined;
  if (binding?.kind === "counter") {
    const fix = "count with another local, or change the loop's head";
    return reporter.report("TK138", node, `${node.text} is the counter of a loop`, fix);
  }
  if (binding?.kind !== "local" || !binding.mutable) {
    const fix = binding?.kind === "local" ? `declare it with let` : "assign to a local that is declared with let";
    return reporter.report("TK140", node, `${node.text} cannot be assigned to`, fix);
  }
  const current = lowerExpression(node, scope);
  const { name, type } = binding;
  const span = reporter.spanOf(node.parent);
  return current && { current, assign: (value) => ({ kind: "assign", name, type, value, span }) };
}

function lowerIf(statement: ts.IfStatement, place: Place, scope: Scope): readonly Stmt[] {
  const cond = lowerCondition(statement.expression, scope);
  const then = lowerStatements(blockOf(statement.thenStatement), inside(place), scope);
  const otherwise =
    statement.elseStatement === undefined
      ? []
      : lowerStatements(blockOf(statement.elseStatement), inside(place), scope);
  if (cond === undefined) return [];
  return [{ kind: "if", cond, then, else: otherwise, span: scope.reporter.spanOf(statement.expression) }];
}

/** Which branch of an `if` ends with a return. */
function earlyReturn(statement: ts.IfStatement): "then" | "else" | undefined {
  const ends = (branch: ts.Statement | undefined): boolean => {
    const last = branch && blockOf(branch).at(-1);
    return last !== undefined && ts.isReturnStatement(last) && last.expression === undefined;
  };
  if (ends(statement.thenStatement)) return "then";
  return ends(statement.elseStatement) ? "else" : undefined;
}

/** What follows goes into the branch that does not return. */
function lowerEarlyReturn(
  statement: ts.IfStatement,
  returning: "then" | "else",
  rest: readonly ts.Statement[],
  place: Place,
  scope: Scope,
): readonly Stmt[] {
  const cond = lowerCondition(statement.expression, scope);
  const thenBlock = blockOf(statement.thenStatement);
  const elseBlock = statement.elseStatement === undefined ? [] : blockOf(statement.elseStatement);
  const [ending, going] = returning === "then" ? [thenBlock, elseBlock] : [elseBlock, thenBlock];
  const ended = lowerStatements(ending.slice(0, -1), inside(place), scope);
  const onward = [...lowerStatements(going, inside(place), scope), ...lowerStatements(rest, place, scope)];
  if (cond === undefined) return [];
  if (ended.length === 0 && returning === "then") {
    const span = scope.reporter.spanOf(statement.expression);
    return [{ kind: "if", cond: not(cond, span), then: onward, else: [], span }];
  }
  const [then, otherwise] = returning === "then" ? [ended, onward] : [onward, ended];
  return [{ kind: "if", cond, then, else: otherwise, span: scope.reporter.spanOf(statement.expression) }];
}

function refuseReturn(statement: ts.ReturnStatement, { inLoop }: Place, scope: Scope): void {
  const { reporter } = scope;
  if (statement.expression !== undefined) {
    reporter.report("TK133", statement, "a kernel returns nothing", "write the value to an output");
  } else if (inLoop) {
    reporter.report("TK133", statement, "return stands inside a loop", "guard the rest of the loop's body with an if");
  } else {
    const fix = "return from an if at the top of the body, or guard what follows with an if";
    reporter.report("TK133", statement, "return is nested too deeply", fix);
  }
}

function refuseStatement(statement: ts.Statement, scope: Scope): void {
  const { reporter } = scope;
  if (ts.isBreakStatement(statement) || ts.isContinueStatement(statement)) {
    const word = ts.isBreakStatement(statement) ? "break" : "continue";
    reporter.report(
      "TK134",
      statement,
      `${word} is not in the language`,
      "guard the rest of the loop's body with an if",
    );
    return;
  }
  if (
    ts.isWhileStatement(statement) ||
    ts.isDoStatement(statement) ||
    ts.isForInStatement(statement) ||
    ts.isForOfStatement(statement)
  ) {
    const fix = "write for (let k = 0; k < n; k++), whose end is known";
    reporter.report("TK135", statement, "only counting loops are in the language", fix);
    return;
  }
  if (ts.isFunctionDeclaration(statement)) {
    const fix = "declare an inline function at the top of the file: const f = (x: number) => …";
    reporter.report("TK177", statement, "a function is made inside the kernel", fix);
    return;
  }
  const word = quote(statement).split(/[\s({;]/)[0] ?? "this";
  const fix = "use const, let, assignments, if, for, barrier() and return";
  reporter.report("TK130", statement, `a statement with ${word} is not in the language`, fix);
}
