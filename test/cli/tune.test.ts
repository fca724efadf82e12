/** `tokitai tune`, and what `compile --tuned` makes of its file: the command line as a process, on a kernel with params. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { architecturesOf, findToolchain } from "../../src/compiler/build/toolchain.ts";
import { MODEL_VERSION } from "../../src/compiler/predict.ts";
import { parseTuning, renderTuning, type TuningEntry } from "../../src/compiler/tuning-file.ts";
import { runTokitai } from "./command.ts";

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

/** A product by matrix instructions: an architecture has those of one of its instances' units, or none. */
const TILES = `import { barrier, block, ceilDiv, covers, div, f16, f32, fragment, input, kernel, loadFragment } from "tokitai/dsl";
import { matrix, mma, mod, output, requires, shared, thread } from "tokitai/dsl";

/** y[b,n] = Σₖ x[b,k]·w[n,k] for 16 columns, a wave per tile */
export const tiles = kernel(
  { x: input(f16, ["B", "K"]), w: input(f16, [16, "K"]), y: output(f32, ["B", 16]) },
  {
    computes: "matmul",
    matrix: ["gfx11", "gfx12"],
    params: { DEPTH: [16, 32] },
    grid: ({ B }) => [ceilDiv(B, 16)],
    block: [32],
  },
  ({ x, w, y }, { B, K }, { DEPTH }) => {
    covers(y, (b, n) => ({
      block: [div(b, 16)],
      thread: [matrix.laneOf(mod(b, 16), n)],
      e: matrix.elementOf(mod(b, 16)),
    }));
    const xs = shared(f16, [16, DEPTH]);
    const ws = shared(f16, [16, DEPTH]);
    const a = fragment("a", f16);
    const b = fragment("b", f16);
    const sums = fragment("accumulator", f32);
    for (let e = 0; e < matrix.elements; e++) sums[e] = 0.0;
    for (let t = 0; t < ceilDiv(K, DEPTH); t++) {
      for (let i = thread.x; i < 16 * DEPTH; i += 32) {
        const row = block.x * 16 + div(i, DEPTH);
        const k = t * DEPTH + mod(i, DEPTH);
        xs[div(i, DEPTH)][mod(i, DEPTH)] = row < B && k < K ? x[row][k] : f16(0.0);
        ws[div(i, DEPTH)][mod(i, DEPTH)] = k < K ? w[div(i, DEPTH)][k] : f16(0.0);
      }
      barrier();
      for (let s = 0; s < DEPTH; s += 16) {
        loadFragment(a, xs[0][s]);
        loadFragment(b, ws[0][s]);
        mma(sums, a, b);
      }
      barrier();
    }
    for (let e = 0; e < matrix.elements; e++) {
      const row = block.x * 16 + matrix.row(e);
      if (row < B) y[row][matrix.column] = sums[e];
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

  it.skipIf(!isBuildable)("asks each architecture about the instances for its own matrix unit", () => {
    writeFileSync(join(folder, "tiles.ts"), TILES);
    const shape = ["--shape", "B=1024,K=2048"];
    const { code, stdout, stderr } = tokitai([
      "tune",
      "tiles.ts",
      "--arch",
      "gfx1101,gfx1030",
      ...shape,
      "-o",
      "tiles.json",
    ]);
    expect(stderr).not.toContain("TK402");
    expect(stdout).toContain("tiles_DEPTH16_gfx12: gfx1030 has no such matrix instructions");
    expect(code).toBe(2);
    const parsed = parseTuning(readFileSync(join(folder, "tiles.json"), "utf8"), "tiles.json");
    expect(parsed).toMatchObject({ ok: true, value: [{ architecture: "gfx1101", leftOut: [] }] });
    const [entry] = parsed.ok ? parsed.value : [];
    expect(entry?.ranked.map(({ kernel }) => kernel).toSorted()).toEqual([
      "tiles_DEPTH16_gfx11",
      "tiles_DEPTH32_gfx11",
    ]);
    const compiled = (arch: string) =>
      tokitai([
        "compile",
        "tiles.ts",
        "--target",
        "hip",
        "--offload-arch",
        arch,
        "--tuned",
        "tiles.json",
        "-o",
        "tiles",
      ]);
    expect(compiled("gfx1101").code).toBe(0);
    const manifest = JSON.parse(readFileSync(join(folder, "tiles/manifest.json"), "utf8"));
    expect(manifest.kernels.map(({ name }: { name: string }) => name)).toEqual([entry?.chosen]);
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
