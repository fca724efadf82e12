import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { playback } from "../../src/compiler/testing.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import type { ObligationResult } from "../../src/verify/obligation.ts";
import { playbackFileName, playbackText } from "../../src/verify/playback.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { type Filling, fillElement, type ReplayRecord } from "../../src/verify/replay-record.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const HEADER = `import { barrier, block, ceilDiv, f32, forall, i32, input, kernel, output, requires, scalar, shared, thread } from "tokitai/dsl";
const T = 32;
`;

/** A broken kernel, and what makes it right. */
interface Twin {
  readonly name: string;
  readonly text: string;
  readonly mistake: string;
  readonly remedy: string;
  readonly code: string;
}

const plain = (name: string, body: string): string => `export const ${name} = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, T)], block: [T] },
  ({ x, y }, { N }) => {
    const i = block.x * T + thread.x;
    ${body}
  },
);
`;

const TWINS: readonly Twin[] = [
  {
    name: "unguarded",
    text: plain("unguarded", "y[i] = f32(1);"),
    mistake: "y[i]",
    remedy: "if (i < N) y[i]",
    code: "TK301",
  },
  {
    name: "unordered",
    text: plain(
      "unordered",
      "const s = shared(f32, [T]); s[thread.x] = f32(1); if (i < N) y[i] = s[T - 1 - thread.x] + x[i];",
    ),
    mistake: "f32(1); if",
    remedy: "f32(1); barrier(); if",
    code: "TK302",
  },
  {
    name: "gap",
    text: plain("gap", "if (i + 1 < N) y[i] = x[i];"),
    mistake: "i + 1 < N",
    remedy: "i < N",
    code: "TK315",
  },
  {
    name: "gather",
    text: `export const gather = kernel(
  { x: input(f32, ["M"]), ids: input(i32, ["N"]), shift: scalar(i32), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, T)], block: [T] },
  ({ x, ids, shift, y }, { N, M }) => {
    requires(forall([N], (n) => 0 <= ids[n] && ids[n] < M));
    requires(0 <= shift && shift <= 3);
    const i = block.x * T + thread.x;
    if (i < N) y[i] = x[ids[i] + shift];
  },
);
`,
    mistake: "ids[i] + shift",
    remedy: "ids[i]",
    code: "TK301",
  },
  {
    name: "across",
    text: plain("across", "if (i < N) { y[i] = x[i]; y[0] = x[i]; }"),
    mistake: "y[0] = x[i];",
    remedy: "",
    code: "TK303",
  },
];

const pool = new SolverPool({ processes: 1 });
const folder = mkdtempSync(join(tmpdir(), "tokitai-playback-"));
afterAll(() => {
  pool.close();
  rmSync(folder, { recursive: true });
});

function kernelFile(name: string, text: string): string {
  const path = join(folder, `${name}.ts`);
  writeFileSync(path, HEADER + text);
  return path;
}

async function refutedOf(text: string, code: string): Promise<ObligationResult> {
  const [report] = await verifyKernels([...kernelsFrom(HEADER + text).values()], openSession(pool));
  const found = report?.obligations.find((one) => one.code === code && one.verdict === "refuted");
  if (found === undefined) throw new Error(`nothing is refuted with ${code}`);
  return found;
}

function recordOf({ id, witness }: ObligationResult): ReplayRecord {
  if (witness?.replay === undefined) throw new Error(`${id} has no replay record`);
  return witness.replay;
}

/** What a case passes to `playback`, read from its text. */
function recordIn(text: string): unknown {
  const script = text
    .replace(/^import .*$/gm, "")
    .replaceAll("import.meta.url", JSON.stringify("file:///cases/"))
    .concat("\nseen;");
  const seen: unknown[] = [];
  const run = new Function("seen", "it", "expect", "playback", ts.transpile(script));
  run(
    seen,
    (_: string, body: () => void) => body(),
    () => ({ toEqual: () => {} }),
    (source: unknown, record: unknown) => {
      seen.push(source, record);
      return [];
    },
  );
  return seen;
}

describe("a counterexample that is played back", () => {
  it.each(TWINS)(
    "shows the fault of $name, and none once it is fixed",
    async ({ name, text, mistake, remedy, code }) => {
      const record = recordOf(await refutedOf(text, code));
      const source = { file: kernelFile(name, text), kernel: name };
      const faults = playback(source, record);
      expect(faults.length).toBeGreaterThan(0);
      expect(faults[0]).toMatch(/\.ts:\d+:\d+: block \(\d+, 0, 0\), thread \(\d+, 0, 0\) (reads|writes|leaves) /);
      expect(text).toContain(mistake);
      kernelFile(name, text.replace(mistake, remedy));
      expect(playback(source, record)).toEqual([]);
      // Lines above do not matter.
      kernelFile(name, `\n// a comment\n${text}`);
      expect(playback({ ...source, file: pathToFileURL(source.file) }, record)).toHaveLength(faults.length);
    },
  );
});

describe("a playback about which nothing can be said", () => {
  const [twin] = TWINS;
  const text = twin?.text ?? "";
  let record: ReplayRecord;
  beforeAll(async () => {
    record = recordOf(await refutedOf(text, "TK301"));
  });

  it("throws where the kernel has another dimension or tensor", () => {
    const file = kernelFile(
      "changed",
      text.replace('y: output(f32, ["N"])', 'y: output(f32, ["N"]), z: input(f32, ["M"])'),
    );
    expect(() => playback({ file, kernel: "unguarded" }, record)).toThrow("says nothing of M, z of unguarded");
  });

  it("throws where the kernel or its file is gone, or refused", () => {
    const file = kernelFile("renamed", text.replace("unguarded", "renamed"));
    expect(() => playback({ file, kernel: "unguarded" }, record)).toThrow("there is no kernel unguarded");
    expect(() => playback({ file: join(folder, "absent.ts"), kernel: "unguarded" }, record)).toThrow("TK108");
    const wrong = kernelFile("wrong", text.replace("f32(1)", '"one"'));
    expect(() => playback({ file: wrong, kernel: "unguarded" }, record)).toThrow("the kernel file is refused");
  });

  it("throws where the run does not come to its end", () => {
    const fixed = kernelFile("fixed", text.replace("y[i]", "if (i < N) y[i]"));
    expect(playback({ file: fixed, kernel: "unguarded" }, record)).toEqual([]);
    expect(() => playback({ file: fixed, kernel: "unguarded" }, { ...record, maxSteps: 3 })).toThrow(
      "took more than 3 steps",
    );
  });

  it("is free of the fault where the kernel requires other sizes", () => {
    const strict = kernelFile("strict", text.replace("const i", "requires(N === 64);\n    const i"));
    expect(playback({ file: strict, kernel: "unguarded" }, record)).toEqual([]);
  });
});

describe("the text of a case", () => {
  it.each(TWINS)("holds the record of $name", async ({ name, text, code }) => {
    const refuted = await refutedOf(text, code);
    const written = playbackText(refuted, "../kernels/a%20b.ts");
    expect(recordIn(written ?? "")).toEqual([
      { file: new URL("file:///kernels/a%20b.ts"), kernel: name },
      recordOf(refuted),
    ]);
    expect(written).toContain("It asserts that the kernel is free of this fault");
    expect(written).toContain(refuted.witness?.text);
  });

  it("writes numbers that JSON has not, and no comment that ends early", () => {
    const replay: ReplayRecord = {
      width: 32,
      limits: { maxDim: 2n ** 60n, maxElements: 7n },
      dims: { "odd name": 2n ** 60n },
      scalars: { a: Number.NaN, b: -0, c: Number.NEGATIVE_INFINITY },
      tensors: { t: { kind: "table", entries: [{ index: [0, -1], value: 5 }], otherwise: -3 } },
      iterations: { k: [4096, 8192] },
      maxSteps: 10,
      fault: { kinds: ["race"], array: "t", acrossBlocks: true },
    };
    const refuted: ObligationResult = {
      id: "k/race/t#1",
      kind: "race",
      kernel: "k",
      span: NO_SPAN,
      statement: 'no "two" */ threads',
      failure: "x */ y",
      code: "TK303",
      verdict: "refuted",
      solverMs: 0,
      query: "",
      queryHash: "",
      expects: "unsat",
      witness: { dims: {}, text: "*/ throw 1; /*", replayed: "", replay },
    };
    expect(recordIn(playbackText(refuted, "./k.ts") ?? "")).toEqual([expect.anything(), replay]);
    expect(playbackFileName(refuted.id)).toBe("k-race-t-1.test.ts");
    // Neither sizes alone nor what is not refuted can be played.
    expect(playbackText({ ...refuted, verdict: "unknown" }, "./k.ts")).toBeUndefined();
    expect(playbackText({ ...refuted, witness: { dims: {}, text: "", replayed: "" } }, "./k.ts")).toBeUndefined();
  });
});

describe("fillings", () => {
  it.each<readonly [Filling, readonly number[], number]>([
    [{ kind: "constant", value: 4 }, [9], 4],
    [{ kind: "nan" }, [], Number.NaN],
    [{ kind: "first-index" }, [7, 2], 7],
    [{ kind: "first-index" }, [], 0],
    [{ kind: "index-sum", modulus: 5 }, [4, 3], 2],
    [{ kind: "ripple", sign: 1, stride: 3, modulus: 7 }, [2, 3], 1 + 6 + 5],
    [{ kind: "ripple", sign: -1, stride: 5, modulus: 11 }, [3], -5],
    [{ kind: "table", entries: [{ index: [1, 2], value: 8 }], otherwise: 6 }, [1, 2], 8],
    [{ kind: "table", entries: [{ index: [1, 2], value: 8 }], otherwise: 6 }, [1, 3], 6],
  ])("%j at %j", (filling, index, value) => {
    expect(fillElement(filling, index)).toBe(value);
  });
});
