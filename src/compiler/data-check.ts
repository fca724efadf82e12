/**
 * Check kernels: a kernel with conditions on the contents of its tensors → a kernel that tells whether they hold.
 *
 *   first_broken[c] = min(first_broken[c], v)   for each value v of condition c's first variable for which it is false
 *
 * The check kernel is an ordinary kernel: it is verified and emitted like any other. Its bounds obligations are those of
 * the elements that the conditions read, so that a launcher may run it on whatever data it is given. It takes the
 * dimensions, scalars and size conditions of its kernel, reads the tensors that the conditions mention, and leaves each
 * element of `first_broken` as it was where its condition holds.
 *
 * A thread stands for one value of a condition's first variable and loops over the others. A ghost is computed by a loop
 * of its own, before the condition and under what guards it there: the cost of a check is the product of the extents.
 */

import {
  add,
  bool,
  ceilDiv,
  compare,
  index,
  int,
  intOp,
  load,
  local,
  logic,
  mul,
  neg,
  not,
} from "../ir/kernel/build.ts";
import type { Expr, GhostExpr } from "../ir/kernel/expr.ts";
import { printData, printExpr } from "../ir/kernel/print.ts";
import type { DataCondition, Kernel, LetStmt, Stmt, TensorParam, Triple } from "../ir/kernel/types.ts";
import { visitExpr } from "../ir/kernel/walk.ts";
import { InternalError } from "../support/result.ts";
import type { Span } from "../support/span.ts";
import { isNonNegative } from "./codegen/sign.ts";

const THREADS = 256;

export interface DataCheck {
  readonly kernel: Kernel;
  /** The tensors of the checked kernel that it reads, by name; their names are the same in both. */
  readonly reads: readonly string[];
  /** The name of the `inout` that takes the findings: one i64 per condition, in order. */
  readonly findings: string;
}

/** A condition as the source has it, without a `forall` over nothing. */
export function formatCondition(condition: DataCondition): string {
  return condition.variables.length === 0 ? printExpr(condition.condition) : printData(condition);
}

/** The tensors that a condition reads. */
export function tensorsRead({ variables, condition }: DataCondition): ReadonlySet<string> {
  const names = new Set<string>();
  for (const outer of [condition, ...variables.map(({ extent }) => extent)]) {
    visitExpr(outer, (inner) => {
      if (inner.kind === "load" || inner.kind === "ghost") names.add(inner.array.name);
    });
  }
  return names;
}

/** `undefined` for a kernel without conditions on data. */
export function dataCheck(kernel: Kernel): DataCheck | undefined {
  const { dataRequires, params, span } = kernel;
  if (dataRequires.length === 0) return undefined;
  const fresh = namer([...kernel.dims, ...params.map(({ name }) => name)]);
  const read = new Set(dataRequires.flatMap((condition) => [...tensorsRead(condition)]));
  const tensors = params.filter((param): param is TensorParam => param.kind === "tensor" && read.has(param.name));
  const scalars = params.filter((param) => param.kind === "scalar");
  const findings = fresh("first_broken");
  const value = fresh("value");
  const position = add(mul(index("block", 0, span), int(THREADS), span), index("thread", 0, span), span);
  const name = `${kernel.name}_check`;
  return {
    reads: tensors.map((tensor) => tensor.name),
    findings,
    kernel: {
      name,
      doc: docOf(kernel, findings),
      params: [
        ...tensors.map((tensor): TensorParam => ({ ...tensor, role: "input" })),
        { kind: "tensor", name: findings, role: "inout", element: "i64", shape: [int(dataRequires.length)], span },
        ...scalars,
      ],
      dims: kernel.dims,
      where: kernel.where,
      requires: kernel.requires,
      dataRequires: [],
      ensures: [],
      covers: [],
      computes: undefined,
      indexWidth: "auto",
      matrix: undefined,
      simd: undefined,
      performance: undefined,
      budget: undefined,
      grid: gridOf(dataRequires),
      block: [BigInt(THREADS), 1n, 1n],
      arrays: [],
      body: [
        letInt(value, position, false, span),
        ...dataRequires.map((condition, ordinal) => checkStmt(condition, ordinal, { fresh, findings, value })),
      ],
      span,
    },
  };
}

function docOf({ name, dataRequires }: Kernel, findings: string): string {
  return [
    `What ${name} requires of data: ${findings}[c] falls to the least value of condition c's first variable that breaks it`,
    "",
    ...dataRequires.map((condition, ordinal) => `  ${ordinal}: ${formatCondition(condition)}`),
  ].join("\n");
}

/** Enough blocks for the condition with the most values of its first variable. */
function gridOf(conditions: readonly DataCondition[]): Triple<Expr> {
  const extents = conditions.map(firstExtent);
  const known = extents.filter((extent) => isNonNegative(extent, new Set()));
  // An extent that may be negative stands for no value at all.
  const terms = known.length > 0 ? extents : [int(0), ...extents];
  const byText = new Map(terms.map((term) => [printExpr(term), term]));
  const most = [...byText.values()].reduce((left, right) => intOp("max", left, right));
  return [ceilDiv(most, int(THREADS)), int(1), int(1)];
}

function firstExtent({ variables }: DataCondition): Expr {
  return variables[0]?.extent ?? int(1);
}

interface Naming {
  readonly fresh: (wanted: string) => string;
  readonly findings: string;
  /** The local that holds the thread's value of the first variable. */
  readonly value: string;
}

/** `if (value < extent) for (…) if (!condition) first_broken[ordinal] = min(first_broken[ordinal], value)` */
function checkStmt(condition: DataCondition, ordinal: number, { fresh, findings, value }: Naming): Stmt {
  const { span, variables } = condition;
  const renamed = new Map<string, Expr>();
  const own = local(value, "int", span);
  const counters = variables.slice(1).map(({ name, extent }) => ({ name: fresh(name), of: name, extent }));
  const [first] = variables;
  if (first !== undefined) renamed.set(first.name, own);
  for (const { name, of } of counters) renamed.set(of, local(name, "int", span));
  const before: Stmt[] = [];
  const holds = computable(condition.condition, [], { renamed, before, fresh, exact: [] });
  const broken: Stmt = {
    kind: "atomic",
    op: "min",
    array: { space: "global", name: findings },
    index: [int(ordinal, span)],
    value: own,
    span,
  };
  const inner: readonly Stmt[] = [...before, branch(not(holds, span), [broken], span)];
  const looped = counters.reduceRight<readonly Stmt[]>(
    (body, { name, extent }) => [countTo(name, extent, [], body, span)],
    inner,
  );
  return branch(compare("lt", own, firstExtent(condition), span), looped, span);
}

interface Context {
  /** What stands for each variable of the condition. */
  readonly renamed: ReadonlyMap<string, Expr>;
  /** The statements that compute the ghosts met so far. */
  readonly before: Stmt[];
  /** Locals that are 0 where a ghost was too large to compute. */
  readonly exact: Expr[];
  readonly fresh: (wanted: string) => string;
}

/** The condition with every ghost computed; one that could not be computed makes it false. */
function computable(condition: Expr, guards: readonly Expr[], context: Context): Expr {
  const holds = lower(condition, guards, context);
  const { span } = condition;
  return context.exact.reduceRight<Expr>(
    (rest, flag) => logic("and", compare("eq", flag, int(1), span), rest, span),
    holds,
  );
}

/** The expression with its variables renamed and its ghosts as locals; `guards` hold wherever it is evaluated. */
function lower(expr: Expr, guards: readonly Expr[], context: Context): Expr {
  const inner = (child: Expr): Expr => lower(child, guards, context);
  const { span } = expr;
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
    case "dim":
    case "scalar":
      return expr;
    case "local":
      return context.renamed.get(expr.name) ?? expr;
    case "neg":
      return neg(inner(expr.value), span);
    case "not":
      return not(inner(expr.value), span);
    case "int-op":
      return intOp(expr.op, inner(expr.left), inner(expr.right), span);
    case "float-op":
    case "compare":
      return { ...expr, left: inner(expr.left), right: inner(expr.right) };
    case "logic": {
      const left = inner(expr.left);
      const premise = expr.op === "and" ? left : not(left, span);
      return logic(expr.op, left, lower(expr.right, [...guards, premise], context), span);
    }
    case "select": {
      const cond = inner(expr.cond);
      const then = lower(expr.then, [...guards, cond], context);
      return { ...expr, cond, then, else: lower(expr.else, [...guards, not(cond, span)], context) };
    }
    case "call":
      return { ...expr, args: expr.args.map(inner) };
    case "cast":
      return { ...expr, value: inner(expr.value) };
    case "load":
      return { ...expr, index: expr.index.map(inner) };
    case "ghost":
      return computeGhost(expr, expr.args.map(inner), guards, context);
    case "index":
    case "round":
    case "random":
      throw new InternalError(`a condition on data mentions ${printExpr(expr)}`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** Sums stay within twice this, so that 64 bits hold them; beyond it a condition counts as broken. */
const SUM_LIMIT = 2n ** 61n;

/** `let g = 0; if (guards) for (j = 0; j < count; j++) g += …`, and the local that then holds the ghost's value. */
function computeGhost(
  { fn, array, span }: GhostExpr,
  [count = int(0), wanted = int(0)]: readonly Expr[],
  guards: readonly Expr[],
  { before, exact, fresh }: Context,
): Expr {
  const names = { result: fresh(fn === "prefix-sum" ? "sum" : "count"), end: fresh("end"), at: fresh("at") };
  const [result, end, at] = [names.result, names.end, names.at].map((name) => local(name, "int", span));
  if (result === undefined || end === undefined || at === undefined) throw new InternalError("three names");
  const element = load(array, "int", [at], span);
  before.push(letInt(names.result, int(0), true, span));
  const body: Stmt[] = [letInt(names.end, count, false, span)];
  switch (fn) {
    case "occurrences":
    case "below": {
      const value = fresh("wanted");
      body.push(letInt(value, wanted, false, span));
      const step = assignInt(names.result, add(result, int(1), span), span);
      const found = compare(fn === "below" ? "lt" : "eq", element, local(value, "int", span), span);
      const bounds = within(int(0), result, at, span);
      body.push(countTo(names.at, end, [bounds], [branch(found, [step], span)], span));
      break;
    }
    case "prefix-sum": {
      const [flag, item] = [fresh("exact"), fresh("item")];
      before.push(letInt(flag, int(1), true, span));
      exact.push(local(flag, "int", span));
      const small = (value: Expr, limit: bigint): Expr => within(int(-limit), value, int(limit), span);
      const addend = local(item, "int", span);
      const step: Stmt = {
        kind: "if",
        cond: logic("and", small(result, SUM_LIMIT), small(addend, SUM_LIMIT), span),
        then: [assignInt(names.result, add(result, addend, span), span)],
        else: [assignInt(flag, int(0), span)],
        span,
      };
      const bounds = small(result, 2n * SUM_LIMIT);
      body.push(countTo(names.at, end, [bounds], [letInt(item, element, false, span), step], span));
      break;
    }
    case "nth-occurrence":
      throw new InternalError("a witness in a condition on data");
    default:
      fn satisfies never;
      throw new InternalError("unknown ghost");
  }
  const guard = guards.reduce<Expr>((left, right) => logic("and", left, right, span), bool(true));
  before.push(...(guards.length === 0 ? body : [branch(guard, body, span)]));
  return result;
}

function within(low: Expr, value: Expr, high: Expr, span: Span): Expr {
  return logic("and", compare("le", low, value, span), compare("le", value, high, span), span);
}

function letInt(name: string, value: Expr, mutable: boolean, span: Span): LetStmt {
  return { kind: "let", name, type: "int", mutable, value, span };
}

function assignInt(name: string, value: Expr, span: Span): Stmt {
  return { kind: "assign", name, type: "int", value, span };
}

function branch(cond: Expr, then: readonly Stmt[], span: Span): Stmt {
  return { kind: "if", cond, then, else: [], span };
}

function countTo(counter: string, hi: Expr, invariants: readonly Expr[], body: readonly Stmt[], span: Span): Stmt {
  return { kind: "for", counter, lo: int(0), hi, step: 1n, unroll: false, invariants, body, span };
}

/** Gives each name once: the wanted one, or with a number. */
function namer(reserved: readonly string[]): (wanted: string) => string {
  const taken = new Set(reserved);
  return (wanted) => {
    let name = wanted;
    for (let ordinal = 2; taken.has(name); ordinal++) name = `${wanted}_${ordinal}`;
    taken.add(name);
    return name;
  };
}
