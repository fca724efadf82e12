/**
 * Hand-made kernels on the emulator's device: each matrix instruction, whole numbers in, exact sums out, in the lanes that
 * AMD's documents name; and what the emulator does not model, which is refused.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { cacheDirectory } from "../../../src/compiler/build/cache-folder.ts";
import { buildHip } from "../../../src/compiler/build/compile.ts";
import { architecturesOf, findToolchain } from "../../../src/compiler/build/toolchain.ts";
import { unbundle } from "../../../src/compiler/build/unbundle.ts";
import { bridgePython } from "../../../src/runtime/hip/python.ts";
import { unwrap } from "../library.ts";
import { describeExecuted, sayThatItIsNotBuilt, TINYGRAD } from "./emulator-place.ts";

const HERE = "test/conformance/device/hand-made";
const WMMA = ["wmma_bf16", "wmma_f16"];
const MFMA = ["mfma16_bf16", "mfma16_f16", "mfma16_f32", "mfma32_bf16", "mfma32_f16", "mfma32_f32"];
const KERNELS = { gfx90a: MFMA, gfx1101: WMMA, gfx942: MFMA, gfx1201: WMMA };

describeExecuted("hand-made kernels", 600_000, () => {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-hand-made-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What the script prints of the kernels, built for the architecture; nothing where it cannot be built. */
  async function run(name: string, script: string, architecture: string): Promise<Record<string, unknown> | undefined> {
    const toolchain = await findToolchain(process.env);
    if (!architecturesOf(toolchain).some((one) => one.name === architecture)) {
      sayThatItIsNotBuilt(architecture);
      return undefined;
    }
    const sources = [{ name: `${name}.cpp`, text: readFileSync(join(HERE, `${name}.hip`), "utf8") }];
    const cache = cacheDirectory(process.env);
    const { path } = unwrap(await buildHip({ toolchain, cache, sources, architectures: [architecture] }));
    const place = join(folder, name, architecture);
    mkdirSync(place, { recursive: true });
    if (toolchain.bundler === undefined) throw new Error("no clang-offload-bundler");
    const [object] = unwrap(await unbundle(path, place, toolchain.bundler, toolchain.env));
    const args = [join(HERE, script), "src/runtime/hip", TINYGRAD, object?.path ?? "", architecture];
    const printed: unknown = JSON.parse(execFileSync(bridgePython(process.env), args, { encoding: "utf8" }));
    if (typeof printed !== "object" || printed === null) throw new Error(`${script} printed ${printed}`);
    return { ...printed };
  }

  it.each(Object.entries(KERNELS))("with matrix instructions are right on %s", async (architecture, names) => {
    const answers = await run("kernels", "check.py", architecture);
    if (answers === undefined) return;
    const found = Object.entries(answers);
    expect(Object.keys(answers)).toEqual(expect.arrayContaining(names.map((name) => `${name}_sum`)));
    const refused = found.filter(([what]) => /some_lanes|without copies/.test(what));
    expect(found.filter((one) => !refused.includes(one) && one[1] !== "right")).toEqual([]);
    const reason = /switched off|finds other inputs in lanes 16 to 31/;
    expect(refused.filter(([, answer]) => !reason.test(String(answer)))).toEqual([]);
    expect(refused.length).toBeGreaterThanOrEqual(names.length);
  });

  const notModelled = (what: string): unknown => expect.stringContaining(`${what} is not executed`);
  it.each([
    ["gfx1101", [0, 1, 2, 3]],
    ["gfx90a", notModelled("global_atomic_add")],
    ["gfx942", notModelled("global_atomic_add")],
    ["gfx1201", notModelled("global_atomic_add_u32")],
  ])("are refused on %s where the emulator would give something else", async (architecture, returning) => {
    const answers = await run("refused", "refused.py", architecture);
    if (answers === undefined) return;
    expect(answers).toEqual({
      calling: notModelled("s_getpc_b64"),
      mode: notModelled("s_getreg_b32"),
      returning,
    });
  });
});
