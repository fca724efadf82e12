/** Judgements: a mutant is refuted with a witness, or certified by the verifier; lists of survivors; reports. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { add, ceilDiv, dim, float, floatOp, int, mul } from "../../src/ir/kernel/build.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import {
  block,
  constant,
  i,
  kernelOf,
  lt,
  read,
  rowMean,
  store,
  tensor,
  thread,
  when,
} from "../unit/kernel-ir-samples.ts";
import { type Judgement, judge, type MutantVerdict } from "./judge.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { renameSymbols } from "./renaming-session.ts";
import { isClean, reportJson, reportOf, reportText } from "./report.ts";
import { sampleOf } from "./run.ts";
import { names, type Reviewed, readReviewed } from "./survivors.ts";

const N = dim("N");
const M = dim("M");

/** y[m,n] = x[m,n] + 1 */
function plusOne(body: (inside: Stmt) => Stmt): Kernel {
  const value = floatOp("add", read("x", block(1), i("n")), float(1));
  return kernelOf({
    name: "plus_one",
    params: [tensor("x", "input", [M, N]), tensor("y", "output", [M, N])],
    dims: ["M", "N"],
    grid: [ceilDiv(N, int(32)), M, int(1)],
    block: [32n, 1n, 1n],
    body: [constant("n", add(mul(block(), int(32)), thread())), body(store("y", [block(1), i("n")], value))],
  });
}
const guarded = plusOne((inside) => when(lt(i("n"), N), [inside]));
const asMutant = (kernel: Kernel, more: Partial<Mutant> = {}): Mutant => ({
  id: `${kernel.name}/test#1`,
  operator: "test",
  description: "",
  span: kernel.span,
  kernel,
  ...more,
});

const pool = new SolverPool({ processes: 1 });
const session = openSession(pool);
afterAll(() => pool.close());

describe("the verifier", () => {
  it("certifies what is right, and refutes what is wrong with what the interpreter did", async () => {
    expect(await judge(asMutant(guarded), session)).toMatchObject({ verdict: "certified" });
    const judgement = await judge(asMutant(plusOne((inside) => inside)), session);
    expect(judgement).toMatchObject({ verdict: "refuted", by: { id: "plus_one/bounds/x#1", kind: "bounds" } });
    expect(judgement.witness?.replayed).toMatch(/^the interpreter reads x\[0\]\[\d+\] out of bounds/);
  });

  it("refutes a 32-bit instance that is launched for tensors too large for it", async () => {
    const elements = await judge(asMutant(guarded, { weakened: "elements" }), session);
    expect(elements).toMatchObject({ verdict: "refuted", by: { kind: "overflow" } });
    expect(elements.witness?.replayed).toMatch(/does not fit 32 bits$/);
    expect(await judge(asMutant(guarded, { weakened: "all" }), session)).toMatchObject({ verdict: "refuted" });
  });

  it("refutes a tree that loses its barrier, or whose last thread does not reach it", async () => {
    const barriers = (threads: bigint): readonly Mutant[] =>
      mutantsOf(rowMean(threads)).filter(({ operator }) => operator.startsWith("barrier-"));
    expect(barriers(128n)).toHaveLength(6);
    for (const mutant of barriers(128n)) {
      const { verdict, by } = await judge(mutant, session);
      const kind = mutant.operator === "barrier-branched" ? "divergence" : "race";
      expect([mutant.id, verdict, by?.kind]).toEqual([mutant.id, "refuted", kind]);
    }
    // Of 64 threads only those of one wave take part in the tree, so that a barrier of the wave is enough there.
    const narrowed = barriers(64n).filter(({ operator }) => operator === "barrier-narrowed");
    const verdicts = await Promise.all(narrowed.map(async (mutant) => (await judge(mutant, session)).verdict));
    expect(verdicts).toEqual(["refuted", "certified"]);
  });
});

describe("the symbols of a query", () => {
  it("are numbered by their first declaration, and nothing else is changed", () => {
    const query = (a: string, b: string): string =>
      `(declare-const ${a} Int)(declare-fun ${b} (Int) Int)(assert (and (<= 0 ${a}) (= (${b} ${a}) (- 7))))`;
    const renamed = "(declare-const s0 Int)(declare-fun s1 (Int) Int)(assert (and (<= 0 s0) (= (s1 s0) (- 7))))";
    expect(renameSymbols(query("dim.N", "input.x"))).toBe(renamed);
    expect(renameSymbols(query("read.x.12", "|a b|"))).toBe(renamed);
    // A symbol that has another's new name is no other than it was.
    expect(renameSymbols(query("s1", "s0"))).toBe(renamed);
    expect(renameSymbols(query("a", "b").replace("7", "8"))).not.toBe(renamed);
  });
});

describe("a list of reviewed survivors", () => {
  const entry = (mutant: string, verdict: Reviewed["verdict"] = "certified"): Reviewed => ({
    list: "k.mutants.json",
    mutant,
    verdict,
    reason: "because it is the same",
  });

  it("names mutants by id, with * for any characters", () => {
    expect(names(entry("k/bound-high#1"), "k/bound-high#1")).toBe(true);
    expect(names(entry("k/bound-high#1"), "k/bound-high#12")).toBe(false);
    expect(names(entry("k/bound-*#1"), "k/bound-low#1")).toBe(true);
    expect(names(entry("k/*"), "kk/bound-low#1")).toBe(false);
    expect(names(entry("k.bound#1"), "k/bound#1")).toBe(false);
  });

  it("is read from beside the kernel, and needs a reason", () => {
    const folder = mkdtempSync(join(tmpdir(), "tokitai-mutants-"));
    const list = join(folder, "k.mutants.json");
    try {
      expect(readReviewed(join(folder, "k.ts"))).toEqual([]);
      writeFileSync(list, JSON.stringify([{ mutant: "k/*", reason: "the sum is the same in each order" }]));
      expect(readReviewed(join(folder, "k.ts"))).toEqual([
        { list, mutant: "k/*", verdict: "certified", reason: "the sum is the same in each order" },
      ]);
      writeFileSync(list, JSON.stringify([{ mutant: "k/*", reason: "ok" }]));
      expect(() => readReviewed(join(folder, "k.ts"))).toThrow("reason");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const judged = (verdict: MutantVerdict, id: string): Judgement => ({
    mutant: { ...asMutant(guarded), id: `plus_one/${id}`, operator: id.replace(/#.*/, "") },
    verdict,
    ...(verdict === "refuted" && { by: { id: "plus_one/bounds/x#1", kind: "bounds" as const } }),
  });
  const all = [judged("refuted", "comparison#1"), judged("certified", "comparison#2"), judged("unknown", "min-max#1")];

  it("excuses what it names, and nothing else", () => {
    const report = reportOf(all, [], true);
    expect(report.survivors.map(({ mutant }) => mutant.id)).toEqual(["plus_one/comparison#2"]);
    expect(isClean(report)).toBe(false);
    expect(report.undecided.map(({ mutant }) => mutant.id)).toEqual(["plus_one/min-max#1"]);
    expect(isClean(reportOf(all.slice(0, 2), [entry("plus_one/comparison#2")], true))).toBe(true);
    expect(isClean(reportOf(all, [entry("plus_one/comparison#2")], true))).toBe(false);
    const excused = reportOf(all, [entry("plus_one/comparison#*"), entry("plus_one/min-max#1", "unknown")], true);
    expect(isClean(excused)).toBe(true);
    expect(reportText(excused)).toContain(
      "3 mutants: 1 refuted with a replayed witness, 1 unknown (1 reviewed), 1 equivalent by review, 0 survivors",
    );
    expect(JSON.parse(reportJson(excused))).toMatchObject({
      format: 1,
      survivors: [],
      undecided: [],
      mutants: [{}, { reviewed: "because it is the same" }, { reviewed: "because it is the same" }],
    });
  });

  it("has no entry that names no survivor, as far as all mutants were judged", () => {
    const stale = reportOf(all, [entry("plus_one/comparison#*"), entry("plus_one/min-max#1")], true);
    expect(stale.stale.map(({ mutant }) => mutant)).toEqual(["plus_one/min-max#1"]);
    expect(isClean(stale)).toBe(false);
    expect(reportText(stale)).toContain("k.mutants.json: the entry plus_one/min-max#1 names no certified mutant");
    expect(reportOf(all.slice(0, 1), [entry("plus_one/comparison#2")], false).stale).toEqual([]);
  });
});

describe("a sample", () => {
  it("is spread over the operators, and the same on each run", () => {
    const mutants = [guarded, rowMean(64n)].flatMap(mutantsOf);
    const sample = sampleOf(mutants, 20);
    expect(new Set(sample).size).toBe(20);
    const operators = new Set(mutants.map(({ operator }) => operator));
    expect(new Set(sample.map(({ operator }) => operator)).size).toBe(Math.min(20, operators.size));
    expect(sampleOf([guarded, rowMean(64n)].flatMap(mutantsOf), 20).map(({ id }) => id)).toEqual(
      sample.map(({ id }) => id),
    );
    expect(sampleOf(mutants, 10_000)).toHaveLength(mutants.length);
  });
});
