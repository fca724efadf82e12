/**
 * Models: a TypeScript file that exports `name`, `build` and further `programs` → its tensor programs.
 *
 * Unlike a kernel, a model is a program that is run: it is transpiled in memory and imported, and `build` is called
 * with the builder of `tokitai/model` and the configuration.
 */

import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { ts } from "ts-morph";
import { z } from "zod";
import { type ModelBuilder, tensorProgram } from "../../ir/tensor/model.ts";
import type { TensorProgram } from "../../ir/tensor/types.ts";
import { error } from "../../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";

const programSchema = z.object({
  name: z.string(),
  build: z.custom<(t: ModelBuilder, config: unknown) => void>((value) => typeof value === "function"),
});
const moduleSchema = programSchema.extend({ programs: z.array(programSchema).default([]) });

/** The first program of a model file: the one that it exports as `build`. Refusals as of `readPrograms`. */
export async function readModel(path: string, config: unknown, cwd: string): Promise<Result<TensorProgram>> {
  const programs = await readPrograms(path, config, cwd);
  if (!programs.ok) return programs;
  const [first] = programs.value;
  if (first === undefined) throw new InternalError(`${path} has no program`);
  return ok(first);
}

/** TK190: not TypeScript; TK191: fails when imported; TK192: no `name` and `build`; TK193: `build` throws. */
export async function readPrograms(
  path: string,
  config: unknown,
  cwd: string,
): Promise<Result<readonly TensorProgram[]>> {
  const file = relative(cwd, path);
  const place = { file, line: 1, column: 1, endLine: 1, endColumn: 1 };
  const { outputText, diagnostics = [] } = ts.transpileModule(readFileSync(path, "utf8"), {
    fileName: path,
    reportDiagnostics: true,
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
    transformers: { before: [absoluteImports] },
  });
  if (diagnostics.length > 0) {
    return refuse(
      ...diagnostics.map(({ messageText, start = 0, file: source }) => {
        const at = source?.getLineAndCharacterOfPosition(start) ?? { line: 0, character: 0 };
        const [line, column] = [at.line + 1, at.character + 1];
        const span = { file, line, column, endLine: line, endColumn: column + 1 };
        return error("TK190", span, ts.flattenDiagnosticMessageText(messageText, " "));
      }),
    );
  }
  let imported: unknown;
  try {
    imported = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  } catch (cause) {
    const fix = 'import nothing but "tokitai/model"';
    return refuse(error("TK191", place, `the model cannot be imported: ${describe(cause)}`, fix));
  }
  const parsed = moduleSchema.safeParse(imported);
  if (!parsed.success) {
    const fix = "export const name = …; export function build(t, config) { … }";
    const message =
      "a model exports a string `name` and a function `build`, and its `programs` are a list of such pairs";
    return refuse(error("TK192", place, message, fix));
  }
  const { name, build, programs } = parsed.data;
  try {
    const results = [{ name, build }, ...programs].map((one) => tensorProgram(one.name, (t) => one.build(t, config)));
    const refused = results.flatMap((result) => (result.ok ? [] : result.diagnostics));
    return refused.length > 0 ? refuse(...refused) : ok(results.flatMap((result) => (result.ok ? [result.value] : [])));
  } catch (cause) {
    return refuse(error("TK193", place, `build failed: ${describe(cause)}`, "check the configuration"));
  }
}

/** Imports of `tokitai/model` become the address of this package's own module, which a data URL can import. */
const absoluteImports: ts.TransformerFactory<ts.SourceFile> = (context) => (source) =>
  ts.visitEachChild(
    source,
    (node) => {
      if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return node;
      if (node.moduleSpecifier.text !== "tokitai/model") return node;
      const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
      const address = new URL(`../../ir/tensor/model.${extension}`, import.meta.url).href;
      const { factory } = context;
      const { modifiers, importClause, attributes } = node;
      return factory.updateImportDeclaration(
        node,
        modifiers,
        importClause,
        factory.createStringLiteral(address),
        attributes,
      );
    },
    context,
  );

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
