/**
 * Reads kernel files into a type-checked TypeScript program.
 *
 * In: files and folders. Out: their syntax trees, the checker, what TypeScript itself refuses, and the source texts.
 * The settings are those of kernels/tsconfig.json, whatever tsconfig lies near the file, so that a kernel file means
 * the same wherever it is.
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Project, ts } from "ts-morph";
import { type Diagnostic, error, type SourceLookup } from "../../support/diagnostic.ts";
import { findExcess, isStackOverflow } from "./limits.ts";
import { fileName, spanOfRange } from "./reporter.ts";

/** A complaint of TypeScript's, with its place in characters. */
export interface TypeScriptError {
  readonly file: ts.SourceFile;
  readonly start: number;
  readonly end: number;
  readonly diagnostic: Diagnostic;
}

export interface KernelProgram {
  readonly checker: ts.TypeChecker;
  /** The files asked for that parse, in the order given. */
  readonly files: readonly ts.SourceFile[];
  /** These and the kernel files that they import. */
  readonly allFiles: readonly ts.SourceFile[];
  readonly typeErrors: readonly TypeScriptError[];
  /** Files that cannot be read. */
  readonly unreadable: readonly Diagnostic[];
  readonly sources: SourceLookup;
  isDsl(file: ts.SourceFile): boolean;
  /** The kernel files that a file takes names from, directly or through others, by their names in spans. */
  importedBy(file: string): ReadonlySet<string>;
  /**
   * The texts of all files besides tokitai's own that the program was made of, by their names in spans; `undefined`
   * where a file that is not there has a say as well, as for `./math`, which could become another file.
   */
  readonly madeOf: ReadonlyMap<string, string> | undefined;
}

// Beside the sources lie .ts files, beside the build its .d.ts files.
const EXTENSION = import.meta.url.endsWith(".ts") ? ".ts" : ".d.ts";
const DSL = fileURLToPath(new URL(`../../dsl/index${EXTENSION}`, import.meta.url));

const DSL_NAME = "tokitai/dsl";

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ["lib.es2023.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: [],
  strict: true,
  allowUnreachableCode: false,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
  paths: { [DSL_NAME]: [DSL] },
};

export const TOO_DEEP = "is nested too deeply to be read";
export const SPLIT = "keep parts in locals, or split the kernel";

/** Folders are read with their subfolders, in the order of their names. */
export function createKernelProgram(paths: readonly string[], cwd: string): KernelProgram {
  const unreadable: Diagnostic[] = [];
  const names = new Set<string>();
  for (const given of paths) {
    for (const file of expand(path.resolve(cwd, given), unreadable, cwd)) names.add(file);
  }

  const project = new Project({
    compilerOptions: OPTIONS,
    skipAddingFilesFromTsConfig: true,
    skipFileDependencyResolution: true,
    skipLoadingLibFiles: false,
  });
  const deep = new Map<string, string>();
  for (const name of names) {
    const refused = addFile(project, name, cwd);
    if (refused === undefined) continue;
    unreadable.push(refused.diagnostic);
    deep.set(fileName(name, cwd), refused.text);
    names.delete(name);
  }
  const program = project.getProgram().compilerObject;
  const folder = path.dirname(DSL);
  const isDsl = (file: ts.SourceFile): boolean => path.dirname(path.normalize(file.fileName)) === folder;
  const allFiles = program.getSourceFiles().filter((file) => !file.isDeclarationFile && !isDsl(file));
  const texts = new Map([...deep, ...allFiles.map((file) => [fileName(file.fileName, cwd), file.text] as const)]);

  // A file that is imported cannot be left out: with one of them too deep, nothing is read.
  const imported = allFiles.flatMap((file) => refuseExcess(file, cwd) ?? []);
  unreadable.push(...imported.filter(({ span }) => !deep.has(span?.file ?? "")));
  const readable = imported.length > 0 ? [] : allFiles;

  const typeErrors: TypeScriptError[] = [];
  const broken = new Set<ts.SourceFile>();
  for (const file of readable) {
    const syntactic = program.getSyntacticDiagnostics(file);
    if (syntactic.length > 0) broken.add(file);
    for (const found of syntactic.length > 0 ? syntactic : program.getSemanticDiagnostics(file)) {
      typeErrors.push(readError(file, found, cwd));
    }
  }
  const checker = program.getTypeChecker();
  const imports = new Map(readable.map((file) => [fileName(file.fileName, cwd), importsOf(file, checker, cwd)]));
  const asked = [...names].flatMap((name) => readable.find((file) => file === program.getSourceFile(name)) ?? []);
  return {
    checker,
    files: asked.filter((file) => !broken.has(file)),
    allFiles: readable.filter((file) => !broken.has(file)),
    typeErrors,
    unreadable,
    sources: (file) => texts.get(file),
    isDsl,
    importedBy: (file) => reach(file, imports),
    madeOf: unreadable.length > 0 ? undefined : filesOf(program, isDsl, cwd),
  };
}

function filesOf(
  program: ts.Program,
  isDsl: (file: ts.SourceFile) => boolean,
  cwd: string,
): ReadonlyMap<string, string> | undefined {
  const files = program
    .getSourceFiles()
    .filter((file) => !isDsl(file) && !program.isSourceFileDefaultLibrary(file))
    .map((file) => ({ path: path.normalize(file.fileName), text: file.text }));
  const known = new Set(files.map(({ path: file }) => file));
  const certain = files.every(({ path: file, text }) => {
    const { importedFiles, referencedFiles, typeReferenceDirectives, libReferenceDirectives } = ts.preProcessFile(text);
    if (referencedFiles.length + typeReferenceDirectives.length + libReferenceDirectives.length > 0) return false;
    return importedFiles.every(({ fileName: name }) => name === DSL_NAME || names(file, name, known));
  });
  return certain ? new Map(files.map(({ path: file, text }) => [fileName(file, cwd), text])) : undefined;
}

/** Whether a specifier names one of the files in full, so that no other file can take its place. */
function names(file: string, specifier: string, known: ReadonlySet<string>): boolean {
  return /^\.\.?\/.*\.ts$/.test(specifier) && known.has(path.resolve(path.dirname(file), specifier));
}

/** The refusal of a file that nests or branches too much. */
function refuseExcess(file: ts.SourceFile, cwd: string): Diagnostic | undefined {
  const excess = findExcess(file);
  if (excess === undefined) return undefined;
  const { start, end, fact, fix } = excess;
  return error("TK152", spanOfRange(file, start, end, cwd), fact, fix);
}

/** Parses a file; one that no later step can take is not added, and its text and refusal come back. */
function addFile(
  project: Project,
  name: string,
  cwd: string,
): { readonly diagnostic: Diagnostic; readonly text: string } | undefined {
  try {
    const added = project.addSourceFileAtPath(name);
    const file = added.compilerNode;
    const diagnostic = refuseExcess(file, cwd);
    if (diagnostic === undefined) return undefined;
    const { text } = file;
    project.removeSourceFile(added);
    return { diagnostic, text };
  } catch (cause) {
    if (!isStackOverflow(cause)) throw cause;
    return { diagnostic: error("TK152", undefined, `${fileName(name, cwd)} ${TOO_DEEP}`, SPLIT), text: "" };
  }
}

/** The names of the files that a file's imports and re-exports lead to. */
function importsOf(file: ts.SourceFile, checker: ts.TypeChecker, cwd: string): readonly string[] {
  return file.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const { moduleSpecifier } = statement;
    const found = moduleSpecifier && checker.getSymbolAtLocation(moduleSpecifier)?.valueDeclaration;
    return found !== undefined && ts.isSourceFile(found) ? [fileName(found.fileName, cwd)] : [];
  });
}

function reach(file: string, imports: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set<string>();
  const pending = [...(imports.get(file) ?? [])];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    pending.push(...(imports.get(next) ?? []));
  }
  return found;
}

function readError(file: ts.SourceFile, found: ts.Diagnostic, cwd: string): TypeScriptError {
  const start = found.start ?? 0;
  const end = start + (found.length ?? 0);
  // The first line of the chain states the fact; the rest repeats the types.
  const text = ts.flattenDiagnosticMessageText(found.messageText, "\n").split("\n")[0] ?? "";
  const message = `${text.replace(/\.$/, "")} (TypeScript ${found.code})`;
  return { file, start, end, diagnostic: error("TK100", spanOfRange(file, start, end, cwd), message) };
}

function expand(file: string, unreadable: Diagnostic[], cwd: string): readonly string[] {
  const shown = fileName(file, cwd);
  if (!existsSync(file)) {
    unreadable.push(error("TK108", undefined, `${shown} does not exist`, "give a kernel file or a folder of them"));
    return [];
  }
  if (statSync(file).isDirectory()) {
    const entries = readdirSync(file, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    return entries.flatMap((entry) => {
      const child = path.join(file, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : expand(child, unreadable, cwd);
      return isKernelFile(entry.name) ? [child] : [];
    });
  }
  if (isKernelFile(file)) return [file];
  unreadable.push(error("TK108", undefined, `${shown} is not a TypeScript file`, "give a file that ends in .ts"));
  return [];
}

function isKernelFile(name: string): boolean {
  return name.endsWith(".ts") && !name.endsWith(".d.ts");
}
