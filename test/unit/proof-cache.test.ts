import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SolverPool } from "../../src/verify/pool.ts";
import { openProofCache, proofKey } from "../../src/verify/proof-cache.ts";
import { openSession } from "../../src/verify/session.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tokitai-proofs-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const FILE = "answers";
const A = proofKey("test", "a");
const B = proofKey("test", "b");
const C = proofKey("test", "c");

function fill(entries: Readonly<Record<string, string>>): void {
  const cache = openProofCache(folder);
  for (const [key, value] of Object.entries(entries)) cache.put(key, value);
  expect(cache.save()).toBeUndefined();
}

function alter(change: (text: string) => string): void {
  const path = join(folder, FILE);
  const before = readFileSync(path, "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
}

describe("the proof cache's file", () => {
  it("gives back what an earlier run has put, and nothing else", () => {
    fill({ [A]: "unsat", [B]: "sat with ü and spaces" });
    const cache = openProofCache(folder);
    expect(cache.size).toBe(2);
    expect([A, B, C].map(cache.get)).toEqual(["unsat", "sat with ü and spaces", undefined]);
  });

  it("gives different keys to different lists of parts", () => {
    const keys = [["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], ['a","b']].map((parts) => proofKey(...parts));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("believes no entry of which any byte has changed", () => {
    fill({ [A]: "unsat" });
    const path = join(folder, FILE);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(whole.readUInt8(at) ^ 1, at);
      writeFileSync(path, bytes);
      expect(openProofCache(folder).get(A), `byte ${at}`).toBeUndefined();
    }
  });

  it("believes no truncation, and keeps the entries before it", () => {
    fill({ [A]: "unsat", [B]: "unsat" });
    const path = join(folder, FILE);
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      const cache = openProofCache(folder);
      expect(cache.get(B), `${length} bytes`).toBeUndefined();
      expect(["unsat", undefined]).toContain(cache.get(A));
    }
    expect(openProofCache(folder).get(A)).toBe("unsat");
  });

  it("believes no answer that was edited, nor one that was moved under another key", () => {
    fill({ [A]: "sat", [B]: "unsat" });
    alter((text) => text.replace(" sat", " unsat"));
    expect(openProofCache(folder).get(A)).toBeUndefined();
    fill({ [A]: "sat", [B]: "unsat" });
    alter((text) => text.replace(A, "*").replace(B, A).replace("*", B));
    const keysSwapped = openProofCache(folder);
    expect([keysSwapped.get(A), keysSwapped.get(B)]).toEqual([undefined, undefined]);
    fill({ [A]: "sat", [B]: "unsat" });
    alter((text) => text.replace(" sat", " *").replace(" unsat", " sat").replace(" *", " unsat"));
    const valuesSwapped = openProofCache(folder);
    expect([valuesSwapped.get(A), valuesSwapped.get(B)]).toEqual([undefined, undefined]);
  });

  it("ignores a file of another format, an empty one and a binary one, and rewrites them", () => {
    for (const content of ["", "\n", "tokitai proofs 0\n", Buffer.from([0, 255, 10, 128, 10])]) {
      writeFileSync(join(folder, FILE), content);
      expect(openProofCache(folder).get(A)).toBeUndefined();
      fill({ [A]: "unsat" });
      expect(openProofCache(folder).get(A)).toBe("unsat");
    }
  });

  it("rewrites an entry that it did not believe", () => {
    fill({ [A]: "sat", [B]: "unsat" });
    alter((text) => text.replace(" sat", " unsat"));
    const cache = openProofCache(folder);
    expect(cache.get(A)).toBeUndefined();
    cache.save();
    expect(readFileSync(join(folder, FILE), "utf8")).not.toContain(A);
    fill({ [A]: "sat" });
    expect([A, B].map(openProofCache(folder).get)).toEqual(["sat", "unsat"]);
  });

  it("works without a folder that it can write or a file that it can read, and says so once", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const below = openProofCache(join(file, "proofs"));
    below.put(A, "unsat");
    expect(below.get(A)).toBe("unsat");
    expect(below.save()).toMatch(/the proof cache .* cannot be read \(ENOTDIR\)/);

    mkdirSync(join(folder, FILE, "inside"), { recursive: true });
    const directory = openProofCache(folder);
    expect(directory.size).toBe(0);
    directory.put(A, "unsat");
    expect(directory.save()).toMatch(/cannot be read \(EISDIR\)/);
    expect(readdirSync(join(folder, FILE))).toEqual(["inside"]);
  });

  it("keeps what two runs save, in either order", () => {
    const [first, second] = [openProofCache(folder), openProofCache(folder)];
    first.put(A, "1");
    second.put(B, "2");
    first.save();
    second.save();
    expect([A, B].map(openProofCache(folder).get)).toEqual(["1", "2"]);
  });

  it("writes nothing when nothing was added, and leaves no other file", () => {
    fill({ [A]: "unsat" });
    const path = join(folder, FILE);
    const before = readFileSync(path, "utf8");
    rmSync(path);
    const cache = openProofCache(folder);
    expect(cache.save()).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(path, before);
    writeFileSync(join(folder, `${FILE}.99999999`), "left by a killed run");
    fill({ [B]: "unsat" });
    expect(readdirSync(folder)).toEqual([FILE]);
  });

  it("drops what was used longest ago when it grows too large", () => {
    const large = "x".repeat(3 * 1024 * 1024);
    fill({ [A]: large, [B]: large });
    const cache = openProofCache(folder);
    expect(cache.get(A)).toBe(large);
    cache.put(C, large);
    cache.save();
    expect([A, B, C].map((key) => openProofCache(folder).get(key) !== undefined)).toEqual([true, false, true]);
  });
});

describe("a session with a proof cache", () => {
  const SAT = "(declare-const x Int)(assert (> x 3))";
  const UNSAT = "(declare-const x Int)(assert (< x x))";
  const UNREADABLE = "(assert (< x";

  it("asks a solver only for what no earlier session has an answer to, and starts none without need", async () => {
    const cold = new SolverPool({ processes: 1 });
    const cache = openProofCache(folder);
    const session = openSession(cold, cache);
    const answers = await Promise.all([SAT, UNSAT, UNREADABLE].map((text) => session.solve(text)));
    cache.save();
    const version = session.solverVersion();
    cold.close();
    expect(answers.map(({ result }) => result)).toEqual(["sat", "unsat", "unknown"]);

    const warm = new SolverPool({ processes: 1, program: join(folder, "no-such-program.mjs") });
    const again = openSession(warm, openProofCache(folder));
    expect(await again.solve(SAT)).toEqual({ result: "sat", model: answers[0]?.model, milliseconds: 0 });
    expect(await again.solve(UNSAT)).toEqual({ result: "unsat", milliseconds: 0 });
    expect(warm.processIds).toEqual([]);
    expect(again.solverVersion()).toBe(version);
    // `unknown` was not kept: it is asked again, of a solver that cannot start.
    expect(await again.solve(UNREADABLE)).toMatchObject({ result: "unknown", reason: /solver process/ });
    warm.close();
  });

  it("keeps that few steps were too few, for a question with as few steps alone", async () => {
    const HARD = "(declare-const a Int)(declare-const b Int)(assert (= (* a a a) (+ (* b b b) 7919)))";
    const pool = new SolverPool({ processes: 1 });
    const cache = openProofCache(folder);
    const asked = openSession(pool, cache);
    const first = await asked.solve(HARD, { steps: 20_000 });
    expect(first).toMatchObject({ result: "unknown", reason: /^Z3 gave up: / });
    pool.close();

    const none = new SolverPool({ processes: 1, program: join(folder, "no-such-program.mjs") });
    const again = openSession(none, cache);
    expect(await again.solve(HARD, { steps: 20_000 })).toEqual({ ...first, milliseconds: 0 });
    expect(none.processIds).toEqual([]);
    expect(await again.solve(HARD, { steps: 20_001 })).toMatchObject({ reason: /solver process/ });
    none.close();

    // As many steps as any question may take are asked again.
    const limits = { steps: 20_000, timeoutMs: 10_000 };
    const most = new SolverPool({ processes: 1, limits, program: join(folder, "no-such-program.mjs") });
    expect(await openSession(most, cache).solve(HARD)).toMatchObject({ reason: /solver process/ });
    most.close();
  });

  it("believes no value that is no answer, whoever put it there", async () => {
    const cache = openProofCache(folder);
    const honest = { ...cache, get: (): string => JSON.stringify({ solver: "Z3", result: "unsat" }) };
    const pool = (): SolverPool => new SolverPool({ processes: 1, program: join(folder, "no-such-program.mjs") });
    const [first, ...rest] = [pool(), pool(), pool(), pool(), pool()];
    expect((await openSession(first, honest).solve(UNSAT)).result).toBe("unsat");
    const values = ["unsat", '{"result":"unsat"}', '{"solver":"Z3","result":"sat"}', '{"solver":"Z3","result":"yes"}'];
    for (const [at, value] of values.entries()) {
      const own = rest[at];
      if (own === undefined) throw new Error("one pool for each value");
      expect((await openSession(own, { ...cache, get: () => value }).solve(UNSAT)).result, value).toBe("unknown");
      own.close();
    }
    first.close();
  });
});
