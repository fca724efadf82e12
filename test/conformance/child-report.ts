/** What the process of `child.ts` says, and how a test starts such a process. */

import { join } from "node:path";
import { z } from "zod";
import { runTool, type ToolRun } from "../../src/compiler/build/run-tool.ts";

const childReportSchema = z.strictObject({
  cases: z.int(),
  /** One line per case that went wrong. */
  faults: z.array(z.string()),
  /** SHA-256 of the bytes of all outputs, in the order of the table. */
  outputs: z.string(),
});

export type ChildReport = z.output<typeof childReportSchema>;

const TIMEOUT_MS = 300_000;

/** Runs a TypeScript file of this folder in a process of its own, with `env` beside what Node itself needs. */
export function runChild(
  file: "child.ts" | "overrun-child.ts",
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ToolRun> {
  const path = process.env["PATH"] ?? "";
  return runTool(process.execPath, ["--import", "tsx", join(import.meta.dirname, file), ...args], {
    cwd: join(import.meta.dirname, "../.."),
    env: { PATH: path, ...env },
    timeoutMs: TIMEOUT_MS,
  });
}

/** The report on stdout; throws with everything that the process said where there is none. */
export function readReport({ kind, code, reason, stdout, stderr }: ToolRun): ChildReport {
  if (kind !== "exited" || code !== 0) throw new Error(`child.ts ${kind} ${code} ${reason}\n${stderr}\n${stdout}`);
  return childReportSchema.parse(JSON.parse(stdout));
}
