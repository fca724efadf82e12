import { mkdtempSync, writeFileSync } from "node:fs";
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

  it("says unknown when the solver cannot start, fails its canary or hangs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tokitai-solver-"));
    const write = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    const dies = write("dies.mjs", "process.exit(3);");
    const hangs = write(
      "hangs.mjs",
      'process.on("message", () => {}); process.send({ kind: "ready", version: "none" });',
    );
    const wrongCanary = write("canary.mjs", 'process.send({ kind: "failed", reason: "the canary failed" });');
    for (const program of [dies, wrongCanary, hangs]) {
      const broken = new SolverPool({ processes: 1, program, limits: { steps: 1, timeoutMs: 300 } });
      expect((await broken.solve("(assert false)")).result).toBe("unknown");
      broken.close();
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
