/**
 * SARIF 2.1.0: diagnostics → the JSON that code-scanning services read, with the witness on the kernel's line.
 *
 * A result per diagnostic; what is proved is counted, not listed. A `ruleId` is a diagnostic's code. The fingerprint is
 * that of the obligation's id (kernel, kind, name, ordinal), or of code, file and message where there is none, so that
 * edits elsewhere in a file do not make an old finding a fresh one. Nothing depends on time or machine.
 */

import type { Log, ReportingDescriptor, Run, Result as SarifResult } from "sarif";
import { CODES } from "../compiler/frontend/codes.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import { sha256 } from "../support/hash.ts";
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
}

export function sarifText({ diagnostics, counts, exitCode }: SarifInput): string {
  const rules = rulesOf(diagnostics);
  const run: Run = {
    tool: {
      driver: { name: "tokitai", semanticVersion: VERSION, rules: [...rules] },
    },
    originalUriBaseIds: { SRCROOT: { description: { text: "the folder in which tokitai was called" } } },
    invocations: [{ executionSuccessful: exitCode === 0 || exitCode === 10, exitCode }],
    results: diagnostics.map((diagnostic) => resultOf(diagnostic, rules)),
    columnKind: "utf16CodeUnits",
    properties: { obligations: { ...counts } },
  };
  const log: Log = { $schema: SCHEMA, version: "2.1.0", runs: [run] };
  return JSON.stringify(log, undefined, 2);
}

/** The codes that occur, in their order. */
function rulesOf(diagnostics: readonly Diagnostic[]): readonly ReportingDescriptor[] {
  const known: ReadonlyMap<string, string> = new Map([...Object.entries(CODES), ...Object.entries(PROOF_CODES)]);
  const codes = [...new Set(diagnostics.map(({ code }) => code))].sort();
  return codes.map((id) => {
    const text = known.get(id);
    return { id, ...(text !== undefined && { shortDescription: { text } }) };
  });
}

const LEVEL = { error: "error", warning: "warning", remark: "note" } as const;

function resultOf(diagnostic: Diagnostic, rules: readonly ReportingDescriptor[]): SarifResult {
  const { code, severity, message, span, id, witness, replayed, fix } = diagnostic;
  const details: readonly (readonly [string, string | undefined])[] = [
    ["Witness", witness],
    ["Replayed", replayed],
    ["Fix", fix],
  ];
  const present = details.flatMap(([name, text]) => (text === undefined ? [] : [{ name, text }]));
  const kernel = id?.split("/")[0];
  const logical = kernel === undefined ? {} : { logicalLocations: [{ name: kernel, kind: "function" }] };
  const physical = span && {
    physicalLocation: {
      artifactLocation: { uri: encodeURI(span.file.replaceAll("\\", "/")), uriBaseId: "SRCROOT" },
      region: {
        startLine: span.line,
        startColumn: span.column,
        endLine: span.endLine,
        endColumn: span.endColumn,
      },
    },
  };
  return {
    ruleId: code,
    ruleIndex: rules.findIndex((rule) => rule.id === code),
    level: LEVEL[severity],
    message: {
      text: [message, ...present.map(({ name, text }) => `${name}: ${text}`)].join("\n"),
      markdown: [message, ...present.map(({ name, text }) => `- **${name}**: ${text}`)].join("\n"),
    },
    locations: physical || kernel !== undefined ? [{ ...physical, ...logical }] : [],
    partialFingerprints: { [FINGERPRINT]: sha256(id ?? `${code}\n${span?.file ?? ""}\n${message}`) },
    ...(id !== undefined && { properties: { obligation: id } }),
  };
}
