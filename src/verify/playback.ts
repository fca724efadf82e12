/**
 * Playback: a refuted obligation with its replay record → the text of a vitest case that runs the counterexample again.
 *
 * The case asserts that the kernel is free of the fault: it fails while the mistake is there, and passes once it is fixed.
 * It reads the kernel file anew each time, through `tokitai/testing` (`compiler/testing.ts`).
 */

import type { ObligationResult } from "./obligation.ts";
import type { ReplayRecord } from "./replay-record.ts";
import { obligationFileStem } from "./report.ts";

/** The file's name within the folder: `linear-bounds-x-2.test.ts`. */
export function playbackFileName(id: string): string {
  return `${obligationFileStem(id)}.test.ts`;
}

/**
 * The file's text; `undefined` where there is no run to play: what is not refuted, and what sizes alone refute.
 * `kernelFile` is the path of the kernel's source from the folder of the case, with slashes.
 */
export function playbackText(
  { id, kernel, statement, failure, verdict, witness }: ObligationResult,
  kernelFile: string,
): string | undefined {
  if (verdict !== "refuted" || witness?.replay === undefined) return undefined;
  const told = [
    `The counterexample of ${id}, as \`tokitai verify --playback\` wrote it.`,
    "",
    "It asserts that the kernel is free of this fault: it fails while the mistake is there, and passes once it is fixed, or",
    "once the kernel requires something that refuses these sizes or data.",
    "",
    `  ${failure}`,
    `  witness   ${witness.text}`,
    `  replayed  ${witness.replayed}`,
  ];
  return `/**
${told.map((line) => ` * ${line.replaceAll("*/", "* /")}`.trimEnd()).join("\n")}
 */

import { playback } from "tokitai/testing";
import { expect, it } from "vitest";

it(${JSON.stringify(`${id}: ${statement}`)}, () => {
  const source = { file: new URL(${JSON.stringify(kernelFile)}, import.meta.url), kernel: ${JSON.stringify(kernel)} };
  const faults = playback(source, ${literal(recordFields(witness.replay), "  ")});
  expect(faults).toEqual([]);
});
`;
}

/** The fields in a fixed order. */
function recordFields(record: ReplayRecord): object {
  const { width, limits, dims, scalars, tensors, blocks, iterations, maxSteps, fault, expected } = record;
  return { width, limits, dims, scalars, tensors, blocks, iterations, maxSteps, fault, expected };
}

/** A value as a TypeScript literal; absent fields are left out. */
function literal(value: unknown, indent: string): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return numberLiteral(value);
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, indent)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const printed = fields.map(([name, field]) => `${propertyName(name)}: ${literal(field, `${indent}  `)}`);
  const line = `{ ${printed.join(", ")} }`;
  if (fields.length === 0) return "{}";
  if (line.length < 100 && !line.includes("\n")) return line;
  return `{\n${printed.map((field) => `${indent}  ${field},\n`).join("")}${indent}}`;
}

function numberLiteral(value: number): string {
  if (Number.isNaN(value)) return "Number.NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Number.POSITIVE_INFINITY" : "Number.NEGATIVE_INFINITY";
  return Object.is(value, -0) ? "-0" : String(value);
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) && name !== "__proto__" ? name : JSON.stringify(name);
}
