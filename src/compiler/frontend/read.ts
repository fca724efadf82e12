/**
 * The front end: kernel files → kernels, or every mistake in them.
 *
 *   type-check (program.ts) → find the kernels of each file → lower each (kernel.ts)
 *
 * TypeScript's own errors are reported beside the language's, but where both concern the same place the language's
 * say it better.
 */

import { ts } from "ts-morph";
import type { Kernel } from "../../ir/kernel/types.ts";
import type { Diagnostic, SourceLookup } from "../../support/diagnostic.ts";
import { error, sortDiagnostics } from "../../support/diagnostic.ts";
import type { Span } from "../../support/span.ts";
import { inlineBody, notInline } from "./call.ts";
import { lowerConstantValue } from "./expression.ts";
import { applyFamily, checkFamily, hasKernel } from "./family.ts";
import { type KernelSource, lowerKernel } from "./kernel.ts";
import { isStackOverflow } from "./limits.ts";
import { createNames } from "./names.ts";
import { createKernelProgram, type KernelProgram, SPLIT, TOO_DEEP, type TypeScriptError } from "./program.ts";
import { createReporter, type Reporter, spanOfRange } from "./reporter.ts";
import {
  createScope,
  dslName,
  type FunctionNode,
  familyOf,
  isConst,
  moduleNameOf,
  quote,
  skipParentheses,
  symbolOf,
} from "./scope.ts";

export interface KernelsRead {
  /**
   * Those of the files asked for, in the order of the files; none when anything was refused in their file or in a file
   * that it takes names from.
   */
  readonly kernels: readonly Kernel[];
  readonly sources: SourceLookup;
  readonly diagnostics: readonly Diagnostic[];
  /**
   * The texts that decided all of this, besides tokitai itself, by their files' names in spans; `undefined` where
   * anything was refused, or where files that are not there had a say.
   */
  readonly decidedBy: ReadonlyMap<string, string> | undefined;
}

/** Reads files, and folders with their subfolders. Places are given relative to `cwd`. */
export function readKernels(paths: readonly string[], { cwd }: { readonly cwd: string }): KernelsRead {
  try {
    return readProgram(paths, cwd);
  } catch (cause) {
    // A file that is imported is parsed by TypeScript itself. What it leaves undone is not known: nothing is read.
    if (!isStackOverflow(cause)) throw cause;
    const diagnostics = [error("TK152", undefined, `a file ${TOO_DEEP}`, SPLIT)];
    return { kernels: [], sources: () => undefined, diagnostics, decidedBy: undefined };
  }
}

function readProgram(paths: readonly string[], cwd: string): KernelsRead {
  const program = createKernelProgram(paths, cwd);
  const reporter = createReporter(cwd);
  const found: { readonly kernel: Kernel; readonly file: string }[] = [];
  const asked = new Set(program.files);
  const applied = new Set<ts.VariableStatement>();
  for (const file of program.allFiles) {
    for (const statement of file.statements) {
      for (const source of checkStatement(statement, program, reporter)) {
        if (source.family !== undefined) applied.add(source.family.statement);
        if (!asked.has(file)) continue;
        for (const kernel of lowerSource(source, program, reporter)) found.push({ kernel, file: kernel.span.file });
      }
    }
  }
  for (const file of program.allFiles) refuseUnapplied(file, applied, program, reporter);
  refuseTwins(found, reporter);
  const own = reporter.diagnostics;
  const foreign = program.typeErrors
    .filter((found) => {
      const place = placeOf(found, cwd);
      return !own.some(({ span }) => span !== undefined && overlap(span, place));
    })
    .map(({ diagnostic }) => diagnostic);
  const diagnostics = sortDiagnostics([...program.unreadable, ...own, ...foreign]);
  const refused = new Set(diagnostics.map(({ span }) => span?.file));
  const sound = (file: string): boolean =>
    !refused.has(file) && ![...program.importedBy(file)].some((imported) => refused.has(imported));
  const kernels = found.filter(({ file }) => sound(file)).map(({ kernel }) => kernel);
  const decidedBy = diagnostics.length > 0 ? undefined : program.madeOf;
  return { kernels, sources: program.sources, diagnostics, decidedBy };
}

/** What is refused in a kernel of a family names the kernel: its source is that of the others as well. */
function lowerSource(source: KernelSource, program: KernelProgram, reporter: Reporter): readonly Kernel[] {
  const lower = (): readonly Kernel[] => lowerKernel(source, program, reporter);
  return source.family === undefined ? lower() : reporter.inInstance(source.name.text, source.name, lower);
}

/** A family that is exported may be another file's. */
function refuseUnapplied(
  file: ts.SourceFile,
  applied: ReadonlySet<ts.VariableStatement>,
  program: KernelProgram,
  reporter: Reporter,
): void {
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement) || applied.has(statement) || isExported(statement)) continue;
    for (const { name } of statement.declarationList.declarations) {
      const symbol = ts.isIdentifier(name) ? symbolOf(name, program.checker) : undefined;
      if (symbol === undefined || moduleNameOf(symbol, program)?.kind !== "family") continue;
      const fix = `write export const NAME = ${quote(name)}(…), or remove it`;
      reporter.report("TK118", name, `the family ${quote(name)} is never applied, so that nothing of it is read`, fix);
    }
  }
}

function isExported(statement: ts.VariableStatement): boolean {
  return statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

/** The kernels that a statement at the top of a file declares; anything that does not belong there is reported. */
function checkStatement(statement: ts.Statement, program: KernelProgram, reporter: Reporter): readonly KernelSource[] {
  if (ts.isImportDeclaration(statement)) {
    checkImport(statement, reporter);
    return [];
  }
  if (ts.isFunctionDeclaration(statement)) {
    if (hasKernel(statement, program)) refuseFamily(statement.name ?? statement, reporter);
    else checkFunction(statement, statement.name?.text, reporter);
    return [];
  }
  if (ts.isTypeAliasDeclaration(statement) || ts.isInterfaceDeclaration(statement)) return [];
  if (!ts.isVariableStatement(statement)) {
    const fix = "keep imports, constants, inline functions and kernels";
    reporter.report("TK101", statement, `${quote(statement)} has no place at the top of a kernel file`, fix);
    return [];
  }
  return statement.declarationList.declarations.flatMap((declaration): readonly KernelSource[] => {
    const { name, initializer } = declaration;
    const value = initializer && skipParentheses(initializer);
    if (value !== undefined && ts.isCallExpression(value) && dslName(value.expression, program) === "kernel") {
      if (ts.isIdentifier(name)) return [{ name, statement, call: value }];
      reporter.report("TK103", name, "a kernel without a name", "write export const NAME = kernel(…)");
      return [];
    }
    const family = value && familyOf(value, program);
    if (family !== undefined && value !== undefined && ts.isCallExpression(value) && ts.isIdentifier(name)) {
      const source = applyFamily(name, statement, value, family, program, reporter);
      return source === undefined ? [] : [source];
    }
    if (!isConst(declaration)) {
      const fix = `write const ${quote(name)} = … with a constant number`;
      reporter.report("TK104", declaration, `${quote(name)} is not a constant`, fix);
      return [];
    }
    const symbol = ts.isIdentifier(name) ? symbolOf(name, program.checker) : undefined;
    const meaning = symbol && moduleNameOf(symbol, program);
    if (value !== undefined && (ts.isArrowFunction(value) || ts.isFunctionExpression(value))) {
      if (meaning?.kind === "family") checkFamily(meaning.family, reporter);
      else if (hasKernel(value, program)) refuseFamily(name, reporter);
      else checkFunction(value, quote(name), reporter);
      return [];
    }
    if (meaning?.kind === "constant" && initializer !== undefined) {
      lowerConstantValue(initializer, createScope(program, reporter, createNames([])));
    }
    return [];
  });
}

function refuseFamily(name: ts.Node, reporter: Reporter): void {
  const fix = `write const ${quote(name)} = (T: HalfElement) => kernel(…), without a block`;
  reporter.report("TK116", name, `${quote(name)} is not one kernel(…) of its parameters`, fix);
}

/** A function that no kernel calls is checked for its form alone, since its types are those of its arguments. */
function checkFunction(declaration: FunctionNode, name: string | undefined, reporter: Reporter): void {
  if (inlineBody(declaration) === undefined) reporter.report(...notInline(declaration, name ?? "the function"));
}

function checkImport(statement: ts.ImportDeclaration, reporter: Reporter): void {
  const { moduleSpecifier, importClause } = statement;
  const from = ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : "";
  const named = importClause?.namedBindings !== undefined && ts.isNamedImports(importClause.namedBindings);
  const known = from === "tokitai/dsl" || from.startsWith(".");
  if (known && named && importClause.name === undefined) return;
  const fact = known
    ? `the import from ${from} does not list the names that it takes`
    : `${from} is neither tokitai/dsl nor a kernel file`;
  const fix =
    'write import { block, thread } from "tokitai/dsl", or import names from a kernel file by its relative path';
  reporter.report("TK102", known ? (importClause ?? statement) : moduleSpecifier, fact, fix);
}

/** Kernels become C functions, so that their names are unique over all files. */
function refuseTwins(found: readonly { readonly kernel: Kernel }[], reporter: Reporter): void {
  const first = new Map<string, Kernel>();
  for (const { kernel } of found) {
    const twin = first.get(kernel.name);
    if (twin === undefined) first.set(kernel.name, kernel);
    else {
      const fact = `there are two kernels ${kernel.name}: the other is at ${twin.span.file}:${twin.span.line}`;
      reporter.add(error("TK107", kernel.span, fact, "rename one of them"));
    }
  }
}

/**
 * What an error of TypeScript's is about: the smallest statement or property around it. Its own span is often a part
 * that follows from the mistake, as the left side of an assignment of the wrong type.
 */
function placeOf({ file, start, end }: TypeScriptError, cwd: string): Span {
  let [from, to] = [start, end];
  const visit = (node: ts.Node): void => {
    if (node.getStart(file) > start || node.getEnd() < end) return;
    if (ts.isPropertyAssignment(node) || ts.isExpressionStatement(node))
      [from, to] = [node.getStart(file), node.getEnd()];
    ts.forEachChild(node, visit);
  };
  visit(file);
  return spanOfRange(file, from, to, cwd);
}

function overlap(a: Span, b: Span): boolean {
  if (a.file !== b.file) return false;
  const before = (line: number, column: number, other: Span): boolean =>
    line < other.line || (line === other.line && column <= other.column);
  return !before(a.endLine, a.endColumn, b) && !before(b.endLine, b.endColumn, a);
}
