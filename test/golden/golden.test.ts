/**
 * Golden texts: what the generator makes of every kernel, and what it makes of the Nano model, whole.
 *
 * A change of the generator shows here as a difference that a person reads. That the HIP texts compile, and what they
 * take of the GPU, is in hip-build.test.ts.
 */

import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { proofDirectory } from "../../src/compiler/build/cache-folder.ts";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { emitKernelCpu } from "../../src/compiler/codegen/cpu.ts";
import { emitKernelHip } from "../../src/compiler/codegen/hip.ts";
import { compile, describeFiles } from "../../src/compiler/compile.ts";
import type { Emit } from "../../src/compiler/emits.ts";
import { type Proof, prove, readSources, type Sources } from "../../src/compiler/prove.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import { MOE_SIZES } from "../../src/moe/sizes.ts";
import { renderDiagnostics } from "../../src/support/diagnostic.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openProofCache } from "../../src/verify/proof-cache.ts";
import { goldenText, staleFiles } from "./golden-files.ts";

const ROOT = join(import.meta.dirname, "../..");

async function read(inputs: readonly string[]): Promise<Sources> {
  const sources = await readSources({ inputs, cwd: ROOT, config: MOE_SIZES.nano });
  if (sources.diagnostics.length > 0) throw new Error(renderDiagnostics(sources.diagnostics, sources.lookup));
  return sources;
}

const kernels = await read(["kernels"]);
const nano = await read(["moe"]);
const NAMES = kernels.kernels.map(({ name }) => name);
/** Instances for vector units are of CPUs. */
const GPU_NAMES = kernels.kernels.flatMap(({ name, simd }) => (simd === undefined ? [name] : []));

const MODEL_FILES: readonly (readonly [Emit, string])[] = [
  ["header", "nano/moe.h.txt"],
  ["ir", "nano/moe.ir.txt"],
  ["types", "nano/moe.d.ts.txt"],
];

let proof: Proof;

beforeAll(async () => {
  const pool = new SolverPool();
  try {
    proof = await prove({ ...kernels, programs: nano.programs }, pool, openProofCache(proofDirectory(process.env)));
  } finally {
    pool.close();
  }
});

function certificateOf(name: string): NonNullable<Proof["kernels"][number]["certificate"]> {
  const certificate = proof.kernels.find(({ kernel }) => kernel.name === name)?.certificate;
  if (certificate === undefined) throw new Error(`${name} is not proved`);
  return certificate;
}

/** What `tokitai compile moe --emit` prints. */
async function modelText(emit: Emit): Promise<string> {
  // A kernel that requires something of its data comes with the kernel that checks it.
  const launched = new Set(nano.kernels.flatMap(({ name }) => [name, `${name}_check`]));
  const result = await compile({
    name: "moe",
    proof: { ...proof, kernels: proof.kernels.filter(({ kernel }) => launched.has(kernel.name)) },
    lookup: nano.lookup,
    targets: ["cpu"],
    architectures: [],
    emits: [emit],
    toolchain: await findToolchain({}),
    cache: "",
  });
  if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics, nano.lookup));
  return describeFiles(result.value)
    .map(({ text }) => text)
    .join("");
}

describe("golden texts", () => {
  it.each(GPU_NAMES)("of %s for HIP", (name) => {
    const text = emitKernelHip(certificateOf(name));
    expect(text).toBe(goldenText(`hip/${name}.hip.txt`, text));
  });

  it.each(NAMES)("of %s for the CPU", (name) => {
    const text = emitKernelCpu(certificateOf(name));
    expect(text).toBe(goldenText(`cpu/${name}.cpp.txt`, text));
  });

  it("of the kernel IR of linear", () => {
    const text = printKernel(certificateOf("linear").kernel);
    expect(text).toBe(goldenText("kernel-ir/linear.kir.txt", text));
  });

  it.each(MODEL_FILES)("of the Nano model: %s", async (emit, path) => {
    const text = await modelText(emit);
    expect(text).not.toBe("");
    expect(text).toBe(goldenText(path, text));
  });

  it("are compared, all of them", () => {
    const expected = [
      ...GPU_NAMES.map((name) => `hip/${name}.hip.txt`),
      ...NAMES.map((name) => `cpu/${name}.cpp.txt`),
      "kernel-ir/linear.kir.txt",
      ...MODEL_FILES.map(([, path]) => path),
    ];
    expect(staleFiles(expected)).toEqual([]);
  });
});
