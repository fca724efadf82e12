/** Mutation operators on guards, barriers, stores and the contract: what lets the wrong thread do the right thing. */

import { add, bool, compare, float, floatOp, index, int, load, logic, not } from "../../src/ir/kernel/build.ts";
import type { Axis, CompareOp, Expr } from "../../src/ir/kernel/expr.ts";
import { printData, printExpr, printIndex } from "../../src/ir/kernel/print.ts";
import type { BarrierStmt, Kernel, Stmt, StoreStmt } from "../../src/ir/kernel/types.ts";
import type { Span } from "../../src/support/span.ts";
import { becomes, type Change, type ExprRule } from "./change.ts";
import { type Operator, onExprs, onKernel, onStmts } from "./operator.ts";

const stmtChange = (stmt: Stmt, value: readonly Stmt[], description: string): Change<readonly Stmt[]> => ({
  value,
  description,
  span: stmt.span,
});

const OTHER_COMPARISON: Readonly<Record<CompareOp, CompareOp>> = {
  lt: "le",
  le: "lt",
  gt: "ge",
  ge: "gt",
  eq: "ne",
  ne: "eq",
};

/** The conditions that an `&&` consists of, each with what is left without it. */
function conjuncts(expr: Expr): readonly { readonly dropped: Expr; readonly rest: Expr }[] {
  if (expr.kind !== "logic" || expr.op !== "and") return [];
  const rebuilt = (left: Expr, right: Expr): Expr => logic("and", left, right, expr.span);
  const { left, right } = expr;
  const of = (side: Expr, put: (rest: Expr) => Expr, other: Expr): readonly { dropped: Expr; rest: Expr }[] => {
    const inner = conjuncts(side);
    if (inner.length === 0) return [{ dropped: side, rest: other }];
    return inner.map(({ dropped, rest }) => ({ dropped, rest: put(rest) }));
  };
  return [...of(left, (rest) => rebuilt(rest, right), right), ...of(right, (rest) => rebuilt(left, rest), left)];
}

const weakenedGuard: ExprRule = (expr) => conjuncts(expr).map(({ rest }) => becomes(expr, rest));

const droppedSelect: ExprRule = (expr) => (expr.kind === "select" ? [becomes(expr, expr.then)] : []);

const text = ({
  array,
  index: at,
}: {
  readonly array: { readonly name: string };
  readonly index: readonly Expr[];
}): string => `${array.name}${printIndex(at)}`;

function lastShifted(indices: readonly Expr[]): readonly Expr[] {
  return indices.map((expr, axis) => (axis === indices.length - 1 ? add(expr, int(1), expr.span) : expr));
}

const plusOne = (value: Expr): Expr =>
  value.type === "f32" ? floatOp("add", value, float(1), value.span) : add(value, int(1), value.span);

/** The store again: of a value one larger, and to the neighbour of its element. */
function doubled(stmt: StoreStmt): readonly Change<readonly Stmt[]>[] {
  const larger: StoreStmt = { ...stmt, value: plusOne(stmt.value) };
  const beside: StoreStmt = { ...stmt, index: lastShifted(stmt.index) };
  return [
    stmtChange(stmt, [stmt, larger], `${text(stmt)} is stored again, one larger`),
    stmtChange(stmt, [stmt, beside], `${text(beside)} is stored as well as ${text(stmt)}`),
  ];
}

/** Into a branch that the last thread of an axis does not take. */
function branchedBarriers(kernel: Kernel): readonly Change<Kernel>[] {
  const axes: readonly Axis[] = [0, 1, 2];
  const axis = axes.find((candidate) => kernel.block[candidate] > 1n);
  if (axis === undefined) return [];
  return onStmts("", (stmt) => {
    if (stmt.kind !== "barrier") return [];
    const cond = compare("lt", index("thread", axis), int(kernel.block[axis] - 1n), stmt.span);
    const branch: Stmt = { kind: "if", cond, then: [stmt], else: [], span: stmt.span };
    return [stmtChange(stmt, [branch], `the barrier stands under if (${printExpr(cond)})`)];
  }).mutate(kernel);
}

const narrowed = (stmt: BarrierStmt): Change<readonly Stmt[]> =>
  stmtChange(stmt, [{ ...stmt, scope: "wave" }], "the barrier orders a wave only");

/** A read, an addition and a write that other threads may come between. */
const plainUpdate = (stmt: Extract<Stmt, { kind: "atomic" }>): Change<readonly Stmt[]> => {
  const { array, index: at, value, span } = stmt;
  const sum = add(load(array, "int", at, span), value, span);
  return stmtChange(stmt, [{ kind: "store", array, index: at, value: sum, span }], `${text(stmt)} is changed plainly`);
};

/** What is left of a list of conditions without one of them, or without one conjunct of one. */
function weakened<T>(
  conditions: readonly T[],
  condition: (item: T) => Expr,
  put: (item: T, rest: Expr) => T,
): readonly { readonly rest: readonly T[]; readonly dropped: string; readonly span: Span }[] {
  return conditions.flatMap((item, position) => {
    const others = (replacement: readonly T[]): readonly T[] => [
      ...conditions.slice(0, position),
      ...replacement,
      ...conditions.slice(position + 1),
    ];
    const own = condition(item);
    const parts = conjuncts(own).map(({ dropped, rest }) => ({
      rest: others([put(item, rest)]),
      dropped: printExpr(dropped),
      span: dropped.span,
    }));
    return [{ rest: others([]), dropped: printExpr(own), span: own.span }, ...parts];
  });
}

const droppedRequires = (kernel: Kernel): readonly Change<Kernel>[] =>
  weakened(
    kernel.requires,
    (condition) => condition,
    (_, rest) => rest,
  ).map(({ rest, dropped, span }) => ({
    value: { ...kernel, requires: rest },
    description: `requires(${dropped}) is dropped`,
    span,
  }));

const droppedDataRequires = (kernel: Kernel): readonly Change<Kernel>[] =>
  weakened(
    kernel.dataRequires,
    ({ condition }) => condition,
    (item, condition) => ({ ...item, condition }),
  ).map(({ rest, dropped, span }) => ({
    value: { ...kernel, dataRequires: rest },
    description: `of requires(forall(…)) the condition ${dropped} is dropped`,
    span,
  }));

const weakenedEnsures = (kernel: Kernel): readonly Change<Kernel>[] =>
  kernel.ensures.map((item, position) => ({
    value: {
      ...kernel,
      ensures: kernel.ensures.map((other, i) => (i === position ? { ...item, condition: not(item.condition) } : other)),
    },
    description: `ensures(${printData(item)}) is negated`,
    span: item.span,
  }));

export const CONTROL_OPERATORS: readonly Operator[] = [
  onExprs("comparison", (expr) =>
    expr.kind !== "compare"
      ? []
      : [becomes(expr, compare(OTHER_COMPARISON[expr.op], expr.left, expr.right, expr.span))],
  ),
  onStmts("guard-dropped", (stmt) =>
    stmt.kind !== "if" ? [] : [stmtChange(stmt, stmt.then, `if (${printExpr(stmt.cond)}) is dropped`)],
  ),
  onExprs("guard-dropped", droppedSelect),
  onExprs("guard-weakened", weakenedGuard),
  onExprs("connective", (expr) =>
    expr.kind !== "logic"
      ? []
      : [becomes(expr, logic(expr.op === "and" ? "or" : "and", expr.left, expr.right, expr.span))],
  ),
  onStmts("branches-exchanged", (stmt) =>
    stmt.kind !== "if"
      ? []
      : [stmtChange(stmt, [{ ...stmt, cond: not(stmt.cond, stmt.span) }], `if (${printExpr(stmt.cond)}) is negated`)],
  ),
  onExprs("branches-exchanged", (expr) =>
    expr.kind !== "select" ? [] : [becomes(expr, { ...expr, then: expr.else, else: expr.then })],
  ),
  onStmts("branch-never", (stmt) =>
    stmt.kind !== "if" || stmt.else.length === 0
      ? []
      : [stmtChange(stmt, [{ ...stmt, cond: bool(false) }], `if (${printExpr(stmt.cond)}) becomes if (false)`)],
  ),
  onStmts("barrier-dropped", (stmt) =>
    stmt.kind !== "barrier" || stmt.scope !== "block" ? [] : [stmtChange(stmt, [], "the barrier is dropped")],
  ),
  onStmts("wave-barrier-dropped", (stmt) =>
    stmt.kind !== "barrier" || stmt.scope !== "wave" ? [] : [stmtChange(stmt, [], "the wave barrier is dropped")],
  ),
  onStmts("barrier-narrowed", (stmt) => (stmt.kind === "barrier" && stmt.scope === "block" ? [narrowed(stmt)] : [])),
  onKernel("barrier-branched", branchedBarriers),
  onStmts("store-dropped", (stmt) =>
    stmt.kind === "store" || stmt.kind === "atomic" || stmt.kind === "vector"
      ? [stmtChange(stmt, [], `the access to ${text(stmt)} is dropped`)]
      : [],
  ),
  onStmts("store-doubled", (stmt) => (stmt.kind === "store" ? doubled(stmt) : [])),
  onStmts("store-doubled", (stmt) =>
    stmt.kind === "atomic" ? [stmtChange(stmt, [stmt, stmt], `${text(stmt)} is changed twice`)] : [],
  ),
  onStmts("atomic-plain", (stmt) => (stmt.kind === "atomic" && stmt.op === "add" ? [plainUpdate(stmt)] : [])),
  onKernel("requires-dropped", droppedRequires),
  onKernel("requires-dropped", droppedDataRequires),
  onKernel("ensures-negated", weakenedEnsures),
];
