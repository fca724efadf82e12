/**
 * What a kernel's contract says, as terms: kernel IR → the symbols of a launch, the assumptions that obligations share,
 * and the clauses on data.
 *
 * Everything here is specification: no obligation asks that the machine can compute it, but for the extents that
 * addresses are made of.
 */

import type { Axis, Expr, LoadExpr } from "../ir/kernel/expr.ts";
import { ELEMENT_RANGE, MAX_GRID, MAX_GRID_THREADS, SIZE_LIMITS } from "../ir/kernel/limits.ts";
import { printData, printExpr } from "../ir/kernel/print.ts";
import type { CoversClause, DataCondition, Kernel } from "../ir/kernel/types.ts";
import { visitExpr } from "../ir/kernel/walk.ts";
import { InternalError } from "../support/result.ts";
import type { DataClause, Pattern } from "./data-clause.ts";
import { type ArrayInfo, asGhost, contentsOf, type Execution, evaluateTerm, newExecution } from "./evaluate.ts";
import { declare, from, multiply, type Scope } from "./scope.ts";
import type { Assumptions, CoversTerms } from "./summary.ts";
import { and, eq, implies, le, numeral, printTerm, scale, type Term, within } from "./term.ts";

const AXES: readonly Axis[] = [0, 1, 2];

export function declareSymbols(scope: Scope, kernel: Kernel): void {
  for (const name of kernel.dims) {
    declare(scope, { name: `dim.${name}`, sort: "Int", owner: "launch", display: name });
  }
  for (const param of kernel.params) {
    if (param.kind !== "scalar" || param.element === "f32") continue;
    const symbol = declare(scope, { name: `scalar.${param.name}`, sort: "Int", owner: "launch", display: param.name });
    const { min, max } = ELEMENT_RANGE[param.element];
    scope.facts.push({
      defines: [printTerm(symbol)],
      term: and(le(numeral(min), symbol), le(symbol, numeral(max))),
    });
  }
  for (const axis of AXES) {
    const letter = "xyz"[axis];
    declare(scope, { name: `block.${letter}`, sort: "Int", owner: "block", display: `block.${letter}` });
    declare(scope, { name: `thread.${letter}`, sort: "Int", owner: "thread", display: `thread.${letter}` });
  }
}

/** An execution that knows the kernel's parameters and arrays, and has run nothing. */
export function startExecution(kernel: Kernel, scope: Scope): Execution {
  const arrays = new Map<string, ArrayInfo>();
  const run = newExecution({
    scope,
    arrays,
    dims: new Map(kernel.dims.map((name) => [name, `dim.${name}`])),
    scalars: new Map(kernel.params.map(({ name }) => [name, `scalar.${name}`])),
  });
  for (const param of kernel.params) {
    if (param.kind !== "tensor") continue;
    run.owner = param.name;
    // The machine computes every extent but the outermost for addresses, so that they must fit the index width too.
    const [outermost, ...inner] = param.shape;
    const first = outermost === undefined ? [] : [asGhost(run, () => evaluateTerm(run, outermost))];
    const extent = [...first, ...inner.map((axis) => evaluateTerm(run, axis))];
    arrays.set(param.name, { element: param.element, extent, constant: param.role === "input" });
  }
  for (const array of kernel.arrays) {
    arrays.set(array.name, { element: array.element, extent: array.shape.map(numeral), constant: false });
  }
  return run;
}

/** The launch's grid, and what every obligation may assume. */
export function assume(
  run: Execution,
  kernel: Kernel,
): { readonly grid: readonly Term[]; readonly assumptions: Assumptions } {
  const { scope } = run;
  const grid = kernel.grid.map((extent) => evaluateTerm(run, extent));
  const contract = [
    ...kernel.where.map(({ dim, value, span }) =>
      from(scope, `where ${dim} = ${printExpr(value)}`, eq(`dim.${dim}`, evaluateTerm(run, value)), span),
    ),
    ...kernel.requires.map((condition) =>
      from(scope, `requires ${printExpr(condition)}`, evaluateTerm(run, condition), condition.span),
    ),
  ];
  const limits = AXES.flatMap((axis) => {
    const [extent, threads] = [grid[axis] ?? "1", kernel.block[axis]];
    return [
      from(scope, "grid limit", le(extent, numeral(MAX_GRID[axis]))),
      from(scope, "grid limit", le(scale(threads, extent), numeral(MAX_GRID_THREADS))),
    ];
  });
  const position = AXES.flatMap((axis) => {
    const [extent, threads] = [grid[axis] ?? "1", kernel.block[axis]];
    const letter = "xyz"[axis];
    return [
      from(scope, "place in the grid", within("0", `block.${letter}`, extent)),
      from(scope, "place in the block", within("0", `thread.${letter}`, numeral(threads))),
    ];
  });
  const elements = kernel.params.flatMap((param) =>
    param.kind === "tensor"
      ? [(run.arrays.get(param.name)?.extent ?? []).reduce((product, axis) => multiply(scope, product, axis), "1")]
      : [],
  );
  const sizes = (width: 32 | 64): readonly Term[] => {
    const { maxDim, maxElements } = SIZE_LIMITS[width];
    return [
      ...kernel.dims.map((dim) => and(le("0", `dim.${dim}`), le(`dim.${dim}`, numeral(maxDim)))),
      ...elements.map((count) => le(count, numeral(maxElements))),
    ].map((term) => from(scope, `size limit of ${width}-bit indices`, term));
  };
  return { grid, assumptions: { sizes: { 32: sizes(32), 64: sizes(64) }, contract, grid: limits, position } };
}

/** A condition on data as a clause: nothing is declared until it is instantiated. */
export function dataClause(run: Execution, source: DataCondition): DataClause {
  const { variables, condition } = source;
  const extents = asGhost(run, () => variables.map(({ extent }) => evaluateTerm(run, extent)));
  return {
    source,
    text: printData(source),
    extents,
    patterns: patternsOf(run, source),
    reads: (values, elements = () => undefined) => {
      const reading = newExecution({ scope: run.scope, arrays: run.arrays, dims: run.dims, scalars: run.scalars });
      for (const [position, { name }] of variables.entries()) reading.env.set(name, values[position] ?? "0");
      reading.instance = { elements, next: 0 };
      evaluateTerm(reading, condition);
      return reading.accesses;
    },
    instance: (values, elements = () => undefined) =>
      asGhost(run, () => {
        const { env, path, instance } = run;
        run.env = new Map(variables.map(({ name }, position) => [name, values[position] ?? "0"]));
        run.path = [];
        run.instance = { elements, next: 0 };
        const guards = values.map((value, position) => within("0", value, extents[position] ?? "0"));
        const term = implies(and(...guards), evaluateTerm(run, condition));
        Object.assign(run, { env, path, instance });
        return term;
      }),
  };
}

/** The loads of a condition, in evaluation order. */
export function loadsOf(condition: Expr): readonly LoadExpr[] {
  const loads: LoadExpr[] = [];
  visitExpr(condition, (expr) => {
    if (expr.kind === "load") loads.push(expr);
  });
  return loads;
}

function patternsOf(run: Execution, { variables, condition }: DataCondition): readonly Pattern[] {
  const variableAt = (index: Expr): { readonly variable: number; readonly offset: bigint } | undefined => {
    if (index.kind === "local") {
      const variable = variables.findIndex(({ name }) => name === index.name);
      return variable < 0 ? undefined : { variable, offset: 0n };
    }
    if (index.kind !== "int-op" || index.right.kind !== "int") return undefined;
    if (index.op !== "add" && index.op !== "sub") return undefined;
    const inner = variableAt(index.left);
    const { value } = index.right;
    return inner && { variable: inner.variable, offset: inner.offset + (index.op === "add" ? value : -value) };
  };
  return loadsOf(condition).map(({ array, index }) => ({
    array: contentsOf(run, array.name),
    axes: index.flatMap((expr, axis) => {
      const found = variableAt(expr);
      return found === undefined ? [] : [{ axis, ...found }];
    }),
  }));
}

/** The witness that an author names. Loop counters are found by name among `counters` (name → symbol). */
export function coversTerms(
  run: Execution,
  source: CoversClause,
  counters: ReadonlyMap<string, readonly string[]>,
): CoversTerms {
  return {
    source,
    witness: (index) =>
      asGhost(run, () => {
        const { env, path } = run;
        run.env = new Map(source.variables.map((name, axis) => [name, index[axis] ?? "0"]));
        run.path = [];
        const values = new Map<string, Term>();
        for (const of of ["block", "thread"] as const) {
          source[of]?.forEach((expr, axis) => {
            values.set(`${of}.${"xyz"[axis]}`, evaluateTerm(run, expr));
          });
        }
        for (const { name, value } of source.counters) {
          const term = evaluateTerm(run, value);
          const symbols = counters.get(name);
          if (symbols === undefined) throw new InternalError(`covers names ${name}, which is no loop counter`);
          for (const symbol of symbols) values.set(symbol, term);
        }
        Object.assign(run, { env, path });
        return values;
      }),
  };
}
