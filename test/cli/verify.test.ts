/** `tokitai verify` as pipelines meet it: formats, exit codes, explanations, counterexamples as tests, other solvers. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, ROOT, runNode, runTokitai } from "./command.ts";

/** A repository of a user's: kernels in a folder of it, tokitai and vitest installed. */
const repository = mkdtempSync(join(tmpdir(), "tokitai-verify-"));
const kernels = join(repository, "gpu");
afterAll(() => rmSync(repository, { recursive: true }));

const tokitai = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Ended => runTokitai(kernels, args, env);

const HEADER = `import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";
const T = 32;
`;

function kernelFile(name: string, body: string): void {
  const text = `${HEADER}export const ${name} = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, T)], block: [T] },
  ({ x, y }, { N }) => {
    const i = block.x * T + thread.x;
    ${body}
  },
);
`;
  writeFileSync(join(kernels, `${name}.ts`), text);
}

const UNORDERED =
  "const s = shared(f32, [T]);\n    s[thread.x] = f32(1);\n    if (i < N) y[i] = s[T - 1 - thread.x] + x[i];";

beforeAll(() => {
  mkdirSync(kernels);
  mkdirSync(join(repository, ".git"));
  kernelFile("good", "if (i < N) y[i] = x[i];");
  kernelFile("broken", "if (i <= N) y[i] = f32(1);");
  kernelFile("unordered", UNORDERED);
  kernelFile("open", "if (x[0] > f32(0)) barrier(); if (i < N) y[i] = f32(1);");
  kernelFile("refused", "y[i] = f32(i / 2);");
});

interface Result {
  readonly ruleId: string;
  readonly locations: readonly Location[];
  readonly relatedLocations?: readonly Location[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}

interface Location {
  readonly physicalLocation: {
    readonly artifactLocation: { readonly uri: string; readonly uriBaseId: string };
    readonly region: Readonly<Record<"startLine" | "startColumn" | "endLine" | "endColumn", number>>;
  };
}

/** The one run of a SARIF file. */
function runOf(text: string): {
  readonly results: readonly Result[];
  readonly invocations: readonly { readonly exitCode: number }[];
} {
  return JSON.parse(text).runs[0];
}

/** The source text of a region. */
function sourceAt({ physicalLocation: { artifactLocation, region } }: Location): string {
  const line = readFileSync(join(repository, artifactLocation.uri), "utf8").split("\n")[region.startLine - 1] ?? "";
  return line.slice(region.startColumn - 1, region.endColumn - 1);
}

describe("the exit code", () => {
  const formats = ["text", "json", "sarif", "junit"] as const;
  const cases = [
    ["good", 0],
    ["broken", 10],
    ["open", 5],
    ["refused", 2],
  ] as const;

  it.each(formats)("says what happened, with --format %s", (format) => {
    for (const [name, exit] of cases) {
      const { code, stdout, stderr } = tokitai(["verify", `${name}.ts`, "--format", format]);
      expect(code, `${name}: ${stderr}`).toBe(exit);
      expect(stderr === "", name).toBe(exit === 0);
      if (format === "sarif") expect(runOf(stdout).invocations[0]?.exitCode).toBe(exit);
    }
  });

  it("is 10 where something is refuted and something else unknown or refused", () => {
    expect(tokitai(["verify", "broken.ts", "open.ts", "refused.ts", "--format", "junit"]).code).toBe(10);
    expect(tokitai(["verify", "open.ts", "refused.ts"]).code).toBe(5);
  });
});

describe("-o", () => {
  it.each(["text", "json", "sarif", "junit"])("writes what %s would print", (format) => {
    const args = ["verify", "broken.ts", "--format", format];
    expect(tokitai([...args, "-o", "report"])).toMatchObject({ code: 10, stdout: "" });
    const withoutTimes = (text: string): string => text.replace(/"solverMs": [\d.]+/g, "");
    expect(withoutTimes(readFileSync(join(kernels, "report"), "utf8"))).toBe(withoutTimes(tokitai(args).stdout));
  });

  it("is refused where nothing can be written", () => {
    const ended = tokitai(["verify", "good.ts", "-o", "absent/report"]);
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining("TK540") });
  });
});

describe("SARIF", () => {
  it("has the witness at the store, in a file named from the root of the repository", () => {
    const [result] = runOf(tokitai(["verify", "broken.ts", "--format", "sarif"]).stdout).results;
    const location = result?.locations[0];
    expect(result?.ruleId).toBe("TK301");
    expect(location?.physicalLocation.artifactLocation).toEqual({ uri: "gpu/broken.ts", uriBaseId: "SRCROOT" });
    expect(location && sourceAt(location)).toBe("y[i]");
  });

  it("has both places of a race", () => {
    const { results } = runOf(tokitai(["verify", "unordered.ts", "--format", "sarif"]).stdout);
    const race = results.find(({ ruleId }) => ruleId === "TK302");
    expect(race?.locations.map(sourceAt)).toEqual(["s[T - 1 - thread.x]"]);
    expect(race?.relatedLocations?.map(sourceAt)).toEqual(["s[thread.x]"]);
  });

  it("has what is refused as results, and is the same each time", () => {
    const args = ["verify", "refused.ts", "broken.ts", "open.ts", "--format", "sarif"];
    const { stdout } = tokitai(args);
    expect(runOf(stdout).results.map(({ ruleId }) => ruleId)).toEqual(
      expect.arrayContaining(["TK161", "TK301", "TK399"]),
    );
    expect(tokitai([...args, "--no-cache", "--jobs", "2"]).stdout).toBe(stdout);
  });

  it("keeps its fingerprints when lines are inserted above", () => {
    const prints = (): readonly string[] =>
      runOf(tokitai(["verify", "shifted.ts", "--format", "sarif"]).stdout).results.map(({ partialFingerprints }) =>
        JSON.stringify(partialFingerprints),
      );
    kernelFile("shifted", UNORDERED);
    const before = prints();
    expect(before.length).toBeGreaterThan(0);
    writeFileSync(join(kernels, "shifted.ts"), `\n\n${readFileSync(join(kernels, "shifted.ts"), "utf8")}`);
    expect(prints()).toEqual(before);
  });
});

describe("--explain", () => {
  it("shows an obligation, its origins and its query, and ends as its verdict does", () => {
    const { code, stdout, stderr } = tokitai(["verify", "broken.ts", "--explain", "broken/bounds/y#1"]);
    expect({ code, stderr }).toEqual({ code: 10, stderr: "" });
    expect(stdout).toMatch(/^ {2}branch on i <= N, broken\.ts:8:9\n {4}block\.x \* 32 \+ thread\.x <= N$/m);
    expect(stdout).toMatch(/^ {2}place in the block$/m);
    expect(stdout).toMatch(/^verdict {3}refuted \(TK301\): y\[i\]/m);
    expect(stdout).toContain("(check-sat)");
    expect(tokitai(["verify", "good.ts", "--explain", "good/bounds/y#1"]).code).toBe(0);
  });

  it("refuses an id that is not there with the nearest, and reports beside it", () => {
    const absent = tokitai(["verify", "good.ts", "--explain", "good/bound/y#1"]);
    expect(absent).toMatchObject({ code: 1, stdout: "" });
    expect(absent.stderr).toMatch(
      /TK002: no obligation has the id good\/bound\/y#1\n {2}fix {7}the nearest are good\/bounds\/y#1/,
    );
    for (const other of [
      ["--format", "json"],
      ["--playback", "p"],
      ["--emit", "smt2", "-o", "s"],
      ["--solver", "z3"],
    ]) {
      const ended = tokitai(["verify", "good.ts", "--explain", "good/bounds/y#1", ...other]);
      expect(ended, other.join(" ")).toMatchObject({ code: 1, stderr: expect.stringContaining("TK001") });
    }
  });
});

describe("--playback", () => {
  /** What a user's `npx vitest run cases` says, and how it ends. */
  const vitest = (): Ended =>
    runNode(repository, ["node_modules/vitest/vitest.mjs", "run", "cases"], { NO_COLOR: "1", FORCE_COLOR: "" });

  beforeAll(() => {
    mkdirSync(join(repository, "node_modules"));
    symlinkSync(ROOT, join(repository, "node_modules/tokitai"));
    symlinkSync(join(ROOT, "node_modules/vitest"), join(repository, "node_modules/vitest"));
  });

  it("writes cases that fail while the mistakes are there, and pass once they are fixed", () => {
    kernelFile("swap", UNORDERED);
    kernelFile("tall", "y[i] = x[i];");
    const { code, stderr } = tokitai(["verify", "swap.ts", "tall.ts", "--playback", "../cases"]);
    expect(code).toBe(10);
    const cases = readdirSync(join(repository, "cases"));
    expect(cases).toEqual(expect.arrayContaining(["tall-bounds-x-1.test.ts", "tall-bounds-y-1.test.ts"]));
    expect(stderr).toContain(`wrote ../cases: ${cases.length} counterexamples`);

    const broken = vitest();
    expect(broken.code, broken.stderr).toBe(1);
    expect(broken.stdout).toContain(`${cases.length} failed`);
    expect(broken.stderr).toMatch(
      /gpu\/tall\.ts:8:5: block \(0, 0, 0\), thread \(1, 0, 0\) writes y\[1\] out of bounds/,
    );

    kernelFile("swap", UNORDERED.replace("f32(1);", "f32(1); barrier();"));
    kernelFile("tall", "if (i < N) y[i] = x[i];");
    const fixed = vitest();
    expect(fixed.code, fixed.stdout).toBe(0);
    expect(fixed.stdout).toContain(`${cases.length} passed`);
  });

  it("writes nothing of what is proved", () => {
    expect(tokitai(["verify", "good.ts", "--playback", "none"]).code).toBe(0);
    expect(readdirSync(join(kernels, "none"))).toEqual([]);
  });
});

describe("--emit smt2", () => {
  it("writes a file per obligation, whatever its verdict", () => {
    const { code, stdout } = tokitai(["verify", "broken.ts", "--emit", "smt2", "-o", "smt"]);
    expect(code).toBe(10);
    const total = Number(/^(\d+) obligations/m.exec(stdout)?.[1]);
    expect(readdirSync(join(kernels, "smt"))).toHaveLength(total);
    const text = readFileSync(join(kernels, "smt/broken-bounds-y-1.smt2"), "utf8");
    expect(text).toMatch(/^; broken\/bounds\/y#1\n[\s\S]*\(set-logic ALL\)\n[\s\S]*\(check-sat\)\n$/);
  });

  it("needs a folder", () => {
    expect(tokitai(["verify", "good.ts", "--emit", "smt2"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("-o"),
    });
  });
});

describe("--quiet", () => {
  it("prints what is not proved, and nothing else", () => {
    expect(tokitai(["verify", "good.ts", "-q"])).toEqual({ code: 0, stdout: "", stderr: "" });
    const { code, stdout, stderr } = tokitai(["verify", "broken.ts", "--quiet"]);
    expect({ code, stdout }).toEqual({ code: 10, stdout: "" });
    expect(stderr).toMatch(/^error TK301/);
  });
});

describe("the cache", () => {
  it("is in the folder of --cache-dir, and nowhere with --no-cache", () => {
    expect(tokitai(["verify", "good.ts", "--cache-dir", "answers"]).code).toBe(0);
    expect(existsSync(join(kernels, "answers/proofs/answers"))).toBe(true);
    expect(tokitai(["verify", "good.ts", "--no-cache"], { TOKITAI_CACHE: join(kernels, "unused") }).code).toBe(0);
    expect(existsSync(join(kernels, "unused"))).toBe(false);
    expect(tokitai(["verify", "good.ts", "--no-cache", "--cache-dir", "answers"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("TK001"),
    });
  });

  it("has the kernels that were read, which count neither with --no-cache nor for a second opinion", () => {
    const env = { TOKITAI_CACHE: join(kernels, "read"), TOKITAI_DEBUG: "1", PATH: "" };
    const readFromCache = (...options: string[]): boolean => {
      const { stderr } = tokitai(["verify", "good.ts", ...options], env);
      expect(stderr).toMatch(/read 1 kernels in \d+ ms/);
      return stderr.includes("from the cache");
    };
    expect([readFromCache(), readFromCache()]).toEqual([false, true]);
    expect(readFromCache("--no-cache")).toBe(false);
    expect(readFromCache("--solver", "z3")).toBe(false);
    expect(readFromCache()).toBe(true);
  });

  it("changes nothing of what is said", () => {
    for (const files of [
      ["good.ts", "broken.ts", "open.ts"],
      ["good.ts", "refused.ts"],
    ]) {
      const args = ["verify", ...files, "--cache-dir", "said"];
      const first = tokitai(args);
      expect(tokitai(args)).toEqual(first);
      expect(tokitai(["verify", ...files, "--no-cache"])).toEqual(first);
    }
  });
});

describe("--solver", () => {
  /** A PATH on which z3 is a program that says `answer` to everything, and cvc5 is absent. */
  function pathWith(answer: string): string {
    const bin = join(repository, `bin-${answer}`);
    mkdirSync(bin);
    const program = `#!${process.execPath}
if (process.argv.includes("--version")) { console.log("Z3 version 9.9.9"); process.exit(0); }
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const marker = /\\(echo "(.*)"\\)/.exec(line);
  if (marker) console.log("${answer}\\n" + marker[1]);
});
`;
    writeFileSync(join(bin, "z3"), program);
    chmodSync(join(bin, "z3"), 0o755);
    return bin;
  }

  it("ends with 6 where a solver contradicts, names the obligation and both answers", () => {
    const PATH = pathWith("sat");
    const { code, stdout, stderr } = tokitai(["verify", "good.ts", "--solver", "z3", "--format", "json"], { PATH });
    expect(code).toBe(6);
    expect(stderr).toMatch(/^error TK600: z3 says sat where Z3 in WebAssembly says unsat: good\/bounds\/y#1$/m);
    const [z3] = JSON.parse(stdout).secondOpinion.solvers;
    expect(z3).toMatchObject({ name: "z3", version: "9.9.9", unknown: [] });
    expect(z3.disagreed).toContainEqual({ id: "good/bounds/y#1", ours: "unsat", theirs: "sat" });
    expect(z3.agreed).toBeGreaterThan(0);
  });

  it("ends with 4 and the line to install where a solver is missing, and counts what another says", () => {
    const PATH = pathWith("unknown");
    const { code, stdout, stderr } = tokitai(["verify", "good.ts", "--solver", "z3,cvc5"], { PATH });
    expect(code).toBe(4);
    expect(stderr).toMatch(/TK430: the solver cvc5 is not installed\n {2}fix {7}apt-get install cvc5$/m);
    expect(stdout).toMatch(/^z3 9\.9\.9: 0 agreed, 0 disagreed, \d+ unknown$/m);
    expect(stdout).toContain("  unknown to z3: good/bounds/y#1");
  });
});
