/** What `tokitai verify` prints or writes: the report in each format, and the files of obligations and counterexamples. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { Proof, Sources } from "../compiler/prove.ts";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import type { ObligationResult } from "../verify/obligation.ts";
import {
  countVerdicts,
  obligationDiagnostics,
  obligationFileStem,
  obligationJson,
  smt2Text,
} from "../verify/report.ts";
import type { SecondOpinion } from "../verify/second-opinion.ts";
import type { ReportFormat } from "./report-formats.ts";

export interface ReportInput {
  readonly sources: Sources;
  readonly proof: Proof;
  readonly obligations: readonly ObligationResult[];
  readonly second: SecondOpinion | undefined;
  readonly exitCode: number;
  /** Text only: leaves out the table of what is proved. */
  readonly quiet: boolean;
}

/** Without a newline at its end; empty where the format has nothing to say. */
export async function reportText(format: ReportFormat, input: ReportInput): Promise<string> {
  const { sources, obligations, exitCode } = input;
  switch (format) {
    case "json":
      return jsonText(input);
    case "sarif": {
      const { sarifText, sourceRoot } = await import("./sarif.ts");
      const diagnostics = [...sources.diagnostics, ...obligationDiagnostics(obligations)];
      const cwd = process.cwd();
      return sarifText({ diagnostics, counts: countVerdicts(obligations), exitCode, cwd, root: sourceRoot(cwd) });
    }
    case "junit": {
      const { junitText } = await import("./junit.ts");
      return junitText(obligations, sources.diagnostics);
    }
    case "text":
      return tableText(input);
    default:
      return format satisfies never;
  }
}

function jsonText({ proof, obligations, second }: ReportInput): string {
  const all = {
    format: 1,
    solver: { name: "z3", version: proof.solverVersion },
    ...(second && { secondOpinion: second }),
    obligations: obligations.map(obligationJson),
  };
  return JSON.stringify(all, undefined, 2);
}

async function tableText({ proof, obligations, second, quiet }: ReportInput): Promise<string> {
  if (obligations.length === 0 || quiet) return "";
  const { proofSummary, proofTable } = await import("./proof-table.ts");
  const limited = obligations.flatMap(({ statement, verdict, shapes }) =>
    verdict === "proved" && shapes !== undefined ? [`${statement}: proved at shapes ${shapes}`] : [],
  );
  const unclaimed = proof.kernels.flatMap(({ kernel }) =>
    kernel.computes === undefined ? [`${kernel.name}: function not claimed`] : [],
  );
  return [proofTable(proof), ...limited, ...unclaimed, proofSummary(proof), ...describeSecond(second)].join("\n");
}

function describeSecond(second: SecondOpinion | undefined): readonly string[] {
  if (second === undefined) return [];
  const { notAsked } = second;
  return [
    ...second.solvers.flatMap(({ name, version, agreed, unknown, disagreed }) => [
      `${name} ${version}: ${agreed} agreed, ${disagreed.length} disagreed, ${unknown.length} unknown`,
      ...unknown.map((id) => `  unknown to ${name}: ${id}`),
    ]),
    ...(notAsked.length > 0 ? [`not asked, since no solver has answered them here: ${summary(notAsked)}`] : []),
  ];
}

/** `15 of equivalence, 1 of bounds` */
function summary(ids: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const id of ids) {
    const kind = id.split("/")[1] ?? id;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count} of ${kind}`).join(", ");
}

/** TK540 where a file cannot be written. */
export function writeReport(file: string, text: string): Result<undefined> {
  return writeAll(undefined, [{ name: file, text: `${text}\n` }]);
}

/** One self-contained SMT-LIB 2 file per obligation; how many, or TK540. */
export function writeQueries(folder: string, obligations: readonly ObligationResult[]): Result<number> {
  // What no solver is asked has no query.
  const asked = obligations.filter(({ query }) => query !== "");
  const files = asked.map((obligation) => ({
    name: `${obligationFileStem(obligation.id)}.smt2`,
    text: smt2Text(obligation),
  }));
  const written = writeAll(folder, files);
  return written.ok ? ok(files.length) : written;
}

/** One vitest case per refutation that a run has shown; how many, or TK540. */
export async function writePlaybacks(
  folder: string,
  proof: Proof,
  obligations: readonly ObligationResult[],
): Promise<Result<number>> {
  const { playbackFileName, playbackText } = await import("../verify/playback.ts");
  const files = new Map(proof.kernels.map(({ kernel }) => [kernel.name, kernel.span.file]));
  const cases = obligations.flatMap((obligation) => {
    const file = files.get(obligation.kernel);
    if (file === undefined) return [];
    const path = relative(resolve(folder), resolve(file)).split(sep).join("/");
    const text = playbackText(obligation, encodeURI(path.startsWith(".") ? path : `./${path}`));
    return text === undefined ? [] : [{ name: playbackFileName(obligation.id), text }];
  });
  const written = writeAll(folder, cases);
  return written.ok ? ok(cases.length) : written;
}

interface NamedText {
  readonly name: string;
  readonly text: string;
}

function writeAll(folder: string | undefined, files: readonly NamedText[]): Result<undefined> {
  try {
    if (folder !== undefined) mkdirSync(folder, { recursive: true });
    for (const { name, text } of files) writeFileSync(folder === undefined ? name : join(folder, name), text);
    return ok(undefined);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    return refuse(unwritable(cause));
  }
}

function unwritable(cause: Error): Diagnostic {
  const fix = "name a file or a folder where you may write";
  return error("TK540", undefined, `the report cannot be written: ${cause.message}`, fix);
}
