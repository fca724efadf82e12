/**
 * The clauses at the start of a kernel's body, in any order: `requires`, `ensures`, `covers`.
 *
 * A condition on dimensions and scalars alone is checked by the launcher before it does anything. One that mentions the
 * contents of index tensors is a condition on data, with or without variables (`forall`).
 */

import { ts } from "ts-morph";
import { isFloat } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { CoversClause, DataCondition, Stmt, TensorParam } from "../../ir/kernel/types.ts";
import { visitExpr } from "../../ir/kernel/walk.ts";
import { lowerCovers } from "./covers.ts";
import { lowerCondition } from "./expression.ts";
import { forallOf } from "./forall-place.ts";
import { lowerForall } from "./quantifier.ts";
import { calledName, quote, type Scope, tensorOf } from "./scope.ts";

export interface Specification {
  readonly requires: readonly Expr[];
  readonly dataRequires: readonly DataCondition[];
  readonly ensures: readonly DataCondition[];
  readonly covers: readonly CoversClause[];
}

interface ClauseCall {
  readonly name: "requires" | "ensures" | "covers";
  readonly call: ts.CallExpression;
}

/** The clauses that a body starts with, and what follows them. */
export function splitClauses(
  statements: readonly ts.Statement[],
  scope: Scope,
): { readonly clauses: readonly ClauseCall[]; readonly rest: readonly ts.Statement[] } {
  const clauses: ClauseCall[] = [];
  for (const statement of statements) {
    const call = ts.isExpressionStatement(statement) ? statement.expression : undefined;
    const name = call !== undefined && ts.isCallExpression(call) ? calledName(call, scope.program) : undefined;
    if (name !== "requires" && name !== "ensures" && name !== "covers") break;
    if (call !== undefined && ts.isCallExpression(call)) clauses.push({ name, call });
  }
  return { clauses, rest: statements.slice(clauses.length) };
}

/**
 * The body is lowered before, so that its locals keep the names of the source; it is `undefined` where something in it
 * was refused. `taken` are the names that a variable would hide.
 */
export function lowerClauses(
  clauses: readonly ClauseCall[],
  body: readonly Stmt[] | undefined,
  taken: ReadonlySet<string>,
  scope: Scope,
): Specification {
  const requires: Expr[] = [];
  const dataRequires: DataCondition[] = [];
  const ensures: DataCondition[] = [];
  const covers: CoversClause[] = [];
  for (const { name, call } of clauses) {
    const inner: Scope = { ...scope, clause: name };
    if (name === "covers") {
      const clause = lowerCovers(call, body, taken, inner);
      if (clause !== undefined) covers.push(clause);
      continue;
    }
    const [node] = call.arguments;
    if (node === undefined || call.arguments.length !== 1) {
      const fact = `${name} takes 1 argument, and is given ${call.arguments.length}`;
      scope.reporter.report("TK169", call, fact, `write one ${name} for each condition`);
      continue;
    }
    const forall = forallOf(node, inner);
    const condition = forall === undefined ? unquantified(node, inner) : lowerForall(forall, taken, inner);
    if (condition === undefined) continue;
    if (name === "ensures") {
      if (checkEnsures(node, condition, inner)) ensures.push(condition);
    } else if (checkRequires(node, condition, forall !== undefined, inner)) {
      if (ofContents(condition.condition)) dataRequires.push(condition);
      else requires.push(condition.condition);
    }
  }
  return { requires, dataRequires, ensures, covers };
}

function unquantified(node: ts.Expression, scope: Scope): DataCondition | undefined {
  const condition = lowerCondition(node, scope);
  return condition && { variables: [], condition, span: scope.reporter.spanOf(node) };
}

/** Reports the first thing that a condition before the launch cannot be about. */
function checkRequires(node: ts.Expression, { condition }: DataCondition, quantified: boolean, scope: Scope): boolean {
  const refuse = (code: "TK146" | "TK196", fact: string, fix: string): boolean => {
    scope.reporter.report(code, node, fact, fix);
    return false;
  };
  if (!ofContents(condition)) {
    if (mentions(condition, ({ kind }) => kind === "index" || kind === "call")) {
      const fix = "require conditions on dimensions and scalars; guard everything else where it is used";
      return refuse("TK146", `${quote(node)} is not known before the launch`, fix);
    }
    const fix = "write the condition on dimensions without forall";
    return quantified ? refuse("TK196", "the condition inside of forall reads no element", fix) : true;
  }
  const output = tensorsOf(condition, scope).find(({ role }) => role === "output");
  if (output !== undefined) {
    const fix = `say it with ensures, or declare ${output.name} as inout`;
    return refuse("TK146", `${output.name} is an output, which holds nothing before the kernel runs`, fix);
  }
  const wrong = whyNoData(node, condition, scope);
  return wrong === undefined ? true : refuse("TK146", wrong.fact, wrong.fix);
}

/** Reports the first thing that a condition on what the kernel leaves behind cannot be about. */
function checkEnsures(node: ts.Expression, { condition }: DataCondition, scope: Scope): boolean {
  const refuse = (fact: string, fix: string): boolean => {
    scope.reporter.report("TK198", node, fact, fix);
    return false;
  };
  const wrong = whyNoData(node, condition, scope);
  if (wrong !== undefined) return refuse(wrong.fact, wrong.fix);
  if (tensorsOf(condition, scope).some(({ role }) => role !== "input")) return true;
  const fix = "mention an element of an output or inout, or write requires";
  return refuse("the condition mentions nothing that the kernel writes", fix);
}

/** What keeps a condition from being one on the contents of index tensors. */
function whyNoData(
  node: ts.Expression,
  condition: Expr,
  scope: Scope,
): { readonly fact: string; readonly fix: string } | undefined {
  if (mentions(condition, ({ kind }) => kind === "index")) {
    const fix = "use elements, dimensions, scalars and the variables of forall";
    return { fact: `${quote(node)} depends on the thread, and a condition holds of all of them`, fix };
  }
  const floats = tensorsOf(condition, scope).find(({ element }) => isFloat(element));
  if (floats !== undefined) {
    const fix = "state conditions on elements of integer tensors; guard floats where they are used";
    return { fact: `${floats.name} holds floats, which no condition is about`, fix };
  }
  if (!mentions(condition, ({ type }) => type === "f32")) return undefined;
  const fix = "compare integers: elements, dimensions, scalars and the variables of forall";
  return { fact: `${quote(node)} calculates with floats, which no condition is about`, fix };
}

function mentions(condition: Expr, what: (part: Expr) => boolean): boolean {
  let found = false;
  visitExpr(condition, (part) => {
    if (what(part)) found = true;
  });
  return found;
}

function ofContents(condition: Expr): boolean {
  return mentions(condition, ({ kind }) => kind === "load" || kind === "ghost");
}

/** The tensors whose elements the condition reads, each once, in the order of their first element. */
function tensorsOf(condition: Expr, scope: Scope): readonly TensorParam[] {
  const found = new Set<TensorParam>();
  visitExpr(condition, (part) => {
    const tensor = part.kind === "load" ? tensorOf(part.array, scope) : undefined;
    if (tensor !== undefined) found.add(tensor);
  });
  return [...found];
}
