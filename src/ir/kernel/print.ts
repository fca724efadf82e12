/**
 * Kernel IR as text, in the notation of the source language, with as few parentheses as it needs.
 *
 * The text is canonical: its hash identifies a kernel, so that everything that matters to proof or emission is in it.
 */

import { InternalError } from "../../support/result.ts";
import type { CompareOp, Expr } from "./expr.ts";
import type { CoversClause, DataCondition, Kernel, LocalArray, Param, RegisterRow, Stmt } from "./types.ts";

const COMPARE: Readonly<Record<CompareOp, string>> = { lt: "<", le: "<=", gt: ">", ge: ">=", eq: "===", ne: "!==" };
/** The names of the ghost functions in the source language. */
export const GHOST_NAMES = {
  "prefix-sum": "prefixSum",
  occurrences: "occurrences",
  below: "below",
  "nth-occurrence": "nthOccurrence",
} as const;
const ARITHMETIC = { add: "+", sub: "-", mul: "*" } as const;

/** JavaScript's precedence levels; a child of a lower level than its place asks for gets parentheses. */
const LEVEL = { select: 1, or: 2, and: 3, equality: 4, relation: 5, sum: 6, product: 7, unary: 8, atom: 9 } as const;

export function printExpr(expr: Expr): string {
  return at(expr, LEVEL.select);
}

function at(expr: Expr, level: number): string {
  const [text, own] = printLevel(expr);
  return own < level ? `(${text})` : text;
}

function infix(left: Expr, op: string, right: Expr, level: number): readonly [string, number] {
  return [`${at(left, level)} ${op} ${at(right, level + 1)}`, level];
}

function printLevel(expr: Expr): readonly [string, number] {
  switch (expr.kind) {
    case "int":
      return [expr.value.toString(), expr.value < 0n ? LEVEL.unary : LEVEL.atom];
    case "float":
      return [`f32(${printFloat(expr.value)})`, LEVEL.atom];
    case "bool":
      return [String(expr.value), LEVEL.atom];
    case "dim":
    case "scalar":
    case "local":
      return [expr.name, LEVEL.atom];
    case "index":
      return [`${expr.of}.${"xyz"[expr.axis]}`, LEVEL.atom];
    case "neg":
      return [`-${at(expr.value, LEVEL.atom)}`, LEVEL.unary];
    case "not":
      return [`!${at(expr.value, LEVEL.unary)}`, LEVEL.unary];
    case "int-op":
      if (expr.op === "add" || expr.op === "sub") return infix(expr.left, ARITHMETIC[expr.op], expr.right, LEVEL.sum);
      if (expr.op === "mul") return infix(expr.left, "*", expr.right, LEVEL.product);
      return [`${expr.op}(${printExpr(expr.left)}, ${printExpr(expr.right)})`, LEVEL.atom];
    case "float-op":
      if (expr.op === "add" || expr.op === "sub") return infix(expr.left, ARITHMETIC[expr.op], expr.right, LEVEL.sum);
      return infix(expr.left, expr.op === "mul" ? "*" : "/", expr.right, LEVEL.product);
    case "compare": {
      const level = expr.op === "eq" || expr.op === "ne" ? LEVEL.equality : LEVEL.relation;
      return [`${at(expr.left, level + 1)} ${COMPARE[expr.op]} ${at(expr.right, level + 1)}`, level];
    }
    case "logic":
      return expr.op === "and"
        ? infix(expr.left, "&&", expr.right, LEVEL.and)
        : infix(expr.left, "||", expr.right, LEVEL.or);
    case "select": {
      const cond = at(expr.cond, LEVEL.or);
      return [`${cond} ? ${at(expr.then, LEVEL.select)} : ${at(expr.else, LEVEL.select)}`, LEVEL.select];
    }
    case "call":
      return [`${expr.fn}(${expr.args.map(printExpr).join(", ")})`, LEVEL.atom];
    case "cast":
      return [`f32(${printExpr(expr.value)})`, LEVEL.atom];
    case "round": {
      const { to, value, random } = expr;
      const text =
        random === undefined
          ? `${to}(${printExpr(value)})`
          : `stochasticRound(${to}, ${printExpr(value)}, ${printExpr(random)})`;
      return [text, LEVEL.atom];
    }
    case "random":
      return [`randomBits(${expr.args.map(printExpr).join(", ")})`, LEVEL.atom];
    case "load":
      return [`${expr.array.name}${printIndex(expr.index)}`, LEVEL.atom];
    case "ghost":
      return [`${GHOST_NAMES[expr.fn]}(${[expr.array.name, ...expr.args.map(printExpr)].join(", ")})`, LEVEL.atom];
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** `[b][k0 + thread.x]` */
export function printIndex(index: readonly Expr[]): string {
  return index.map((i) => `[${printExpr(i)}]`).join("");
}

function printFloat(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The whole kernel, for `--emit=kernel-ir` and as the text that identifies it. Ends with a newline. */
export function printKernel(kernel: Kernel): string {
  const block = kernel.block.join(", ");
  const grid = kernel.grid.map(printExpr).join(", ");
  return `${[
    `kernel ${kernel.name}(${kernel.params.map(printParam).join(", ")})`,
    ...(kernel.dims.length === 0 ? [] : [`  dims ${kernel.dims.join(", ")}`]),
    ...kernel.where.map(({ dim, value }) => `  where ${dim} = ${printExpr(value)}`),
    ...kernel.requires.map((condition) => `  requires ${printExpr(condition)}`),
    ...kernel.dataRequires.map((condition) => `  requires ${printData(condition)}`),
    ...kernel.ensures.map((condition) => `  ensures ${printData(condition)}`),
    ...kernel.covers.map((clause) => `  ${printCovers(clause)}`),
    ...(kernel.computes === undefined ? [] : [`  computes ${kernel.computes}`]),
    `  index ${kernel.indexWidth}`,
    ...(kernel.matrix === undefined ? [] : [`  matrix ${kernel.matrix}`]),
    ...(kernel.simd === undefined ? [] : [`  simd ${kernel.simd}`]),
    `  grid [${grid}] block [${block}]`,
    ...printPerformance(kernel),
    ...kernel.arrays.map((array) => `  ${printArray(array)}`),
    "{",
    ...printBlock(kernel.body, 1),
    "}",
  ].join("\n")}\n`;
}

function printPerformance({ performance }: Kernel): readonly string[] {
  const line = (what: string, arrays: readonly string[] = []): readonly string[] =>
    arrays.length === 0 ? [] : [`  ${what} ${arrays.join(", ")}`];
  return [
    ...line("coalesced", performance?.coalesced),
    ...line(
      "segments",
      performance?.segments.map(({ tensor, bytes }) => `${tensor} of ${bytes}`),
    ),
    ...line("conflict-free", performance?.conflictFree),
  ];
}

/** `forall([T, E], (t, e) => ids[t] < E)` */
export function printData({ variables, condition }: DataCondition): string {
  const extents = variables.map(({ extent }) => printExpr(extent)).join(", ");
  return `forall([${extents}], (${variables.map(({ name }) => name).join(", ")}) => ${printExpr(condition)})`;
}

function printCovers({ array, variables, block, thread, counters }: CoversClause): string {
  const triple = (name: string, exprs: readonly Expr[] | undefined): readonly string[] =>
    exprs === undefined ? [] : [`${name}: [${exprs.map(printExpr).join(", ")}]`];
  const fields = [
    ...triple("block", block),
    ...triple("thread", thread),
    ...counters.map(({ name, value }) => `${name}: ${printExpr(value)}`),
  ];
  return `covers(${array}, (${variables.join(", ")}) => ({ ${fields.join(", ")} }))`;
}

export function printParam(param: Param): string {
  switch (param.kind) {
    case "tensor":
      return `${param.role} ${param.name}: ${param.element}[${param.shape.map(printExpr).join(", ")}]`;
    case "scalar":
      return `scalar ${param.name}: ${param.element}`;
    default:
      param satisfies never;
      throw new InternalError("unknown parameter");
  }
}

function printArray({ space, name, element, shape, fragment }: LocalArray): string {
  const role = fragment === undefined ? "" : ` fragment ${fragment}`;
  return `${space} ${name}: ${element}[${shape.join(", ")}]${role}`;
}

function printRow({ array, index }: RegisterRow): string {
  return `${array}${printIndex(index)}`;
}

function printBlock(body: readonly Stmt[], depth: number): readonly string[] {
  return body.flatMap((stmt) => printStmt(stmt, depth));
}

function printStmt(stmt: Stmt, depth: number): readonly string[] {
  const pad = "  ".repeat(depth);
  const inside = (body: readonly Stmt[]): readonly string[] => printBlock(body, depth + 1);
  switch (stmt.kind) {
    case "let":
      return [`${pad}${stmt.mutable ? "let" : "const"} ${stmt.name}: ${stmt.type} = ${printExpr(stmt.value)}`];
    case "assign":
      return [`${pad}${stmt.name} = ${printExpr(stmt.value)}`];
    case "store":
      return [`${pad}${stmt.array.name}${printIndex(stmt.index)} = ${printExpr(stmt.value)}`];
    case "if": {
      const otherwise = stmt.else.length === 0 ? [] : [`${pad}} else {`, ...inside(stmt.else)];
      return [`${pad}if (${printExpr(stmt.cond)}) {`, ...inside(stmt.then), ...otherwise, `${pad}}`];
    }
    case "for": {
      const bounds = `${stmt.counter} = ${printExpr(stmt.lo)}; ${stmt.counter} < ${printExpr(stmt.hi)}`;
      return [
        `${pad}for (${bounds}; ${stmt.counter} += ${stmt.step})${stmt.unroll ? " unroll" : ""} {`,
        ...stmt.invariants.map((invariant) => `${pad}  invariant ${printExpr(invariant)}`),
        ...inside(stmt.body),
        `${pad}}`,
      ];
    }
    case "steps":
      return [
        `${pad}steps (${stmt.counter} in ${stmt.values.join(", ")}; ${stmt.update.op} ${stmt.update.factor}) {`,
        ...inside(stmt.body),
        `${pad}}`,
      ];
    case "atomic":
      return [`${pad}atomic ${stmt.op} ${stmt.array.name}${printIndex(stmt.index)}, ${printExpr(stmt.value)}`];
    case "vector": {
      const element = `${stmt.array.name}${printIndex(stmt.index)}`;
      const row = printRow(stmt.registers);
      const [to, from] = stmt.direction === "load" ? [row, element] : [element, row];
      return [`${pad}vector ${stmt.lanes} ${to} = ${from}`];
    }
    case "fragment":
      return [`${pad}fragment ${printRow(stmt.target)} = ${stmt.array.name}${printIndex(stmt.index)}`];
    case "mma":
      return [`${pad}mma ${printRow(stmt.accumulator)} += ${printRow(stmt.a)} · ${printRow(stmt.b)}`];
    case "barrier":
      return [stmt.scope === "wave" ? `${pad}wave barrier` : `${pad}barrier`];
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}
