/**
 * Classic mistakes of GPU kernels, as twins: each file of kernels/ has a kernel `…_correct` and a kernel `…_broken`.
 *
 * The correct twin is proved whole: an obligation that is not is a false alarm. The broken twin is refuted for its own
 * reason (`expectation.ts`), with a witness that the interpreter has replayed as the fault that the obligation denies.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { MATRIX_UNITS } from "../../src/ir/kernel/matrix.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import type { ObligationResult } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { type KernelReport, verifyKernels } from "../../src/verify/verify.ts";
import type { Expectation } from "./expectation.ts";
import { EXPECTED, PENDING, REFUSED } from "./expected.ts";

const FOLDER = join(import.meta.dirname, "kernels");

/** How the replay of each code's faults reads; what is about sizes or assumptions alone is not run. */
const REPLAYS: Readonly<Record<string, RegExp>> = {
  TK301: /^the interpreter (reads|writes|atomically changes) .* out of bounds/,
  TK302: /^the interpreter .*, which thread .* with no barrier between$/,
  TK303: /^the interpreter .*, which a thread of block .* in the same launch$/,
  TK304:
    /^the interpreter (reaches the (barrier|mma|loadFragment) with \d+ of \d+ threads, without thread|loads the tile at \S+, and thread \(.*\) of its wave the one at)/,
  TK305: /^the interpreter computes .*, which does not fit (32|64) bits$/,
  TK306: /^the interpreter divides by (0|-\d+) in /,
  TK307: /^the interpreter stores .* do not hold it$/,
  TK308: /^the sizes alone are the counterexample$/,
  TK309: /^the interpreter breaks the invariant /,
  TK310: /^the sizes alone are the counterexample$/,
  TK312: /^the solver found none$/,
  TK313: /^the interpreter computes \w+\[.*, where \w+ gives |^the sizes alone are the counterexample$/,
  // A read without a barrier after the write is before it in another order of the threads.
  TK314: /^the interpreter reads .*( before it is written| with no barrier between)$/,
  TK315: /^the interpreter leaves .* unwritten$/,
  TK316: /^the interpreter writes .* has written it$/,
  TK317: /^the interpreter (reads|writes) \d+ lanes from .*, which is no multiple of \d+$/,
  TK318: /^the interpreter leaves data that breaks ensures/,
  TK320: /^the interpreter reads .* out of bounds/,
  TK322:
    /^the interpreter (reads|writes) .* while thread .* of its wave is at .*, (in another row|more than \d+ elements away)$/,
  TK323:
    /^the interpreter (reads|writes) .* while thread .* of its wave is at .*, another word of bank \d+ \(lanes \d+ and \d+, \d+ ways\)$/,
};

const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.replace(/\.ts$/, ""))
  .sort();
// One program for all files: TypeScript's library is read once.
const { kernels, sources, diagnostics } = readKernels([FOLDER], { cwd: FOLDER });

const pool = new SolverPool({ processes: 2 });
const session = openSession(pool);
afterAll(() => pool.close());

/** An instance for a matrix unit has its name appended. */
function isTwin(name: string, which: "correct" | "broken"): boolean {
  return MATRIX_UNITS.some((unit) => name.endsWith(`_${which}_${unit}`)) || name.endsWith(`_${which}`);
}

function twin(file: string, which: "correct" | "broken"): Kernel {
  const found = kernels.filter(({ name, span }) => span.file === `${file}.ts` && isTwin(name, which));
  const [kernel] = found;
  if (kernel === undefined || found.length > 1) throw new Error(`${file}.ts has ${found.length} kernels …_${which}`);
  return kernel;
}

async function reportOf(kernel: Kernel): Promise<KernelReport> {
  const [report] = await verifyKernels([kernel], session);
  if (report === undefined) throw new Error(`no report of ${kernel.name}`);
  return report;
}

function lineOf({ span }: Pick<ObligationResult, "span">): string {
  return sources(span.file)?.split("\n")[span.line - 1]?.trim() ?? "";
}

/** An obligation that is not proved, as one line of a failure message. */
function describeFailure(obligation: ObligationResult): string {
  const { id, code, verdict, failure, span, witness, reason } = obligation;
  const why = witness === undefined ? (reason ?? "") : `${witness.text} / ${witness.replayed}`;
  return `${verdict} ${id} ${code} at line ${span.line}: ${failure}: ${why}`;
}

function open({ obligations }: KernelReport): readonly ObligationResult[] {
  return obligations.filter(({ verdict }) => verdict !== "proved");
}

async function expectProved(kernel: Kernel): Promise<void> {
  const report = await reportOf(kernel);
  expect(open(report).map(describeFailure), `false alarms in ${kernel.name}`).toEqual([]);
  expect(report.certificate, `${kernel.name} has no certificate`).toBeDefined();
}

async function expectRefuted(kernel: Kernel, expected: Expectation): Promise<void> {
  const report = await reportOf(kernel);
  expect(report.certificate, `${kernel.name} is certified`).toBeUndefined();
  const failures = open(report);
  const summary = `${kernel.name}:\n${failures.map(describeFailure).join("\n")}\n`;

  const { kind, code, line, witness, consequences = [], unconfirmed = [] } = expected;
  const own = failures.filter(
    (failure) => failure.kind === kind && failure.code === code && failure.verdict === "refuted",
  );
  const lines = typeof line === "string" ? [line] : line;
  const there = own.filter((failure) => lines.includes(lineOf(failure)));
  expect(own, `${summary}no ${kind} obligation is refuted with ${code}`).not.toEqual([]);
  expect(there, `${summary}none is refuted at: ${lines.join(" or ")}`).not.toEqual([]);
  const shown = there.map((failure) => `${failure.witness?.text}\n${failure.witness?.replayed}`);
  expect(
    shown.some((text) => witness.test(text)),
    `${summary}no witness there matches ${witness}`,
  ).toBe(true);

  // Nothing else fails, and every refutation has been seen to misbehave in the way that it says.
  const kindsOf = (verdict: string): readonly string[] =>
    [...new Set(failures.filter((failure) => failure.verdict === verdict).map((failure) => failure.kind))].sort();
  expect(kindsOf("refuted"), `${summary}kinds that are refuted`).toEqual([kind, ...consequences].sort());
  expect(kindsOf("unknown"), `${summary}kinds that are unknown`).toEqual(unconfirmed);
  for (const failure of failures.filter(({ verdict }) => verdict === "refuted")) {
    expect(failure.witness?.replayed, `${summary}the replay of ${failure.id}`).toMatch(REPLAYS[failure.code] ?? /^\b$/);
  }
}

describe("classic mistakes of GPU kernels", () => {
  it("are at least 44 pairs, each with its expectation", () => {
    const refused = Object.values(REFUSED).map(({ correct }) => correct);
    expect(files).toEqual([...Object.keys(EXPECTED), ...Object.keys(REFUSED), ...refused].sort());
    expect(Object.keys(EXPECTED).length + refused.length).toBeGreaterThanOrEqual(44);
    expect(Object.keys(PENDING).filter((name) => !Object.hasOwn(EXPECTED, name))).toEqual([]);
  });

  it("are read without mistakes, but for what the language refuses", () => {
    const found = diagnostics.map(({ span }) => span?.file.replace(/\.ts$/, ""));
    expect([...new Set(found)]).toEqual(Object.keys(REFUSED));
  });

  for (const [file, expected] of Object.entries(EXPECTED)) {
    const run = Object.hasOwn(PENDING, file) ? it.fails : it;
    run(`${file}: ${expected.kind} ${expected.code}`, async () => {
      await expectProved(twin(file, "correct"));
      await expectRefuted(twin(file, "broken"), expected);
    });
  }

  it.each(Object.entries(REFUSED))("%s: the front end", async (file, { correct, code, line }) => {
    await expectProved(twin(correct, "correct"));
    const found = diagnostics.filter(({ span }) => span?.file === `${file}.ts`);
    expect(found.map((diagnostic) => diagnostic.code)).toEqual([code]);
    expect(found.map(({ span }) => span && lineOf({ span }))).toEqual([line]);
  });
});
