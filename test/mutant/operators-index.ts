/** Mutation operators on indices, bounds, strides and extents: what makes an access miss its element. */

import { add, index, int, intOp, sub } from "../../src/ir/kernel/build.ts";
import type { Axis, Expr } from "../../src/ir/kernel/expr.ts";
import { printExpr, printIndex } from "../../src/ir/kernel/print.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { becomes, type Change, changesInStmt, type ExprRule, mapChange } from "./change.ts";
import { type Operator, onExprs, onKernel, onStmts } from "./operator.ts";

/** Every access of a statement with another index: of the element that it names, and of those that it reads. */
function onIndices(
  name: string,
  change: (indices: readonly Expr[]) => readonly { readonly indices: readonly Expr[]; readonly axis: number }[],
): Operator {
  const described = (array: string, before: readonly Expr[], after: readonly Expr[]): string =>
    `${array}${printIndex(before)} becomes ${array}${printIndex(after)}`;
  const ofReads: ExprRule = (expr) =>
    expr.kind !== "load"
      ? []
      : change(expr.index).map(({ indices }) => ({
          value: { ...expr, index: indices },
          description: described(expr.array.name, expr.index, indices),
          span: expr.span,
        }));
  return onStmts(name, (stmt) => {
    const reads = changesInStmt(stmt, ofReads);
    if (stmt.kind !== "store" && stmt.kind !== "atomic" && stmt.kind !== "vector") return reads;
    const own = change(stmt.index).map(
      ({ indices }): Change<readonly Stmt[]> => ({
        value: [{ ...stmt, index: indices }],
        description: described(stmt.array.name, stmt.index, indices),
        span: stmt.span,
      }),
    );
    return [...own, ...reads];
  });
}

function shifted(by: 1n | -1n): (indices: readonly Expr[]) => { indices: readonly Expr[]; axis: number }[] {
  const shift = (expr: Expr): Expr => (by === 1n ? add(expr, int(1), expr.span) : sub(expr, int(1), expr.span));
  return (indices) =>
    indices.map((_, axis) => ({ indices: indices.map((expr, i) => (i === axis ? shift(expr) : expr)), axis }));
}

const swapped = (indices: readonly Expr[]): { indices: readonly Expr[]; axis: number }[] =>
  indices.slice(1).map((_, axis) => ({
    indices: indices.map((expr, i) =>
      i === axis ? (indices[i + 1] ?? expr) : i === axis + 1 ? (indices[axis] ?? expr) : expr,
    ),
    axis,
  }));

const onLoops = (
  name: string,
  change: (loop: Extract<Stmt, { kind: "for" }>) => readonly (readonly [Stmt, string])[],
): Operator =>
  onStmts(name, (stmt) =>
    stmt.kind !== "for"
      ? []
      : change(stmt).map(([value, description]) => ({
          value: [value],
          description: `the loop over ${stmt.counter}: ${description}`,
          span: stmt.span,
        })),
  );

const bound = (before: Expr, after: Expr): string => `${printExpr(before)} becomes ${printExpr(after)}`;

/** A loop's step, a tile's stride, or a tile count in the grid, by `delta`; a stride of 1 has none that is smaller. */
function strides(delta: 1n | -1n): readonly Operator[] {
  const name = delta < 0n ? "stride-smaller" : "stride-larger";
  const allowed = (value: bigint): boolean => value > 1n;
  const literal: ExprRule = (expr) => {
    if (expr.kind !== "int-op" || expr.op !== "mul") return [];
    const { left, right } = expr;
    const changes: Change<Expr>[] = [];
    if (right.kind === "int" && allowed(right.value))
      changes.push(becomes(expr, intOp("mul", left, int(right.value + delta, right.span), expr.span)));
    if (left.kind === "int" && allowed(left.value))
      changes.push(becomes(expr, intOp("mul", int(left.value + delta, left.span), right, expr.span)));
    return changes;
  };
  return [
    onLoops(name, (loop) =>
      allowed(loop.step)
        ? [[{ ...loop, step: loop.step + delta }, `the step ${loop.step} becomes ${loop.step + delta}`]]
        : [],
    ),
    onExprs(name, literal),
  ];
}

const AXES: readonly Axis[] = [0, 1, 2];

/** `thread.x` and `block.x` for each other, and one axis for the other where the kernel uses both. */
function exchangedIndices(): readonly Operator[] {
  return [
    onExprs("thread-block-exchanged", (expr) =>
      expr.kind !== "index"
        ? []
        : [becomes(expr, index(expr.of === "thread" ? "block" : "thread", expr.axis, expr.span))],
    ),
    {
      name: "axes-exchanged",
      mutate: (kernel) => {
        const used = AXES.filter((axis) => kernel.block[axis] > 1n || printExpr(kernel.grid[axis]) !== "1");
        const rule: ExprRule = (expr) =>
          expr.kind !== "index"
            ? []
            : used.flatMap((axis) => (axis === expr.axis ? [] : [becomes(expr, index(expr.of, axis, expr.span))]));
        return onExprs("axes-exchanged", rule).mutate(kernel);
      },
    },
  ];
}

const smallerArrays = (kernel: Kernel): readonly Change<Kernel>[] =>
  kernel.arrays.flatMap((array, position) =>
    array.shape.flatMap((extent, axis): readonly Change<Kernel>[] => {
      if (extent < 2n) return [];
      const shape = array.shape.map((other, i) => (i === axis ? other - 1n : other));
      const arrays = kernel.arrays.map((other, i) => (i === position ? { ...array, shape } : other));
      const description = `${array.name} of [${array.shape.join(", ")}] becomes one of [${shape.join(", ")}]`;
      return [{ value: { ...kernel, arrays }, description, span: array.span }];
    }),
  );

const smallerGrid = (kernel: Kernel): readonly Change<Kernel>[] =>
  AXES.flatMap((axis) => {
    const extent = kernel.grid[axis];
    // A grid of one block has none that is smaller but the empty one.
    const smaller = becomes(extent, sub(extent, int(1), extent.span));
    return [
      mapChange(smaller, (value): Kernel => {
        const grid = kernel.grid.map((other, i) => (i === axis ? value : other));
        const [x = value, y = value, z = value] = grid;
        return { ...kernel, grid: [x, y, z] };
      }),
    ];
  });

export const INDEX_OPERATORS: readonly Operator[] = [
  onIndices("index-plus-one", shifted(1n)),
  onIndices("index-minus-one", shifted(-1n)),
  onIndices("indices-swapped", swapped),
  ...exchangedIndices(),
  onLoops("bound-high", (loop) => {
    const his = [
      add(loop.hi, int(1), loop.hi.span),
      sub(loop.hi, int(1), loop.hi.span),
      ...(loop.step > 1n
        ? [add(loop.hi, int(loop.step), loop.hi.span), sub(loop.hi, int(loop.step), loop.hi.span)]
        : []),
    ];
    return his.map((hi) => [{ ...loop, hi }, bound(loop.hi, hi)] as const);
  }),
  onLoops("bound-low", (loop) => {
    const lo = add(loop.lo, int(1), loop.lo.span);
    return [[{ ...loop, lo }, bound(loop.lo, lo)]];
  }),
  onStmts("level-dropped", (stmt) => {
    if (stmt.kind !== "steps") return [];
    const without = (values: readonly bigint[]): Change<readonly Stmt[]> => ({
      value: [{ ...stmt, values }],
      description: `${stmt.counter} in ${stmt.values.join(", ")} becomes ${values.join(", ")}`,
      span: stmt.span,
    });
    return [without(stmt.values.slice(1)), without(stmt.values.slice(0, -1))];
  }),
  ...strides(-1n),
  ...strides(1n),
  onKernel("array-smaller", smallerArrays),
  onKernel("grid-smaller", smallerGrid),
];
