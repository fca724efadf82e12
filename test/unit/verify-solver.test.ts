import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseModel } from "../../src/verify/model.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { productLemmas } from "../../src/verify/query.ts";
import { not, printTerm } from "../../src/verify/term.ts";

const pool = new SolverPool({ processes: 2 });
afterAll(() => pool.close());

describe("solver pool", () => {
  it("answers satisfiable queries with a model and contradictions with unsat", async () => {
    const sat = await pool.solve("(declare-const x Int)(assert (= (+ x 3) 1))");
    expect(sat.result).toBe("sat");
    expect(parseModel(sat.model ?? "")?.values.get("x")).toBe(-2n);
    const unsat = await pool.solve("(declare-const x Int)(assert (< x 0))(assert (> x 0))");
    expect(unsat.result).toBe("unsat");
  });

  it("says unknown to text that it cannot parse, and goes on", async () => {
    expect(await pool.solve("(assert (< x")).toMatchObject({
      result: "unknown",
      reason: expect.stringContaining("Z3 error"),
    });
    expect((await pool.solve("(declare-const x Int)(assert (< x y))")).result).toBe("unknown");
    expect((await pool.solve("(declare-const x Int)(assert (< x x))")).result).toBe("unsat");
  });

  it("says unknown to a query that asserts nothing", async () => {
    expect(await pool.solve("(declare-const x Int)")).toMatchObject({
      result: "unknown",
      reason: "the query asserts nothing",
    });
    expect((await pool.solve("")).result).toBe("unknown");
  });

  it("answers many queries at once, each as if it were alone", async () => {
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, i) =>
        pool.solve(`(declare-const x Int)(assert (< x ${i}))${i % 2 === 0 ? "" : `(assert (>= x ${i}))`}`),
      ),
    );
    expect(answers.map(({ result }) => result)).toEqual(answers.map((_, i) => (i % 2 === 0 ? "sat" : "unsat")));
  });

  it("starts no more processes than the machine can bear", () => {
    const greedy = new SolverPool({ processes: 1_000 });
    greedy.warm();
    expect(greedy.processIds.length).toBeLessThanOrEqual(4 * availableParallelism());
    greedy.close();
  });

  it("says unknown when the process is killed, and recovers", async () => {
    const own = new SolverPool({ processes: 1 });
    const cubes = "(assert (= (+ (* x x x) (* y y y)) (* z z z)))(assert (and (> x 0) (> y 0) (> z 0)))";
    const hard = own.solve(`(declare-const x Int)(declare-const y Int)(declare-const z Int)${cubes}`);
    setTimeout(() => {
      for (const id of own.processIds) process.kill(id, "SIGKILL");
    }, 2_000);
    expect(await hard).toMatchObject({ result: "unknown", reason: "the solver process ended (SIGKILL)" });
    expect((await own.solve("(declare-const x Int)(assert (> x 3))")).result).toBe("sat");
    own.close();
  });

  it("says unknown when the solver cannot start or its process fails", async () => {
    for (const program of [
      fakeProgram("dies", "process.exit(3);"),
      fakeProgram("fails", 'process.send({ kind: "failed", reason: "no memory" });'),
      join(folder, "nowhere.mjs"),
    ]) {
      const broken = new SolverPool({ processes: 1, program });
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => broken.solve(`(assert (< 0 ${i}))`)));
      expect(answers.map(({ result }) => result)).toEqual(answers.map(() => "unknown"));
      expect(answers.at(-1)?.reason).toMatch(/solver process|no memory/);
      broken.close();
    }
  });
});

const folder = mkdtempSync(join(tmpdir(), "tokitai-solver-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fakeProgram(name: string, text: string): string {
  const path = join(folder, `${name.replaceAll(/\W/g, "-")}.mjs`);
  writeFileSync(path, text);
  return path;
}

/**
 * A solver process that passes its canaries and then does what `answer` says, a statement about `id`, `text`, `count` (of
 * queries) and `honest` (the right answer to the queries of these tests, of which those with a contradiction say so).
 */
function fakeSolver(name: string, answer: string): SolverPool {
  const program = fakeProgram(
    name,
    `
const say = (id, answer) => process.send({ kind: "answer", id, answer: { milliseconds: 1, ...answer } });
let count = 0;
process.on("message", (requests) => {
  for (const { id, text } of requests) {
    const unsat = text.includes("(assert (< y x))") || text.includes("contradiction");
    const honest = unsat ? { result: "unsat" } : { result: "sat", model: "x -> 1" };
    if (text.startsWith("(declare-const x Int)(declare-const y Int)(assert (< x y))")) { say(id, honest); continue; }
    count++;
    ${answer}
  }
});
process.send({ kind: "ready", version: "fake 1" });`,
  );
  return new SolverPool({ processes: 1, program, limits: { steps: 1, timeoutMs: 600 } });
}

const SATISFIABLE = "; x = 1\n";
const CONTRADICTION = "; contradiction\n";

describe("a solver process that misbehaves", () => {
  it("is believed when it is honest, so that the tests below fail for their own reasons", async () => {
    const own = fakeSolver("honest", "say(id, honest);");
    const answers = await Promise.all([SATISFIABLE, CONTRADICTION].map((text) => own.solve(text)));
    expect(answers.map(({ result }) => result)).toEqual(["sat", "unsat"]);
    expect(own.version).toBe("fake 1");
    own.close();
  });

  it("stops the run when it says unsat to everything, or sat to everything", async () => {
    for (const answer of ['{ result: "unsat" }', '{ result: "sat", model: "" }']) {
      const program = fakeProgram(
        `liar ${answer}`,
        `process.on("message", (requests) => {
          for (const { id } of requests) {
            process.send({ kind: "answer", id, answer: { milliseconds: 1, ...${answer} } });
          }
        });
        process.send({ kind: "ready", version: "liar" });`,
      );
      const lying = new SolverPool({ processes: 1, program });
      const asked = [lying.solve(SATISFIABLE), lying.solve(CONTRADICTION)];
      for (const result of await Promise.allSettled(asked)) {
        expect(result).toMatchObject({ status: "rejected", reason: { name: "InternalError" } });
      }
      await expect(lying.solve(CONTRADICTION)).rejects.toThrow("the solver's canary failed");
      lying.close();
    }
  });

  it("is asked canaries again and again, so that one that begins to lie is found out", async () => {
    const program = fakeProgram(
      "turncoat",
      `let count = 0;
      process.on("message", (requests) => {
        for (const { id, text } of requests) {
          const unsat = ++count > 100 || text.includes("(assert (< y x))");
          const answer = unsat ? { result: "unsat" } : { result: "sat", model: "" };
          process.send({ kind: "answer", id, answer: { milliseconds: 1, ...answer } });
        }
      });
      process.send({ kind: "ready", version: "turncoat" });`,
    );
    const own = new SolverPool({ processes: 1, program });
    const results = await Promise.allSettled(Array.from({ length: 500 }, (_, i) => own.solve(`; ${i}`)));
    expect(results.filter(({ status }) => status === "rejected").length).toBeGreaterThan(200);
    own.close();
  });

  it("is asked a last canary when a run ends", async () => {
    const program = (limit: number): string => `let count = 0;
      process.on("message", (requests) => {
        for (const { id, text } of requests) {
          const unsat = ++count > ${limit} || text.includes("(assert (< y x))");
          const answer = unsat ? { result: "unsat" } : { result: "sat", model: "" };
          process.send({ kind: "answer", id, answer: { milliseconds: 1, ...answer } });
        }
      });
      process.send({ kind: "ready", version: "late" });`;
    for (const [name, limit] of [
      ["lies late", 20],
      ["never lies", 1_000],
    ] as const) {
      const own = new SolverPool({ processes: 1, program: fakeProgram(name, program(limit)) });
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => own.solve(`; ${i}`)));
      expect(answers).toHaveLength(50);
      if (limit < 50) await expect(own.audit()).rejects.toThrow("the solver's canary failed");
      else await expect(own.audit()).resolves.toBeUndefined();
      own.close();
    }
  });

  it("does not keep a run from ending when it dies at the last canary", async () => {
    const program = fakeProgram(
      "dies at the end",
      `let asked = 0;
      process.on("message", (requests) => {
        for (const { id, text } of requests) {
          if (++asked > 3) process.exit(1);
          const answer = text.includes("(assert (< y x))") ? { result: "unsat" } : { result: "sat", model: "" };
          process.send({ kind: "answer", id, answer: { milliseconds: 1, ...answer } });
        }
      });
      process.send({ kind: "ready", version: "mortal" });`,
    );
    const own = new SolverPool({ processes: 1, program });
    expect((await own.solve("; the third, after two canaries")).result).toBe("sat");
    await expect(own.audit()).resolves.toBeUndefined();
    own.close();
  });

  const misbehaviours: Readonly<Record<string, string>> = {
    garbage: 'process.send("unsat");',
    null: "process.send(null);",
    "an answer without a result": "say(id, {});",
    "a result that is none": 'say(id, { result: "proved" });',
    "sat without a model": 'say(id, { result: "sat" });',
    "no number": 'process.send({ kind: "answer", answer: { result: "unsat", milliseconds: 1 } });',
    "the number of another query": 'say(id + 1, { result: "unsat" });',
    "the number of an earlier query": 'say(id - 1, { result: "unsat" });',
    "its own failure": 'process.send({ kind: "failed", reason: "out of memory" });',
    abort: "process.abort();",
    exit: "process.exit(0);",
    "nothing at all": "",
    "an endless loop": "for (;;);",
  };
  it.each(Object.entries(misbehaviours))("makes its query unknown: %s", async (name, answer) => {
    const own = fakeSolver(name, answer);
    const answers = await Promise.all([own.solve(CONTRADICTION), own.solve(CONTRADICTION)]);
    expect(answers.map(({ result }) => result)).toEqual(["unknown", "unknown"]);
    own.close();
  });

  it("never has a second answer to one query taken for the next one's", async () => {
    const own = fakeSolver("twice", "say(id, honest); say(id, honest);");
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, i) => own.solve(i % 2 === 0 ? `${CONTRADICTION}; ${i}` : `${SATISFIABLE}; ${i}`)),
    );
    // Longer texts are asked first, so that a shifted answer would be wrong for some of these.
    for (const [i, { result }] of answers.entries()) {
      expect([i % 2 === 0 ? "unsat" : "sat", "unknown"]).toContain(result);
    }
    own.close();
  });

  it("costs only the query that it was at, and not those that wait behind it", async () => {
    const own = fakeSolver("poison", 'if (text.includes("poison")) process.exit(1); say(id, honest);');
    const texts = Array.from({ length: 60 }, (_, i) => (i === 30 ? "; poison\n" : `${CONTRADICTION}; ${i}`));
    const answers = await Promise.all(texts.map((text) => own.solve(text)));
    expect(answers.map(({ result }) => result)).toEqual(texts.map((_, i) => (i === 30 ? "unknown" : "unsat")));
    own.close();
  });

  it("is given up after some failures in a row, so that a run ends", async () => {
    const own = fakeSolver("always", "process.exit(1);");
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => own.solve(`; ${i}`)));
    expect(new Set(answers.map(({ result }) => result))).toEqual(new Set(["unknown"]));
    expect(answers.some(({ reason }) => reason?.startsWith("no solver process answers any more"))).toBe(true);
    expect(await own.solve("; later")).toMatchObject({ result: "unknown" });
    own.close();
  });

  it("leaves a query that takes too many steps unknown, the same on every machine", async () => {
    const own = new SolverPool({ processes: 1, limits: { steps: 20_000, timeoutMs: 60_000 } });
    const cubes = "(assert (= (+ (* x x x) (* y y y)) (* z z z)))(assert (and (> x 0) (> y 0) (> z 0)))";
    expect(await own.solve(`(declare-const x Int)(declare-const y Int)(declare-const z Int)${cubes}`)).toMatchObject({
      result: "unknown",
      reason: "Z3 gave up: it took more than 20000 steps",
    });
    own.close();
  });
});

describe("a solver that cannot be made", () => {
  it("ends its process: of a tactic that Z3 does not know it would be one that answers unsat to everything", () => {
    const program = `
      const { openSolver } = await import(${JSON.stringify(new URL("../../src/verify/solver.ts", import.meta.url).href)});
      const text = "(declare-const x Int)(assert (> x 0))";
      for (const preparation of [undefined, ["nonsense"], ["simplify", "nonsense"]]) {
        const { check } = await openSolver(preparation);
        try { console.log(check(text, { steps: 100_000 }).result); } catch (cause) { console.log(cause.message); }
      }
      process.exit(0);`;
    const { stdout } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
      cwd: new URL("../..", import.meta.url),
      encoding: "utf8",
    });
    const refused = "no solver can be made: Z3 error 3: unknown tactic nonsense";
    expect(stdout.trim().split("\n")).toEqual(["sat", refused, refused]);
  });
});

describe("an answer", () => {
  it("and its model do not depend on what the process was asked before", async () => {
    const declared = ["a", "b", "c", "d"].map((name) => `(declare-const ${name} Int)`).join("");
    const asked = Array.from(
      { length: 12 },
      (_, i) => `${declared}(assert (and (<= 0 a ${i + 3}) (< a b) (distinct b c d) (> (+ c d) (* ${i + 2} a))))`,
    );
    const answers = async (texts: readonly string[]): Promise<ReadonlyMap<string, string | undefined>> => {
      const own = new SolverPool({ processes: 1 });
      const found = new Map<string, string | undefined>();
      for (const text of texts) found.set(text, (await own.solve(text)).model);
      own.close();
      return found;
    };
    const [forward, backward] = [await answers(asked), await answers([...asked].reverse())];
    for (const text of asked) {
      expect(forward.get(text), text).toBeDefined();
      expect(backward.get(text), text).toBe(forward.get(text));
    }
  });
});

describe("product lemmas", () => {
  it("each follows from the integers", async () => {
    const products = [
      { symbol: "(* a n)", left: "a", right: "n" },
      { symbol: "(* b n)", left: "b", right: "n" },
    ];
    const declarations = ["a", "b", "n"].map((name) => `(declare-const ${name} Int)`).join("");
    const lemmas = productLemmas(products);
    expect(lemmas.length).toBe(19);
    for (const lemma of lemmas) {
      const answer = await pool.solve(`${declarations}(assert ${printTerm(not(lemma))})`);
      expect(answer.result, printTerm(lemma)).toBe("unsat");
    }
  });

  it("would be false without the sign of the factor", async () => {
    const text =
      "(declare-const a Int)(declare-const b Int)(declare-const n Int)(assert (< a b))(assert (> (+ (* a n) n) (* b n)))";
    expect((await pool.solve(text)).result).toBe("sat");
  });
});

describe("models", () => {
  it("reads values, booleans and function tables", () => {
    const model = parseModel("x -> (- 7)\np -> true\nf -> {\n  1 (- 2) -> 7\n  else -> 3\n}\n");
    expect(model?.values.get("x")).toBe(-7n);
    expect(model?.values.get("p")).toBe(true);
    expect(model?.functions.get("f")).toEqual({ entries: [{ args: [1n, -2n], value: 7n }], otherwise: 3n });
  });

  it("refuses what it does not understand", () => {
    expect(parseModel("x -> #b01")).toBeUndefined();
    expect(parseModel("x 4")).toBeUndefined();
    expect(parseModel("f -> {\n 1 -> 2")).toBeUndefined();
  });
});
