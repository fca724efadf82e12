/** `tokitai bench` on a small model: what it prints, the trace that it writes, and what it refuses. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readManifest } from "../../src/compiler/build/output.ts";
import { type Ended, runTokitai } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tokitai = (...args: readonly string[]): Ended => runTokitai(folder, args);
const PROGRAMS = [
  "moe_forward",
  "moe_backward",
  "moe_step",
  "moe_sparse_forward",
  "moe_sparse_step",
  "moe_pack",
  "moe_packed_forward",
];
const MODEL = { inputs: 4, hidden: 8, depth: 0, experts: 2, chosen: 1, outcomes: 3, actions: 2 };
const KERNEL = `import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";
export const copy = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ x, y }, { N }) => {
    const i = block.x * 32 + thread.x;
    if (i < N) y[i] = x[i];
  },
);
`;

beforeAll(() => {
  writeFileSync(join(folder, "small.json"), JSON.stringify(MODEL));
  const built = tokitai("compile", "moe", "--config", "small.json", "-o", "out");
  expect(built.code, built.stderr).toBe(0);
});

const positive = z.number().positive();
const reportSchema = z.strictObject({
  library: z.literal("moe"),
  runtime: z.literal("the CPU"),
  programs: z.array(
    z.strictObject({
      program: z.string(),
      rows: z.int(),
      runs: z.int(),
      ms: z.strictObject({ median: positive, least: positive, most: positive }),
      gflops: positive.optional(),
      kernels: z.array(
        z.strictObject({
          kernel: z.string(),
          launches: z.int().min(1),
          us: z.number().min(0),
          share: z.number().min(0).max(1),
        }),
      ),
    }),
  ),
});

/** "Trace Event Format", Google: the JSON object format, with metadata and complete events. */
const place = { pid: z.int(), tid: z.int() };
const metadata = z.strictObject({
  ph: z.literal("M"),
  name: z.enum(["process_name", "thread_name", "thread_sort_index"]),
  ...place,
  args: z.union([z.strictObject({ name: z.string() }), z.strictObject({ sort_index: z.int() })]),
});
const complete = z.strictObject({
  ph: z.literal("X"),
  name: z.string(),
  cat: z.string().min(1),
  ts: z.number().min(0),
  dur: z.number().min(0),
  ...place,
  args: z.strictObject({ kernel: z.string() }),
});
const traceSchema = z.strictObject({
  traceEvents: z.array(z.discriminatedUnion("ph", [metadata, complete])),
  displayTimeUnit: z.enum(["ms", "ns"]),
});

const bench = (...args: readonly string[]): Ended => tokitai("bench", "out", "--config", "small.json", ...args);

describe("tokitai bench", () => {
  it("prints a line and a table of kernels for each program", () => {
    const { code, stdout, stderr } = bench("--rows", "33", "--runs", "3");
    expect(code, stderr).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toContain("3 runs of each program");
    for (const name of PROGRAMS) {
      expect(stdout).toMatch(new RegExp(`│ ${name} +│ +33 │ +[\\d.]+ │ +[\\d.]+ │ +[\\d.]+ │`));
      expect(stdout).toMatch(new RegExp(`^${name}: \\d+ launches of \\d+ kernels`, "m"));
    }
    // Where operations are counted there is a rate, and for a step there is none.
    expect(stdout).toMatch(/│ moe_forward .*│ +\d+\.\d │\n/);
    expect(stdout).toMatch(/│ moe_step .*│ +│\n/);
    expect(stdout).toMatch(/│ \d+ others +│/);
  });

  it("prints the same as JSON, with every launch counted, of the programs that are named", () => {
    const { code, stdout } = bench(
      "--format",
      "json",
      "--runs",
      "1",
      "--program",
      "moe_step",
      "--program",
      "moe_forward",
    );
    expect(code).toBe(0);
    const { programs } = reportSchema.parse(JSON.parse(stdout));
    expect(programs.map(({ program }) => program)).toEqual(["moe_forward", "moe_step"]);
    const manifest = readManifest(join(folder, "out"));
    if (!manifest.ok) throw new Error("no manifest");
    for (const { program, rows, runs, ms, kernels, gflops } of programs) {
      expect([rows, runs]).toEqual([256, 1]);
      expect([ms.least, ms.most]).toEqual([ms.median, ms.median]);
      expect(gflops === undefined).toBe(program === "moe_step");
      expect(kernels.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(kernels.map(({ us }) => us)).toEqual(kernels.map(({ us }) => us).toSorted((a, b) => b - a));
      const launches = manifest.value.programs.find(({ name }) => name === program)?.launches ?? [];
      const counts = new Map(kernels.map(({ kernel, launches: count }) => [kernel, count]));
      expect(counts).toEqual(countsOf(launches.map(({ kernel }) => kernel)));
    }
  });

  it("writes one call of each program as a trace: named tracks, every launch, in order, none negative", () => {
    const { code, stderr } = bench("--runs", "2", "--trace", "trace.json");
    expect(code).toBe(0);
    expect(stderr).toContain("ui.perfetto.dev");
    const { traceEvents } = traceSchema.parse(JSON.parse(readFileSync(join(folder, "trace.json"), "utf8")));
    const named = (wanted: string) => traceEvents.filter(({ ph, name }) => ph === "M" && name === wanted);
    expect(named("process_name").map(({ args }) => args)).toEqual([{ name: "tokitai moe" }]);
    const tracks = new Map(named("thread_name").map(({ tid, args }) => ["name" in args ? args.name : "", tid]));
    expect([...tracks.keys()]).toEqual(PROGRAMS.map((name) => `${name}, B = 256`));
    expect(new Set(tracks.values()).size).toBe(PROGRAMS.length);
    expect(new Set(traceEvents.map(({ pid }) => pid)).size).toBe(1);
    const manifest = readManifest(join(folder, "out"));
    if (!manifest.ok) throw new Error("no manifest");
    for (const { name: program, launches } of manifest.value.programs) {
      const events = traceEvents.filter((event) => event.ph === "X" && event.tid === tracks.get(`${program}, B = 256`));
      const parsed = z.array(complete).parse(events);
      const described = parsed.map(({ name, cat, args }) => ({ label: name, part: cat, kernel: args.kernel }));
      expect(described).toEqual(
        launches.map(({ label, part, kernel }) => ({ label, part: part ?? "program", kernel })),
      );
      expect(parsed[0]?.ts).toBe(0);
      for (const [i, { ts, dur }] of parsed.entries()) {
        const next = parsed[i + 1];
        // Both are multiples of a nanosecond, of which doubles of microseconds have no exact value.
        if (next !== undefined) expect(next.ts - (ts + dur)).toBeGreaterThan(-1e-6);
      }
    }
  });

  it("builds the model for this run alone where it is asked for by its name", () => {
    const args = ["bench", "moe", "--config", "small.json", "--program", "moe_forward", "--runs", "1"];
    const { code, stdout, stderr } = tokitai(...args);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("│ moe_forward ");
    expect(existsSync(join(folder, "moe"))).toBe(false);
  });
});

describe("what is refused", () => {
  it.each([
    ["another program", ["--program", "moe_sideward"], "TK554", "it has moe_forward, moe_backward, moe_step"],
    ["a trace that cannot be written", ["--runs", "1", "--trace", "absent/trace.json"], "TK588", "ENOENT"],
  ])("is %s", (_, args, code, text) => {
    const ended = bench(...args);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain(`error ${code}`);
    expect(ended.stderr).toContain(text);
  });

  it("is a library of another size", () => {
    const { code, stderr } = tokitai("bench", "out");
    expect(code).toBe(3);
    expect(stderr).toContain("error TK562");
    expect(stderr).toContain("--config");
  });

  it.each([
    ["--runs", "0"],
    ["--rows", "0"],
    ["--rows", "many"],
    ["--seed", "-1"],
  ])("is %s %s", (option, value) => {
    expect(bench(option, value)).toMatchObject({ code: 1, stderr: expect.stringContaining("TK001") });
  });

  it("is a folder that is none of tokitai's, holds no library for the CPU, or kernels alone", () => {
    expect(tokitai("bench", ".")).toMatchObject({ code: 3, stderr: expect.stringContaining("TK501") });
    writeFileSync(join(folder, "copy.ts"), KERNEL);
    expect(tokitai("compile", "copy.ts", "--emit", "header,manifest", "-o", "header").code).toBe(0);
    const without = tokitai("bench", "header");
    expect(without.code).toBe(3);
    expect(without.stderr).toContain("error TK551: header holds no library for the CPU");
    expect(without.stderr).toContain("--target cpu");
    expect(tokitai("compile", "copy.ts", "-o", "kernels").code).toBe(0);
    expect(tokitai("bench", "kernels")).toMatchObject({ code: 3, stderr: expect.stringContaining("TK554") });
  });

  it("is a program with an input that cannot be made up, by its name", () => {
    const model = `import type { ModelBuilder } from "tokitai/model";
export const name = "odd";
export function build(t: ModelBuilder): void {
  t.output("y", t.gelu("gelu", t.input("temperature", ["B", 4]), "erf"));
}
`;
    writeFileSync(join(folder, "odd.ts"), model);
    const built = tokitai("compile", "odd.ts", "-o", "odd");
    expect(built.code, built.stderr).toBe(0);
    const { code, stderr } = tokitai("bench", "odd");
    expect(code).toBe(3);
    expect(stderr).toContain("error TK555: odd has the tensor (input) temperature, which cannot be made up");
  });
});

function countsOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
