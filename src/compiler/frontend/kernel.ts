/**
 * `export const NAME = kernel(parameters, launch, body)`, or the same call of a family with its parameters bound → one kernel per
 * combination of the compile-time parameters.
 */

import { ts } from "ts-morph";
import { dim, int, scalar } from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { MatrixUnit } from "../../ir/kernel/matrix.ts";
import type { SimdUnit } from "../../ir/kernel/simd.ts";
import type { Kernel, LocalArray, Stmt } from "../../ir/kernel/types.ts";
import type { Span } from "../../support/span.ts";
import { bindPattern, chosen, type LaunchSource, lowerLaunch, readChoices, readLaunch } from "./launch.ts";
import { checkWaves, readUnits } from "./matrix.ts";
import { createNames, whyUnusable } from "./names.ts";
import { lowerParameters, type Parameters } from "./parameters.ts";
import { checkPerformance } from "./performance.ts";
import type { KernelProgram } from "./program.ts";
import type { Reporter } from "./reporter.ts";
import { type Binding, createScope, type Scope } from "./scope.ts";
import { checkOneUnit, readSimd } from "./simd.ts";
import { lowerClauses, splitClauses } from "./specification.ts";
import { lowerStatements } from "./statement.ts";

export interface KernelSource {
  readonly name: ts.Identifier;
  readonly statement: ts.VariableStatement;
  /** `kernel(…)` */
  readonly call: ts.CallExpression;
  /** The family that the kernel is one of, and what its parameters stand for. */
  readonly family?: { readonly statement: ts.VariableStatement; readonly given: ReadonlyMap<ts.Symbol, Binding> };
}

/** Lowers every instance of a kernel; those without mistakes come back. */
export function lowerKernel(source: KernelSource, program: KernelProgram, reporter: Reporter): readonly Kernel[] {
  const { name, statement, call, family } = source;
  const problem = whyUnusable(name.text);
  if (problem !== undefined) reporter.report("TK107", name, `the kernel name ${name.text} ${problem}`, "rename it");
  if (!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
    reporter.report("TK103", name, `the kernel ${name.text} is not exported`, `write export const ${name.text} = …`);
  }
  const [params, launch, body] = call.arguments;
  const block = body !== undefined && ts.isArrowFunction(body) && ts.isBlock(body.body) ? body.body : undefined;
  if (
    params === undefined ||
    launch === undefined ||
    body === undefined ||
    block === undefined ||
    call.arguments.length !== 3 ||
    !ts.isObjectLiteralExpression(params) ||
    !ts.isObjectLiteralExpression(launch) ||
    !ts.isArrowFunction(body)
  ) {
    const fix = "write kernel({ …parameters }, { …launch }, ({ x, y }, { N }) => { … }), all in place";
    reporter.report("TK103", call, `the kernel ${name.text} is not written out`, fix);
    return [];
  }
  const outer = createScope(program, reporter, createNames([]), undefined, { given: family?.given });
  const parameters = lowerParameters(params, outer);
  const launchSource = readLaunch(launch, outer);
  const before = reporter.count;
  const option = (which: string): ts.Expression | undefined => chosen(launchSource.options.get(which), outer);
  const units = readUnits(option("matrix"), outer);
  const simds = readSimd(option("simd"), outer);
  checkOneUnit(option("matrix"), option("simd"), outer);
  const pairs = units.flatMap((unit) => simds.map((simd) => ({ unit, simd })));
  return readChoices(launchSource, outer).flatMap((choices) =>
    pairs.flatMap((pair) => {
      const instance = { choices, ...pair };
      const kernel = lowerInstance(source, parameters, launchSource, body, block, instance, program, reporter);
      return kernel === undefined || reporter.count > before ? [] : [deepFreeze(kernel)];
    }),
  );
}

/** One value of each compile-time parameter, and one matrix or vector unit. */
interface Instance {
  readonly choices: ReadonlyMap<string, bigint>;
  readonly unit: MatrixUnit | undefined;
  readonly simd: SimdUnit | undefined;
}

function lowerInstance(
  { name, statement, family }: KernelSource,
  { params, dims, refused }: Parameters,
  launchSource: LaunchSource,
  body: ts.ArrowFunction,
  block: ts.Block,
  { choices, unit, simd }: Instance,
  program: KernelProgram,
  reporter: Reporter,
): Kernel | undefined {
  const names = createNames([name.text, ...params.map((param) => param.name), ...dims, ...choices.keys()]);
  const context = { given: family?.given, matrix: unit && { unit, block: [1n, 1n, 1n] as const }, simd };
  const outer = createScope(program, reporter, names, body, context);
  const bindValue = (what: string, find: (source: string) => ((span: Span) => Expr) | undefined) => {
    return (parameter: ts.ParameterDeclaration | undefined, inner: Scope): void =>
      bindPattern(parameter, inner, (source, symbol, node) => {
        const make = find(source);
        inner.bindings.set(symbol, make === undefined ? { kind: "refused" } : { kind: "value", what, make });
        if (make !== undefined || (what === "dimension" && refused.size > 0)) return;
        reporter.report("TK127", node, `there is no ${what} ${source}`, "use a declared name");
      });
  };
  const bindDims = bindValue("dimension", (source) =>
    dims.includes(source) ? (span) => dim(source, span) : undefined,
  );
  const bindChoices = bindValue("compile-time parameter", (source) => {
    const value = choices.get(source);
    return value === undefined ? undefined : (span) => int(value, span);
  });
  const launch = lowerLaunch(launchSource, dims, outer, bindDims, bindChoices);
  // The lanes of waves are the threads of the block, which is known now.
  const matrix = unit && launch && { unit, block: launch.block };
  if (matrix !== undefined && !checkWaves(matrix, launchSource.options.get("block") ?? name, outer)) return undefined;
  const scope: Scope = matrix === undefined ? outer : { ...outer, matrix };
  bindPattern(body.parameters[0], scope, (source, symbol, node) => {
    const param = params.find((candidate) => candidate.name === source);
    if (param?.kind === "tensor") scope.bindings.set(symbol, { kind: "tensor", param });
    else if (param?.kind === "scalar") {
      const { name: scalarName, element } = param;
      const make = (span: Span): Expr => scalar(scalarName, element === "f32" ? "f32" : "int", span);
      scope.bindings.set(symbol, { kind: "value", what: "scalar parameter", make });
    } else {
      scope.bindings.set(symbol, { kind: "refused" });
      if (!refused.has(source))
        reporter.report("TK127", node, `there is no parameter ${source}`, "use a declared name");
    }
  });
  bindDims(body.parameters[1], scope);
  bindChoices(body.parameters[2], scope);
  const taken = namesInSight(family?.statement ?? statement, block, scope);
  const { clauses, rest } = splitClauses(block.statements, scope);
  const before = reporter.count;
  const arrays: LocalArray[] = [];
  const statements: readonly Stmt[] = lowerStatements(rest, { top: true, inLoop: false, depth: 0, arrays }, scope);
  const specification = lowerClauses(clauses, reporter.count > before ? undefined : statements, taken, scope);
  if (launch === undefined) return undefined;
  const declared = { params, arrays, body: statements };
  if (!checkPerformance(launch.performance, launchSource.options.get("performance"), declared, scope)) return undefined;
  const suffix = [
    ...[...choices].map(([choice, value]) => `_${choice}${value}`),
    ...[unit ?? simd ?? []].flat().map((one) => `_${one}`),
  ].join("");
  return {
    name: `${name.text}${suffix}`,
    doc: docOf(statement) || (family === undefined ? "" : docOf(family.statement)),
    params,
    dims,
    ...specification,
    arrays,
    body: statements,
    span: reporter.spanOf(name),
    ...launch,
  };
}

/** What a variable of a condition would hide: the names that the body is given, and those of the file. */
function namesInSight(statement: ts.VariableStatement, block: ts.Block, scope: Scope): ReadonlySet<string> {
  const given = [...scope.bindings.keys()].map((symbol) => symbol.name);
  const file = block.getSourceFile();
  const visible = scope.program.checker.getSymbolsInScope(statement, ts.SymbolFlags.Value | ts.SymbolFlags.Alias);
  const own = visible.filter(({ declarations }) => declarations?.some((node) => node.getSourceFile() === file));
  return new Set([...given, ...own.map((symbol) => symbol.name)]);
}

/** The text of the kernel's JSDoc comment. */
function docOf(statement: ts.VariableStatement): string {
  const comments = ts.getJSDocCommentsAndTags(statement).filter(ts.isJSDoc);
  return ts.getTextOfJSDocComment(comments.at(-1)?.comment) ?? "";
}

/** Proof and emission read the same IR: nobody changes it in between. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
