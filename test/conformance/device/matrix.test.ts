/**
 * Matrix instructions on the emulator's device: hand-made kernels with each builtin, whole numbers in, exact sums out, in the
 * lanes that AMD's documents name.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { cacheDirectory } from "../../../src/compiler/build/cache.ts";
import { buildHip } from "../../../src/compiler/build/compile.ts";
import { architecturesOf, findToolchain } from "../../../src/compiler/build/toolchain.ts";
import { unbundle } from "../../../src/compiler/build/unbundle.ts";
import { bridgePython } from "../../../src/runtime/hip/python.ts";
import { unwrap } from "../library.ts";
import { describeExecuted, sayThatItIsNotBuilt, TINYGRAD } from "./emulator-place.ts";

const HERE = "test/conformance/device/matrix";
const WMMA = ["wmma_bf16", "wmma_f16"];
const MFMA = ["mfma16_bf16", "mfma16_f16", "mfma16_f32", "mfma32_bf16", "mfma32_f16", "mfma32_f32"];
const KERNELS = { gfx90a: MFMA, gfx1101: WMMA, gfx942: MFMA, gfx1201: WMMA };

describeExecuted("matrix instructions", 600_000, () => {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-matrix-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(Object.entries(KERNELS))("are right on %s", async (architecture, names) => {
    const toolchain = await findToolchain(process.env);
    if (!architecturesOf(toolchain).some(({ name }) => name === architecture)) return sayThatItIsNotBuilt(architecture);
    const sources = [{ name: "matrix.cpp", text: readFileSync(join(HERE, "kernels.hip"), "utf8") }];
    const cache = cacheDirectory(process.env);
    const { path } = unwrap(await buildHip({ toolchain, cache, sources, architectures: [architecture] }));
    const place = join(folder, architecture);
    mkdirSync(place);
    if (toolchain.bundler === undefined) throw new Error("no clang-offload-bundler");
    const [object] = unwrap(await unbundle(path, place, toolchain.bundler, toolchain.env));
    const python = bridgePython(process.env);
    const args = [join(HERE, "check.py"), "src/runtime/hip", TINYGRAD, object?.path ?? "", architecture];
    const answers = JSON.parse(execFileSync(python, args, { encoding: "utf8" })) as Record<string, string>;
    const found = Object.entries(answers);
    expect(Object.keys(answers).sort()).toEqual(expect.arrayContaining(names.map((name) => `${name}_sum`)));
    const refused = found.filter(([what]) => /some_lanes|without copies/.test(what));
    expect(found.filter((one) => !refused.includes(one) && one[1] !== "right")).toEqual([]);
    expect(refused.filter(([, answer]) => !/switched off|finds other inputs in lanes 16 to 31/.test(answer))).toEqual(
      [],
    );
    expect(refused.length).toBeGreaterThanOrEqual(names.length);
  });
});
