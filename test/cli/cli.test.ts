/** The command line as its users meet it: exit codes, what is printed where, and that nothing is written when refused. */

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, ROOT, runTokitai } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tokitai = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Ended => runTokitai(folder, args, env);

const HEADER =
  'import { barrier, block, ceilDiv, f32, i32, input, kernel, output, shared, thread } from "tokitai/dsl";\nconst T = 32;\n';

function kernelFile(name: string, body: string, launch = "grid: ({ N }) => [ceilDiv(N, T)], block: [T]"): string {
  const text = `${HEADER}export const ${name} = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { ${launch} },
  ({ x, y }, { N }) => {
    const i = block.x * T + thread.x;
    ${body}
  },
);
`;
  const path = join(folder, `${name}.ts`);
  writeFileSync(path, text);
  return path;
}

beforeAll(() => {
  kernelFile("good", "if (i < N) y[i] = x[i];");
});

describe("usage", () => {
  it("lists the commands", () => {
    const { code, stdout } = tokitai(["--help"]);
    expect(code).toBe(0);
    for (const command of ["compile", "verify", "run", "inspect", "tune", "doctor"]) expect(stdout).toContain(command);
  });

  it("describes every command", () => {
    const { stdout } = tokitai(["--help"]);
    const list = stdout.slice(stdout.indexOf("Commands:"), stdout.indexOf("Examples:"));
    const commands = [...list.matchAll(/^ {2}([a-z]+) \[/gm)].map(([, name]) => name);
    expect(commands).toContain("train");
    for (const command of commands) {
      if (command === undefined || command === "help") continue;
      const help = tokitai([command, "--help"]);
      expect(help.code, help.stderr).toBe(0);
      expect(help.stdout).toContain(`Usage: tokitai ${command}`);
    }
  });

  it.each([[["nonsense"]], [["verify"]], [["verify", "good.ts", "--nonsense"]], [["compile", "good.ts"]]])(
    "refuses %j",
    (args) => {
      const { code, stderr } = tokitai(args);
      expect(code).toBe(1);
      expect(stderr).not.toBe("");
    },
  );
});

describe("verify", () => {
  it("proves a good kernel", () => {
    const { code, stdout, stderr } = tokitai(["verify", "good.ts"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/obligations: \d+ proved, 0 refuted, 0 unknown/);
  });

  it("prints JSON alone on stdout", () => {
    const { code, stdout } = tokitai(["verify", "good.ts", "--format", "json"]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ format: 1, solver: { name: "z3", version: expect.stringContaining("Z3") } });
    expect(report.obligations.length).toBeGreaterThan(8);
    for (const obligation of report.obligations) {
      expect(obligation).toMatchObject({
        id: expect.stringMatching(/^good\/[a-z]+\/.+#\d+$/),
        kind: expect.any(String),
        verdict: "proved",
        span: { file: "good.ts", line: expect.any(Number), column: expect.any(Number) },
        solverMs: expect.any(Number),
      });
    }
  });

  it.each([
    ["out_of_bounds", "y[i] = x[i];", undefined, "TK301", "out of bounds"],
    [
      "missing_barrier",
      "const s = shared(f32, [T]); s[thread.x] = i < N ? x[i] : f32(0); if (i < N) y[i] = s[T - 1 - thread.x];",
      undefined,
      "TK302",
      "no barrier between",
    ],
    ["divergent", "if (i < N) { barrier(); y[i] = x[i]; }", undefined, "TK304", "of 32 threads"],
    [
      "overflowing",
      "if (i < N && i * 40960 >= 0) y[i] = x[i];",
      'grid: ({ N }) => [ceilDiv(N, T)], block: [T], index: "i32"',
      "TK305",
      "does not fit 32 bits",
    ],
  ])("refuses %s with its witness, and writes nothing", (name, body, launch, diagnostic, replayed) => {
    kernelFile(name, body, launch);
    const { code, stderr } = tokitai(["verify", `${name}.ts`]);
    expect(code).toBe(10);
    expect(stderr).toContain(`error ${diagnostic}`);
    expect(stderr).toMatch(new RegExp(`^ {2}${name}\\.ts:\\d+:\\d+$`, "m"));
    expect(stderr).toMatch(/^ {4,}\| +\^+$/m);
    for (const part of ["witness   N = ", "replayed  the interpreter", replayed, "fix       "])
      expect(stderr).toContain(part);
    const compiled = tokitai(["compile", `${name}.ts`, "-o", `out-${name}`]);
    expect(compiled.code).toBe(10);
    expect(existsSync(join(folder, `out-${name}`))).toBe(false);
  });

  it("lists all mistakes of a source at once", () => {
    kernelFile("mistakes", "const a = i / 2;\n    const b = i % 2;\n    while (true) {}\n    x[i] = f32(a + b);");
    const { code, stderr } = tokitai(["verify", "mistakes.ts"]);
    expect(code).toBe(2);
    for (const diagnostic of ["TK161", "TK162", "TK135", "TK141"]) expect(stderr).toContain(diagnostic);
  });

  it.each([
    ["a type error", "const a: string = i;", "TK100"],
    ["a syntax error", "if (i < N { y[i] = x[i]; }", "TK100"],
  ])("refuses %s", (_, body, diagnostic) => {
    kernelFile("typed", body);
    const { code, stderr } = tokitai(["verify", "typed.ts"]);
    expect(code).toBe(2);
    expect(stderr).toContain(diagnostic);
  });

  it("refuses a file that is not there, and a folder without kernels", () => {
    mkdirSync(join(folder, "empty"), { recursive: true });
    expect(tokitai(["verify", "absent.ts"])).toMatchObject({ code: 2, stderr: expect.stringContaining("TK410") });
    expect(tokitai(["verify", "empty"])).toMatchObject({ code: 2, stderr: expect.stringContaining("TK411") });
  });

  it("says unknown, with exit code 5, where neither proof nor witness is found", () => {
    kernelFile("open", "if (x[0] > f32(0)) barrier(); if (i < N) y[i] = x[i];");
    const { code, stderr } = tokitai(["verify", "open.ts"]);
    expect(code).toBe(5);
    expect(stderr).toContain("TK399");
    expect(stderr).toContain("a comparison of floats");
  });
});

describe("compile", () => {
  it("prints what --emit names, and no library", () => {
    const { code, stdout } = tokitai(["compile", "good.ts", "--emit", "hip"]);
    expect(code).toBe(0);
    expect(stdout).toContain("__global__");
    for (const emit of ["kernel-ir", "cpp", "header", "types", "smt2", "manifest"]) {
      expect(tokitai(["compile", "good.ts", "--emit", emit]).stdout.length, emit).toBeGreaterThan(100);
    }
  });

  it("makes the same build twice", () => {
    expect(tokitai(["compile", "good.ts", "-o", "one"]).code).toBe(0);
    expect(tokitai(["compile", "good.ts", "-o", "two"]).code).toBe(0);
    expect(readdirSync(join(folder, "one")).sort()).toEqual(readdirSync(join(folder, "two")).sort());
    expect(readFileSync(join(folder, "one/manifest.json"), "utf8")).toBe(
      readFileSync(join(folder, "two/manifest.json"), "utf8"),
    );
    const { code, stdout } = tokitai(["inspect", "one", "--format", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject(JSON.parse(readFileSync(join(folder, "one/manifest.json"), "utf8")));
  });

  it("names what to install when hipcc is missing, and still builds for the CPU", () => {
    const without = { PATH: pathWithout(["hipcc"]), HIPCC: "/nonexistent/hipcc", ROCM_PATH: "/nonexistent" };
    const hip = tokitai(["compile", "good.ts", "--target", "hip", "-o", "hip"], without);
    expect(hip).toMatchObject({ code: 4, stderr: expect.stringContaining("apt-get install") });
    expect(existsSync(join(folder, "hip"))).toBe(false);
    expect(tokitai(["compile", "good.ts", "--target", "cpu", "-o", "cpu"], without).code).toBe(0);
  });

  it("shows the command and its first lines when the compiler fails", () => {
    const failing = join(folder, "failing-c++");
    writeFileSync(
      failing,
      '#!/bin/sh\ncase "$1" in --version) echo "g++ (GNU) 99.0";; *) echo "no space on the moon" >&2; exit 1;; esac\n',
      {
        mode: 0o755,
      },
    );
    const { code, stderr } = tokitai(["compile", "good.ts", "-o", "failed"], {
      CXX: failing,
      TOKITAI_CACHE: join(folder, "cache"),
    });
    expect(code).toBe(4);
    expect(stderr).toContain("failing-c++");
    expect(stderr).toContain("no space on the moon");
    expect(existsSync(join(folder, "failed"))).toBe(false);
  });
});

/** A folder with links to every program on the PATH but some. */
function pathWithout(names: readonly string[]): string {
  const kept = (process.env["PATH"] ?? "")
    .split(":")
    .filter((entry) => !names.some((name) => existsSync(join(entry, name))));
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  for (const name of ["g++", "c++", "ld", "as", "sh"]) {
    const found = (process.env["PATH"] ?? "").split(":").find((entry) => existsSync(join(entry, name)));
    if (found === undefined || existsSync(join(bin, name))) continue;
    writeFileSync(join(bin, name), `#!/bin/sh\nexec ${join(found, name)} "$@"\n`, { mode: 0o755 });
  }
  return [bin, ...kept].join(":");
}

describe("an altered build", () => {
  it.each(["library", "manifest"])("is refused before it is opened: %s", (what) => {
    const out = `altered-${what}`;
    expect(tokitai(["compile", "good.ts", "-o", out]).code).toBe(0);
    const name = readdirSync(join(folder, out)).find((file) =>
      what === "library" ? file.endsWith(".so") : file === "manifest.json",
    );
    appendFileSync(join(folder, out, name ?? ""), " ");
    expect(tokitai(["inspect", out])).toMatchObject({ code: 3, stderr: expect.stringMatching(/TK50[46]/) });
    expect(tokitai(["run", out])).toMatchObject({ code: 3, stderr: expect.stringMatching(/TK50[46]/) });
  });
});

describe("run", () => {
  beforeAll(() => {
    expect(tokitai(["compile", "moe", "--size", "nano", "-o", "moe", "--no-table"]).code).toBe(0);
  }, 120_000);

  it("predicts, shows the router's load, and stays within the reference's bound", () => {
    const { code, stdout } = tokitai(["run", "moe", "--rows", "200", "--format", "json"]);
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ rows: 200, outsideBound: 0, elements: 200 * 28 });
    expect(summary.load.reduce((sum: number, load: number) => sum + load, 0)).toBe(400);
    expect(summary.largestDifference).toBeGreaterThan(0);
    expect(summary.largestShareOfBound).toBeLessThan(1);
  });

  it("gives the same predictions and the same load by sparse dispatch", () => {
    const summaryOf = (...more: readonly string[]) =>
      JSON.parse(tokitai(["run", "moe", "--rows", "150", "--format", "json", ...more]).stdout);
    const [dense, sparse] = [summaryOf(), summaryOf("--sparse")];
    expect(sparse).toMatchObject({ predicted: dense.predicted, load: dense.load, outsideBound: 0, elements: 150 * 28 });
    // Experts 0 to 3 have ids; that they are those of the other program shows in the load.
    expect(sparse.load.filter((load: number) => load > 0).length).toBeGreaterThan(1);
    expect(tokitai(["run", "one", "--sparse"])).toMatchObject({ code: 3, stderr: expect.stringContaining("TK562") });
  });

  it("runs an empty batch", () => {
    for (const form of [[], ["--sparse"]]) {
      expect(tokitai(["run", "moe", "--rows", "0", ...form])).toMatchObject({ code: 0 });
    }
  });

  it("refuses the size of another build, and a folder without the program", () => {
    expect(tokitai(["run", "moe", "--size", "tiny"])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("TK562"),
    });
    expect(tokitai(["run", "one"])).toMatchObject({ code: 3, stderr: expect.stringContaining("TK562") });
    expect(tokitai(["run", "absent"])).toMatchObject({ code: 3, stderr: expect.stringContaining("TK501") });
  });

  it("refuses data by file, line and column", () => {
    const csv = readFileSync(join(ROOT, "node_modules/vega-datasets/data/birdstrikes.csv"), "utf8")
      .split("\n")
      .slice(0, 30);
    writeFileSync(join(folder, "ragged.csv"), [...csv.slice(0, 5), "a,b", ...csv.slice(5)].join("\n"));
    const schema = join(ROOT, "data/birdstrikes.schema.json");
    const { code, stderr } = tokitai(["run", "moe", "--data", "ragged.csv", "--schema", schema]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/ragged\.csv:6:\d+/);
    expect(tokitai(["run", "moe", "--data", "nothing"])).toMatchObject({ code: 3 });
  });
});
