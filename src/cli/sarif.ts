/**
 * SARIF 2.1.0: diagnostics → the JSON that code-scanning services read, with the witness on the kernel's line.
 *
 * A result per diagnostic; what is proved is counted, not listed. A `ruleId` is a diagnostic's code. The fingerprint is
 * that of the obligation's id (kernel, kind, name, ordinal), or of code, file and message where there is none, so that
 * edits elsewhere in a file do not make an old finding a fresh one. Nothing depends on time or machine.
 */

import { existsSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { ArtifactLocation, Log, PhysicalLocation, ReportingDescriptor, Run, Result as SarifResult } from "sarif";
import { CODES } from "../compiler/frontend/codes.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import { sha256 } from "../support/hash.ts";
import type { Span } from "../support/span.ts";
import { VERSION } from "../support/version.ts";
import { PROOF_CODES } from "../verify/codes.ts";
import type { Counts } from "../verify/report.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/** How the fingerprint is made; a change of the way gets another number. */
const FINGERPRINT = "tokitaiObligation/v1";

export interface SarifInput {
  readonly diagnostics: readonly Diagnostic[];
  readonly counts: Counts;
  readonly exitCode: number;
  /** The folder that spans are relative to, and the one that URIs are relative to. */
  readonly cwd: string;
  readonly root: string;
}

/** The root of the repository that holds the folder: where code scanning looks for files. Without one, the folder. */
export function sourceRoot(folder: string): string {
  for (let candidate = folder; ; candidate = dirname(candidate)) {
    if (existsSync(join(candidate, ".git"))) return candidate;
    if (dirname(candidate) === candidate) return folder;
  }
}

export function sarifText({ diagnostics, counts, exitCode, cwd, root }: SarifInput): string {
  const uriOf = (file: string): ArtifactLocation => artifactOf(file, cwd, root);
  const rules = rulesOf(diagnostics);
  const run: Run = {
    tool: {
      driver: { name: "tokitai", semanticVersion: VERSION, rules: [...rules] },
    },
    originalUriBaseIds: { SRCROOT: { description: { text: "the root of the repository" } } },
    invocations: [{ executionSuccessful: exitCode === 0 || exitCode === 10, exitCode }],
    results: diagnostics.map((diagnostic) => resultOf(diagnostic, rules, uriOf)),
    columnKind: "utf16CodeUnits",
    properties: { obligations: { ...counts } },
  };
  const log: Log = { $schema: SCHEMA, version: "2.1.0", runs: [run] };
  return JSON.stringify(log, undefined, 2);
}

/** Every code of sources and proofs, so that a rule has the same place in each report, and what else occurs. */
function rulesOf(diagnostics: readonly Diagnostic[]): readonly ReportingDescriptor[] {
  const known: ReadonlyMap<string, string> = new Map([...Object.entries(CODES), ...Object.entries(PROOF_CODES)]);
  const own = [...known.keys()].sort();
  const others = diagnostics.map(({ code }) => code).filter((code) => !known.has(code));
  const codes = [...own, ...[...new Set(others)].sort()];
  return codes.map((id) => {
    const text = known.get(id);
    return { id, ...(text !== undefined && { shortDescription: { text } }) };
  });
}

const LEVEL = { error: "error", warning: "warning", remark: "note" } as const;

function resultOf(
  diagnostic: Diagnostic,
  rules: readonly ReportingDescriptor[],
  uriOf: (file: string) => ArtifactLocation,
): SarifResult {
  const { code, severity, message, span, id, witness, replayed, fix, related = [] } = diagnostic;
  const details: readonly (readonly [string, string | undefined])[] = [
    ["Witness", witness],
    ["Replayed", replayed],
    ["Fix", fix],
  ];
  const present = details.flatMap(([name, text]) => (text === undefined ? [] : [{ name, text }]));
  const kernel = id?.split("/")[0];
  const logical = kernel === undefined ? {} : { logicalLocations: [{ name: kernel, kind: "function" }] };
  const physical = span && { physicalLocation: physicalOf(span, uriOf) };
  return {
    ruleId: code,
    ruleIndex: rules.findIndex((rule) => rule.id === code),
    level: LEVEL[severity],
    message: {
      text: [message, ...present.map(({ name, text }) => `${name}: ${text}`)].join("\n"),
      markdown: [message, ...present.map(({ name, text }) => `- **${name}**: ${text}`)].join("\n"),
    },
    locations: physical || kernel !== undefined ? [{ ...physical, ...logical }] : [],
    ...(related.length > 0 && {
      relatedLocations: related.map((place, position) => ({
        id: position + 1,
        message: { text: place.message },
        physicalLocation: physicalOf(place.span, uriOf),
      })),
    }),
    partialFingerprints: { [FINGERPRINT]: sha256(id ?? `${code}\n${span?.file ?? ""}\n${message}`) },
    ...(id !== undefined && { properties: { obligation: id } }),
  };
}

function physicalOf(span: Span, uriOf: (file: string) => ArtifactLocation): PhysicalLocation {
  const { line: startLine, column: startColumn, endLine, endColumn } = span;
  return { artifactLocation: uriOf(span.file), region: { startLine, startColumn, endLine, endColumn } };
}

/** Relative to the root; a file outside it has its full URI. */
function artifactOf(file: string, cwd: string, root: string): ArtifactLocation {
  const path = resolve(cwd, file);
  const inside = relative(root, path);
  if (inside === ".." || inside.startsWith(`..${sep}`)) return { uri: pathToFileURL(path).href };
  return { uri: encodeURI(inside.split(sep).join("/")), uriBaseId: "SRCROOT" };
}
