/** `tokitai tune`, and what `compile --tuned` makes of its file: the command line as a process, on a kernel with params. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { architecturesOf, findToolchain } from "../../src/compiler/build/toolchain.ts";
import { MODEL_VERSION } from "../../src/compiler/predict.ts";
import { parseTuning, renderTuning, type TuningEntry } from "../../src/compiler/tuning-file.ts";
import { ensureBuilt, runTokitai } from "./command.ts";

/** With PER = 3 the last element of each thread is written by nobody, and with PER = 5 the budget is 5 registers. */
const SOURCE = `import { block, ceilDiv, f32, fma, input, kernel, output, registers, thread } from "tokitai/dsl";

/** y[b,k] = Σₙ x[b,n]·w[n,k], PER elements of a row per thread */
export const rows = kernel(
  { x: input(f32, ["B", "N"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "K"]) },
  {
    params: { PER: [2, 3, 4, 5] },
    grid: ({ B, K }, { PER }) => [ceilDiv(K, 64 * PER), B],
    block: [64],
    budget: ({ PER }) => ({ vgprs: 250 - PER * 49 }),
  },
  ({ x, w, y }, { N, K }, { PER }) => {
    const acc = registers(f32, [PER]);
    for (let i = 0; i < PER; i++) acc[i] = f32(0);
    for (let n = 0; n < N; n++) {
      for (let i = 0; i < PER; i++) {
        const k = block.x * (64 * PER) + i * 64 + thread.x;
        acc[i] = fma(x[block.y][n], k < K ? w[n][k] : f32(0), acc[i]);
      }
    }
    for (let i = 0; i < PER; i++) {
      const k = block.x * (64 * PER) + i * 64 + thread.x;
      if (k < K && (PER !== 3 || i < 2)) y[block.y][k] = acc[i];
    }
  },
);
`;
const SHAPE = ["--shape", "B=1024,N=2048,K=2048"];
const toolchain = await findToolchain(process.env);
const isBuildable = architecturesOf(toolchain).some(({ name }) => name === "gfx1101");

const folder = mkdtempSync(join(tmpdir(), "tokitai-tune-test-"));
const tokitai = (args: readonly string[]) => runTokitai(folder, args);
const entries = (): readonly TuningEntry[] => {
  const parsed = parseTuning(readFileSync(join(folder, "tuning.json"), "utf8"), "tuning.json");
  if (!parsed.ok) throw new Error("no tuning file");
  return parsed.value;
};

beforeAll(() => {
  ensureBuilt();
  writeFileSync(join(folder, "rows.ts"), SOURCE);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("tune", () => {
  it("needs a shape, with all dimensions, of kernels that are there", () => {
    expect(tokitai(["tune", "rows.ts"])).toMatchObject({ code: 1, stderr: expect.stringContaining("--shape") });
    expect(tokitai(["tune", "rows.ts", "--shape", "B=1;K=2"]).code).toBe(1);
    expect(tokitai(["tune", "absent.ts", ...SHAPE])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("TK410"),
    });
  });

  it.skipIf(!isBuildable)("ranks what is proved and within its budget, and says why it leaves out the rest", () => {
    const { code, stdout } = tokitai(["tune", "rows.ts", ...SHAPE, "-o", "tuning.json"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/left out rows_PER3: refuted: rows_PER3\/coverage/);
    expect(stdout).toMatch(
      /left out rows_PER5: rows_PER5_i\d\d on gfx1101 uses \d+ vector registers per lane, and its budget is 5/,
    );
    const [entry] = entries();
    expect(entry).toMatchObject({ kernel: "rows", file: "rows.ts", architecture: "gfx1101", model: MODEL_VERSION });
    expect(entry?.ranked.map(({ kernel }) => kernel).toSorted()).toEqual(["rows_PER2", "rows_PER4"]);
    const [best, other] = entry?.ranked ?? [];
    expect(entry?.chosen).toBe(best?.kernel);
    expect(best?.seconds[0]).toBeLessThanOrEqual(other?.seconds[0] ?? 0);
    expect(tokitai(["tune", "rows.ts", "--shape", "B=1,N=1", "-o", "tuning.json"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("the shape has no K"),
    });
  });

  it.skipIf(!isBuildable)("writes the same file twice, and prints the same as JSON", () => {
    const before = readFileSync(join(folder, "tuning.json"), "utf8");
    const { code, stdout } = tokitai(["tune", "rows.ts", ...SHAPE, "-o", "tuning.json", "--format", "json"]);
    expect(code).toBe(0);
    expect(readFileSync(join(folder, "tuning.json"), "utf8")).toBe(before);
    expect(JSON.parse(stdout)).toEqual({ entries: entries(), without: [] });
  });

  it.skipIf(!isBuildable)("chooses for compile, until the kernel or the model is another", () => {
    const compile = (...more: readonly string[]) =>
      tokitai(["compile", "rows.ts", "--target", "hip", "--tuned", "tuning.json", "--emit", "kernel-ir", ...more]);
    const chosen = entries()[0]?.chosen;
    const { code, stdout } = compile();
    expect(code).toBe(0);
    expect(stdout.match(/^kernel \w+/gm)).toEqual([`kernel ${chosen}`]);
    expect(compile("--offload-arch", "gfx90a")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/TK418[\s\S]*run tokitai tune rows.ts --arch gfx90a/),
    });
    const old = entries().map((entry) => ({ ...entry, model: MODEL_VERSION + 1 }));
    const kept = readFileSync(join(folder, "tuning.json"), "utf8");
    writeFileSync(join(folder, "tuning.json"), renderTuning(old));
    expect(compile()).toMatchObject({ code: 2, stderr: expect.stringContaining("was chosen by model") });
    writeFileSync(join(folder, "tuning.json"), kept);
    writeFileSync(join(folder, "rows.ts"), SOURCE.replace("acc[i] = f32(0);", "acc[i] = f32(1);"));
    expect(compile()).toMatchObject({ code: 2, stderr: expect.stringMatching(/TK417: rows has changed/) });
    writeFileSync(join(folder, "rows.ts"), SOURCE);
  });

  it("refuses what is no tuning file", () => {
    writeFileSync(join(folder, "none.json"), '{ "format": 1, "entries": [{}] }');
    const compile = (name: string) =>
      tokitai(["compile", "rows.ts", "--target", "hip", "--tuned", name, "--emit", "kernel-ir"]);
    expect(compile("none.json")).toMatchObject({ code: 2, stderr: expect.stringContaining("TK416") });
    expect(compile("absent.json")).toMatchObject({ code: 2, stderr: expect.stringContaining("TK416") });
    expect(tokitai(["tune", "rows.ts", ...SHAPE, "-o", "none.json"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("TK416"),
    });
  });
});
