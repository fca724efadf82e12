/**
 * Tiles: a kernel → for each dimension the constants > 1 at which what the kernel does with it may change.
 *
 * They are what the dimension is divided by, each of several where sizes choose one, the steps of loops over it, and what it is compared with: a constant, or the
 * number of values that an expression takes by itself, as a thread's index does and a counter of a loop to a constant. A
 * local stands for what it is set to, a loop's counter for its bounds, a scalar and the elements of an index tensor for what
 * the contract compares them with, and a derived dimension for its definition.
 */

import type { Expr } from "../../ir/kernel/expr.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import { children, statementExprs, visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { InternalError } from "../../support/result.ts";

/** Looks the kernel through once, for all its dimensions. */
export function tilesIn(kernel: Kernel): (dim: string) => ReadonlySet<number> {
  const settings = settingsIn(kernel);
  const pairs: Comparison[] = [];
  const cuts: (readonly [what: Expr, by: number])[] = [];
  const look = (expr: Expr): void => {
    if (expr.kind === "compare" && expr.left.type === "int") {
      const { op, left, right } = expr;
      pairs.push({ left, right, rightIsPast: op !== "le" && op !== "gt", leftIsPast: op !== "ge" && op !== "lt" });
    }
    if (expr.kind !== "int-op") return;
    if (expr.op === "min" || expr.op === "max") {
      pairs.push({ left: expr.left, right: expr.right, rightIsPast: true, leftIsPast: true });
    }
    const divides = expr.op === "div" || expr.op === "mod";
    if (divides) for (const by of constantsOf(settings, expr.right, new Set())) cuts.push([expr.left, by]);
  };
  for (const expr of [...kernel.grid, ...kernel.requires]) visitExpr(expr, look);
  visitStmts(kernel.body, (stmt) => {
    for (const expr of statementExprs(stmt)) visitExpr(expr, look);
    if (stmt.kind === "for") cuts.push([stmt.hi, Number(stmt.step)]);
  });
  return (dim) => {
    const mentions = (expr: Expr): boolean => mentionsDim(settings, expr, dim, new Set());
    const compared = pairs.flatMap(({ left, right, leftIsPast, rightIsPast }) => [
      ...(mentions(left) ? [valuesOf(kernel, settings, right, rightIsPast)] : []),
      ...(mentions(right) ? [valuesOf(kernel, settings, left, leftIsPast)] : []),
    ]);
    const divided = cuts.flatMap(([what, by]) => (by > 1 && mentions(what) ? [by] : []));
    return new Set([...divided, ...compared].filter((tile) => tile > 1));
  };
}

/** `k < 6` has another outcome from 6 on, which is past the right side's; `k <= 6` from 7 on. */
interface Comparison {
  readonly left: Expr;
  readonly right: Expr;
  readonly leftIsPast: boolean;
  readonly rightIsPast: boolean;
}

/**
 * What each local is set to, anywhere; of a counter, its bounds. Scalars, derived dimensions and index tensors are there by
 * their kind.
 */
type Settings = ReadonlyMap<string, readonly Setting[]>;
type Setting =
  /** What is assigned may build on what was there before, and bounds nothing. */
  | { readonly kind: "value" | "bound" | "assigned"; readonly expr: Expr }
  | { readonly kind: "greatest"; readonly value: number };

function settingsIn({ where, requires, dataRequires, body }: Kernel): Settings {
  const settings = new Map<string, Setting[]>();
  const add = (name: string, ...more: readonly Setting[]): void => {
    settings.set(name, [...(settings.get(name) ?? []), ...more]);
  };
  for (const { dim, value } of where) add(`dim ${dim}`, { kind: "value", expr: value });
  const compare = (expr: Expr): void => {
    if (expr.kind !== "compare") return;
    for (const [own, other] of [[expr.left, expr.right] as const, [expr.right, expr.left] as const]) {
      visitExpr(own, (inner) => {
        if (inner.kind === "scalar") add(`scalar ${inner.name}`, { kind: "value", expr: other });
      });
    }
  };
  for (const condition of requires) visitExpr(condition, compare);
  for (const { variables, condition } of dataRequires) {
    const extents = new Map(variables.map(({ name, extent }) => [name, extent]));
    visitExpr(condition, (expr) => {
      if (expr.kind !== "compare") return;
      for (const [own, other] of [[expr.left, expr.right] as const, [expr.right, expr.left] as const]) {
        for (const array of loadedBy(own)) {
          for (const bound of boundsOf(other, extents)) add(`load ${array}`, { kind: "value", expr: bound });
        }
      }
    });
  }
  visitStmts(body, (stmt) => {
    if (stmt.kind === "let") add(stmt.name, { kind: "value", expr: stmt.value });
    if (stmt.kind === "assign") add(stmt.name, { kind: "assigned", expr: stmt.value });
    if (stmt.kind === "for") add(stmt.counter, { kind: "value", expr: stmt.lo }, { kind: "bound", expr: stmt.hi });
    if (stmt.kind === "steps") add(stmt.counter, { kind: "greatest", value: Math.max(...stmt.values.map(Number)) });
  });
  return settings;
}

/** The arrays whose elements an expression is made of, but for where in an array they are. */
function loadedBy(expr: Expr): readonly string[] {
  return expr.kind === "load" ? [expr.array.name] : children(expr).flatMap(loadedBy);
}

/** The constants that an expression may be, where sizes choose among some. */
function constantsOf(settings: Settings, expr: Expr, seen: ReadonlySet<string>): readonly number[] {
  if (expr.kind === "int") return [Number(expr.value)];
  if (expr.kind === "select") return [expr.then, expr.else].flatMap((one) => constantsOf(settings, one, seen));
  if (expr.kind !== "local" || seen.has(expr.name)) return [];
  const within = new Set([...seen, expr.name]);
  return (settings.get(expr.name) ?? []).flatMap((one) =>
    one.kind === "value" ? constantsOf(settings, one.expr, within) : [],
  );
}

/** What the values of one side of a condition are made of: the extents that variables are below, dimensions and scalars. */
function boundsOf(expr: Expr, extents: ReadonlyMap<string, Expr>): readonly Expr[] {
  switch (expr.kind) {
    case "local": {
      const extent = extents.get(expr.name);
      return extent === undefined ? [] : [extent];
    }
    case "dim":
    case "scalar":
      return [expr];
    case "load":
      return [];
    default:
      return children(expr).flatMap((child) => boundsOf(child, extents));
  }
}

/** `seen`: the names that have been looked into. What a choice depends on is compared by itself. */
function mentionsDim(settings: Settings, expr: Expr, dim: string, seen: Set<string>): boolean {
  if (expr.kind === "dim" && expr.name === dim) return true;
  if (expr.kind === "select") return [expr.then, expr.else].some((one) => mentionsDim(settings, one, dim, seen));
  if (expr.kind === "load" && expr.index.some((index) => mentionsDim(settings, index, dim, seen))) return true;
  if (expr.kind !== "local" && expr.kind !== "scalar" && expr.kind !== "dim" && expr.kind !== "load") {
    return children(expr).some((child) => mentionsDim(settings, child, dim, seen));
  }
  const name = expr.kind === "local" ? expr.name : `${expr.kind} ${expr.kind === "load" ? expr.array.name : expr.name}`;
  if (seen.has(name)) return false;
  seen.add(name);
  const inner = settings.get(name) ?? [];
  return inner.some((setting) => setting.kind !== "greatest" && mentionsDim(settings, setting.expr, dim, seen));
}

/** One more than the greatest value, but of a constant that is past what it is compared with. */
function valuesOf(kernel: Kernel, settings: Settings, expr: Expr, isPast: boolean): number {
  return greatest(kernel, settings, expr, new Set()) + (expr.kind === "int" && isPast ? 0 : 1);
}

/** The greatest value, as far as constants bound it; what depends on sizes or data counts as 0. */
function greatest(kernel: Kernel, settings: Settings, expr: Expr, open: ReadonlySet<string>): number {
  const of = (inner: Expr): number => greatest(kernel, settings, inner, open);
  switch (expr.kind) {
    case "int":
      return Number(expr.value);
    case "index": {
      if (expr.of === "thread") return Number(kernel.block[expr.axis]) - 1;
      const blocks = kernel.grid[expr.axis];
      return blocks.kind === "int" ? Number(blocks.value) - 1 : 0;
    }
    case "local": {
      if (open.has(expr.name)) return 0;
      const within = new Set([...open, expr.name]);
      const own = settings.get(expr.name) ?? [];
      if (own.some(({ kind }) => kind === "assigned")) return 0;
      const values = own.map((setting) => {
        if (setting.kind === "greatest") return setting.value;
        return greatest(kernel, settings, setting.expr, within) - (setting.kind === "bound" ? 1 : 0);
      });
      return Math.max(0, ...values);
    }
    case "int-op": {
      const [left, right] = [of(expr.left), of(expr.right)];
      if (expr.op === "add") return left + right;
      if (expr.op === "mul") return left * right;
      if (expr.op === "div") return right > 0 ? Math.floor(left / right) : left;
      if (expr.op === "mod") return right > 0 ? right - 1 : left;
      return expr.op === "sub" ? left : Math.max(left, right);
    }
    case "select":
      return Math.max(of(expr.then), of(expr.else));
    case "float":
    case "bool":
    case "dim":
    case "scalar":
    case "neg":
    case "not":
    case "float-op":
    case "compare":
    case "logic":
    case "call":
    case "cast":
    case "round":
    case "random":
    case "load":
    case "ghost":
      return 0;
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}
