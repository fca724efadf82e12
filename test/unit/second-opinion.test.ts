import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allObligations } from "../../src/compiler/prove.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import { NATIVE_SOLVERS, NativeSolver, nativeVersion } from "../../src/verify/native-solver.ts";
import type { ObligationResult, Verdict } from "../../src/verify/obligation.ts";
import { secondOpinion } from "../../src/verify/second-opinion.ts";
import { proveKernels } from "../conformance/library.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-second-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a solver finds no answer to in the time that it has. */
const NO_ANSWER: Readonly<Record<(typeof NATIVE_SOLVERS)[number], RegExp>> = {
  // That an access by vectors is reached: a model of indices and sizes, which z3 4.8.12 seldom finds and cvc5 does.
  z3: /_(?:avx512|avx2)\/contract\/reachable\./,
  cvc5: /^expert_offsets\/contract\/ensures#2$/,
};

/** Of so many obligations, one is in the sample. */
const STEP = 60;

const SAT = "(declare-const x Int)\n(assert (> x 3))\n";
const UNSAT = "(declare-const x Int)\n(assert (< x x))\n";

function obligation(id: string, query: string, verdict: Verdict, expects: "sat" | "unsat" = "unsat"): ObligationResult {
  const texts = { statement: "", failure: "", code: "TK301" };
  return {
    id,
    query,
    verdict,
    expects,
    kind: "bounds",
    kernel: "k",
    span: NO_SPAN,
    ...texts,
    solverMs: 0,
    queryHash: "",
  };
}

/** A program that talks as a solver would: `answer` is what it does for the query whose marker is in `marker`. */
function fakeSolver(name: string, answer: string): string {
  const path = join(folder, name);
  const program = `#!/usr/bin/env node
if (process.argv.includes("--version")) { console.log("fake version 1.2.3"); process.exit(0); }
const print = (...lines) => process.stdout.write(lines.map((line) => line + "\\n").join(""));
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const marker = /\\(echo "(.*)"\\)/.exec(line)?.[1];
  if (marker !== undefined) { ${answer} }
});`;
  writeFileSync(path, program);
  chmodSync(path, 0o755);
  return path;
}

describe("a native solver that misbehaves", () => {
  const misbehaviours: Readonly<Record<string, string>> = {
    garbage: 'print("perhaps", marker);',
    "an error and an answer": 'print("(error \\"line 1: unknown constant\\")", "unsat", marker);',
    "two answers": 'print("unsat", "unsat", marker);',
    "no answer": "print(marker);",
    crash: "process.exit(139);",
    hang: "",
    "a complaint": 'process.stderr.write("out of memory"); setTimeout(() => print("unsat", marker), 300);',
    "another query's marker": 'print("unsat", "answered 999");',
  };
  it.each(Object.entries(misbehaviours))("is unknown: %s", async (name, answer) => {
    const solver = new NativeSolver("z3", fakeSolver(name.replaceAll(/\W/g, "-"), answer));
    expect(await solver.ask(UNSAT, 700)).toBe("unknown");
    // The next query has a process of its own, which gets as far.
    expect(await solver.ask(UNSAT, 700)).toBe("unknown");
    solver.close();
  });

  it("does not take a late answer for the next query's", async () => {
    const late = 'setTimeout(() => print("unsat", marker), 700);';
    const solver = new NativeSolver("z3", fakeSolver("late", late));
    expect(await solver.ask(UNSAT, 300)).toBe("unknown");
    const next = solver.ask(SAT, 300);
    expect(await next).toBe("unknown");
    solver.close();
  });

  it("is a disagreement when it says sat where the proof says unsat, and the other way round", async () => {
    const obligations = [
      obligation("k/bounds/x#1", UNSAT, "proved"),
      obligation("k/bounds/x#2", UNSAT, "proved"),
      obligation("k/bounds/x#3", SAT, "refuted"),
      obligation("k/contract/reachable#1", SAT, "proved", "sat"),
      obligation("k/contract/reachable#2", UNSAT, "refuted", "sat"),
      obligation("k/equivalence/y#1", "", "proved"),
      obligation("k/bounds/y#1", `${SAT};`, "unknown"),
    ];
    const ask = (answer: string): ReturnType<typeof secondOpinion> => {
      const programs = { z3: fakeSolver(`says-${answer}`, `print("${answer}", marker);`) };
      return secondOpinion(obligations, { solvers: ["z3"], timeoutMs: 5_000, programs });
    };
    const notAsked = ["k/equivalence/y#1", "k/bounds/y#1"];
    expect(await ask("sat")).toEqual({
      solvers: [
        {
          name: "z3",
          version: "1.2.3",
          agreed: 2,
          unknown: [],
          disagreed: ["k/bounds/x#1", "k/bounds/x#2", "k/contract/reachable#2"].map((id) => ({
            id,
            ours: "unsat",
            theirs: "sat",
          })),
        },
      ],
      missing: [],
      notAsked,
    });
    expect((await ask("unsat")).solvers[0]).toMatchObject({
      agreed: 3,
      disagreed: ["k/bounds/x#3", "k/contract/reachable#1"].map((id) => ({ id, ours: "sat", theirs: "unsat" })),
    });
    const silent = await ask("unknown");
    expect(silent.solvers[0]).toMatchObject({ agreed: 0, disagreed: [] });
    expect(silent.solvers[0]?.unknown).toHaveLength(5);
  });

  it("is missing when there is no such program", async () => {
    const programs = { cvc5: join(folder, "nowhere") };
    const opinion = await secondOpinion([obligation("k/bounds/x#1", UNSAT, "proved")], { solvers: ["cvc5"], programs });
    expect(opinion).toEqual({ solvers: [], missing: ["cvc5"], notAsked: [] });
  });
});

for (const name of NATIVE_SOLVERS) {
  const installed = nativeVersion(name) !== undefined;
  if (!installed) process.stderr.write(`skipped: ${name} is not installed (apt-get install ${name})\n`);
  describe.skipIf(!installed && process.env["CI"] === undefined)(`${name}, as installed`, () => {
    const obligations: ObligationResult[] = [];
    beforeAll(async () => {
      const inputs = process.env["CI"] === undefined ? ["kernels/linear.ts", "kernels/softmax.ts"] : ["kernels"];
      const all = allObligations((await proveKernels(inputs)).proof);
      // `tokitai verify --solver` asks all of them, in minutes.
      obligations.push(...all.filter((_, position) => position % STEP === 0));
      expect(all.filter(({ verdict }) => verdict === "proved").length).toBeGreaterThan(50);
    }, 900_000);

    it("agrees with every verdict of a sample", async () => {
      const calls: string[] = [];
      const onProgress = (done: number, total: number): void => void calls.push(`${done} of ${total}`);
      const { solvers, notAsked } = await secondOpinion(obligations, { solvers: [name], onProgress });
      expect(solvers).toMatchObject([{ name, disagreed: [] }]);
      const unknown = solvers[0]?.unknown ?? [];
      expect(unknown.filter((id) => !NO_ANSWER[name].test(id))).toEqual([]);
      expect((solvers[0]?.agreed ?? 0) + unknown.length + notAsked.length).toBe(obligations.length);
      expect(calls.at(-1)).toBe(`${calls.length} of ${calls.length}`);
    }, 900_000);

    it("contradicts a verdict that is wrong", async () => {
      const wrong = obligations.filter(({ query, verdict }) => query !== "" && verdict === "proved").slice(0, 8);
      const refuted = wrong.map((result): ObligationResult => ({ ...result, verdict: "refuted" }));
      const { solvers } = await secondOpinion(refuted, { solvers: [name] });
      expect(solvers[0]?.disagreed.map(({ id }) => id).sort()).toEqual(wrong.map(({ id }) => id).sort());
    }, 900_000);

    it("gives no answer to what it cannot read, and goes on", async () => {
      const solver = new NativeSolver(name);
      expect(await solver.ask("(declare-const x Int)(assert (< x y))", 5_000)).toBe("unknown");
      expect(await solver.ask("(assert (< x", 500)).toBe("unknown");
      expect(await solver.ask(UNSAT, 5_000)).toBe("unsat");
      expect(await solver.ask(SAT, 5_000)).toBe("sat");
      solver.close();
    });
  });
}
