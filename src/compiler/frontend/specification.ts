/**
 * The clauses at the start of a kernel's body, in any order: `requires`, `ensures`, `covers`.
 *
 * A condition on dimensions and scalars alone is checked by the launcher before it does anything. One that mentions the
 * contents of index tensors is a condition on data, with or without variables (`forall`).
 */

import { ts } from "ts-morph";
import type { CoversClause, DataCondition, Expr, Stmt, TensorParam } from "../../ir/kernel/types.ts";
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

function ofContents(condition: Expr): boolean {
  let found = false;
  visitExpr(condition, ({ kind }) => {
    if (kind === "load" || kind === "ghost") found = true;
  });
  return found;
}

function checkRequires(node: ts.Expression, { condition }: DataCondition, quantified: boolean, scope: Scope): boolean {
  const { reporter } = scope;
  const before = reporter.count;
  if (computes(condition)) {
    const fix =
      "require conditions on dimensions, scalars and elements of integer inputs; guard everything else where it is used";
    reporter.report("TK146", node, `${quote(node)} is not known before the launch`, fix);
  }
  for (const { name, role, element } of tensorsOf(condition, scope)) {
    if (role === "output") {
      const fix = `say it with ensures, or declare ${name} as inout`;
      reporter.report("TK146", node, `${name} is an output, which holds nothing before the kernel runs`, fix);
    } else if (element === "f32") {
      const fix = "require conditions on elements of integer tensors; guard floats where they are used";
      reporter.report("TK146", node, `${name} holds floats, which no condition is about`, fix);
    }
  }
  if (quantified && !ofContents(condition) && reporter.count === before) {
    const fix = "write the condition on dimensions without forall";
    reporter.report("TK196", node, "the condition inside of forall reads no element", fix);
  }
  return reporter.count === before;
}

function checkEnsures(node: ts.Expression, { condition }: DataCondition, scope: Scope): boolean {
  const { reporter } = scope;
  const before = reporter.count;
  if (computes(condition)) {
    const fix = "use elements, dimensions, scalars and the variables of forall";
    reporter.report("TK198", node, `${quote(node)} is not known when the kernel has ended`, fix);
  }
  const tensors = tensorsOf(condition, scope);
  for (const { name, element } of tensors) {
    if (element !== "f32") continue;
    const fix = "ensure conditions on elements of integer tensors; name what floats hold with computes";
    reporter.report("TK198", node, `${name} holds floats, which no condition is about`, fix);
  }
  if (reporter.count === before && tensors.every(({ role }) => role === "input")) {
    const fix = "mention an element of an output or inout, or write requires";
    reporter.report("TK198", node, "the condition mentions nothing that the kernel writes", fix);
  }
  return reporter.count === before;
}

/** Whether the condition has a value in a running thread alone, takes a float function, or is of contents and floats. */
function computes(condition: Expr): boolean {
  const contents = ofContents(condition);
  let found = false;
  visitExpr(condition, ({ kind, type }) => {
    if (kind === "index" || kind === "call" || (contents && type === "f32" && kind !== "load")) found = true;
  });
  return found;
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
