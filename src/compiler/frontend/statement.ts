/**
 * TypeScript statements → kernel IR statements.
 *
 * The IR has no jumps: what follows an early return goes into the other branch. Locals get names of their own; a
 * constant whose value is known is no local at all, but that value.
 */

import { ts } from "ts-morph";
import { bool, local, not } from "../../ir/kernel/build.ts";
import type { Stmt } from "../../ir/kernel/types.ts";
import { isArrayWord, lowerArrayDeclaration } from "./array.ts";
import { lowerAssignment } from "./assignment.ts";
import { lowerCondition, lowerExpression } from "./expression.ts";
import { MAX_DEPTH } from "./limits.ts";
import { lowerFor } from "./loop.ts";
import { lowerMemoryCall } from "./memory.ts";
import { blockOf, inside, type Place } from "./place.ts";
import { halvesOf } from "./rounding.ts";
import { calledName, dslName, isAssignment, isConst, quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

export function lowerStatements(statements: readonly ts.Statement[], place: Place, scope: Scope): readonly Stmt[] {
  const lowered: Stmt[] = [];
  for (const [position, statement] of statements.entries()) {
    if (place.inLoop || !containsReturn(statement)) {
      lowered.push(...lowerStatement(statement, place, scope));
      continue;
    }
    const rest = statements.slice(position + 1);
    if (ts.isReturnStatement(statement)) {
      if (statement.expression !== undefined) refuseReturn(statement, scope);
      return [...lowered, ...leave(statement, place, scope)];
    }
    if (isTooDeep(statement, place, scope)) return lowered;
    const returning = ts.isIfStatement(statement) ? branchThatReturns(statement) : undefined;
    if (ts.isIfStatement(statement) && returning !== undefined) {
      return [...lowered, ...lowerEarlyReturn(statement, returning, rest, place, scope)];
    }
    return [...lowered, ...lowerNestedReturn(statement, rest, place, scope)];
  }
  return lowered;
}

function lowerStatement(statement: ts.Statement, place: Place, scope: Scope): readonly Stmt[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap((declaration) => lowerDeclaration(declaration, place, scope));
  }
  if (ts.isExpressionStatement(statement)) return lowerExpressionStatement(statement.expression, scope);
  if (isTooDeep(statement, place, scope)) return [];
  if (ts.isIfStatement(statement)) return lowerIf(statement, place, scope);
  if (ts.isForStatement(statement)) return lowerFor(statement, place, scope, lowerStatements);
  if (ts.isBlock(statement)) return lowerStatements(statement.statements, inside(place), scope);
  if (ts.isEmptyStatement(statement)) return [];
  refuseStatement(statement, scope);
  return [];
}

/** Reports a statement whose parts would stand too deep in the IR. */
function isTooDeep(statement: ts.Statement, place: Place, scope: Scope): boolean {
  if (place.depth < MAX_DEPTH) return false;
  const fact = `this stands inside of ${MAX_DEPTH} statements, early returns counted, and nothing may be deeper`;
  scope.reporter.report("TK152", statement, fact, "join the conditions of returns by ||, or split the kernel");
  return true;
}

function lowerDeclaration(declaration: ts.VariableDeclaration, place: Place, scope: Scope): readonly Stmt[] {
  const { reporter, program } = scope;
  const { name, initializer } = declaration;
  if (!ts.isIdentifier(name)) {
    refuseNames(name, scope);
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
    if (isArrayWord(called)) {
      const array = lowerArrayDeclaration(called, name, initializer, place.top, scope);
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
  const halves = mutable ? [] : halvesOf(value, scope);
  scope.bindings.set(symbol, { kind: "local", name: unique, type: value.type, mutable, halves });
  return [{ kind: "let", name: unique, type: value.type, mutable, value, span: reporter.spanOf(declaration) }];
}

/** The names in a pattern that has been refused: their uses are not reported again. */
function refuseNames(pattern: ts.BindingPattern, scope: Scope): void {
  for (const element of pattern.elements) {
    if (ts.isOmittedExpression(element)) continue;
    const symbol = ts.isIdentifier(element.name) ? symbolOf(element.name, scope.program.checker) : undefined;
    if (symbol !== undefined) scope.bindings.set(symbol, { kind: "refused" });
    else if (!ts.isIdentifier(element.name)) refuseNames(element.name, scope);
  }
}

function lowerExpressionStatement(node: ts.Expression, scope: Scope): readonly Stmt[] {
  const { reporter } = scope;
  const expression = skipParentheses(node);
  if (ts.isBinaryExpression(expression) && isAssignment(expression.operatorToken.kind)) {
    return lowerAssignment(expression, scope);
  }
  if (ts.isCallExpression(expression)) {
    const lowered = lowerCallStatement(expression, scope);
    if (lowered !== undefined) return lowered;
  }
  const before = reporter.count;
  lowerExpression(expression, scope);
  if (reporter.count === before) {
    reporter.report("TK144", expression, `the value of ${quote(expression)} is not used`, "assign it, or remove it");
  }
  return [];
}

/** Clauses of the specification, and the code of their refusal where they come too late. */
const CLAUSES: ReadonlyMap<string, "TK145" | "TK198" | "TK199"> = new Map([
  ["requires", "TK145"],
  ["ensures", "TK198"],
  ["covers", "TK199"],
]);

/** A call that is a statement; `undefined` where it is an expression like others. */
function lowerCallStatement(call: ts.CallExpression, scope: Scope): readonly Stmt[] | undefined {
  const { reporter } = scope;
  const called = calledName(call, scope.program);
  if (called === undefined) return undefined;
  if (called === "barrier" || called === "wave.barrier") {
    const wave = called === "wave.barrier";
    if (call.arguments.length === 0) {
      return [{ kind: "barrier", scope: wave ? "wave" : "block", span: reporter.spanOf(call) }];
    }
    if (wave) reporter.report("TK169", call, "wave.barrier takes no arguments", "write wave.barrier()");
    else {
      const fix = "write barrier(), which orders shared and global accesses";
      reporter.report("TK189", call, `${quote(call)} is reserved, not built yet`, fix);
    }
    return [];
  }
  const late = CLAUSES.get(called);
  if (late !== undefined) {
    reporter.report(late, call, `${called} does not stand at the start of the body`, "move it to the top");
    return [];
  }
  if (called === "invariant") {
    const fix = "move it to the start of the loop's body";
    reporter.report("TK147", call, "invariant does not stand at the start of a loop's body", fix);
    return [];
  }
  return lowerMemoryCall(called, call, scope);
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

function containsReturn(node: ts.Node): boolean {
  if (ts.isReturnStatement(node)) return true;
  if (ts.isFunctionLike(node) || ts.isIterationStatement(node, false)) return false;
  return ts.forEachChild(node, (child) => containsReturn(child) || undefined) ?? false;
}

/** Which branch of an `if` ends with a return. */
function branchThatReturns(statement: ts.IfStatement): "then" | "else" | undefined {
  const ends = (branch: ts.Statement | undefined): boolean => {
    const last = branch && blockOf(branch).at(-1);
    return last !== undefined && ts.isReturnStatement(last);
  };
  if (ends(statement.thenStatement)) return "then";
  return ends(statement.elseStatement) ? "else" : undefined;
}

/** Where a return leads: past what the statements around this place have left to do. */
function leave(statement: ts.ReturnStatement, { running }: Place, scope: Scope): readonly Stmt[] {
  if (running === undefined) return [];
  const span = scope.reporter.spanOf(statement);
  return [{ kind: "assign", name: running, type: "bool", value: bool(false, span), span }];
}

/** What follows goes into the branch that does not return: `if (c) return; S` → `if (!c) S`. */
function lowerEarlyReturn(
  statement: ts.IfStatement,
  returning: "then" | "else",
  rest: readonly ts.Statement[],
  place: Place,
  scope: Scope,
): readonly Stmt[] {
  const { thenStatement, elseStatement } = statement;
  const cond = lowerCondition(statement.expression, scope);
  const [ending, going] = returning === "then" ? [thenStatement, elseStatement] : [elseStatement, thenStatement];
  const ended = lowerStatements(ending === undefined ? [] : blockOf(ending), inside(place), scope);
  const below = { ...place, depth: place.depth + 1 };
  const onward = lowerStatements(going === undefined ? rest : [going, ...rest], below, scope);
  if (cond === undefined) return [];
  const span = scope.reporter.spanOf(statement.expression);
  if (returning === "else") return [{ kind: "if", cond, then: onward, else: ended, span }];
  if (ended.length === 0) return [{ kind: "if", cond: not(cond, span), then: onward, else: [], span }];
  return [{ kind: "if", cond, then: ended, else: onward, span }];
}

/**
 * A return that only some ways through the statement reach: a local remembers whether the thread goes on.
 *
 *   if (a) { if (b) return; S } T  →  let running = true; if (a) { if (b) running = false; else S } if (running) T
 */
function lowerNestedReturn(
  statement: ts.Statement,
  rest: readonly ts.Statement[],
  place: Place,
  scope: Scope,
): readonly Stmt[] {
  if (rest.length === 0) return lowerStatement(statement, place, scope);
  const span = scope.reporter.spanOf(statement);
  const running = place.running ?? scope.names.take("running");
  const declared: readonly Stmt[] =
    place.running === undefined
      ? [{ kind: "let", name: running, type: "bool", mutable: true, value: bool(true, span), span }]
      : [];
  const body = lowerStatement(statement, { ...place, running }, scope);
  const onward = lowerStatements(rest, { ...place, depth: place.depth + 1 }, scope);
  if (onward.length === 0) return [...declared, ...body];
  return [...declared, ...body, { kind: "if", cond: local(running, "bool", span), then: onward, else: [], span }];
}

function refuseReturn(statement: ts.ReturnStatement, scope: Scope): void {
  scope.reporter.report("TK133", statement, "a kernel returns nothing", "write the value to an output");
}

function refuseStatement(statement: ts.Statement, scope: Scope): void {
  const { reporter } = scope;
  if (ts.isReturnStatement(statement)) {
    if (statement.expression !== undefined) {
      refuseReturn(statement, scope);
      return;
    }
    reporter.report("TK133", statement, "return stands inside a loop", "guard the rest of the loop's body with an if");
    return;
  }
  if (ts.isLabeledStatement(statement)) {
    reporter.report("TK130", statement.label, "a label is not in the language", "write the loop without it");
    return;
  }
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
