/**
 * The model's ranking of five textbook kernels is that of published measurements, on each of two architectures.
 *
 * [B] S. Boehm, "How to Optimize a CUDA Matmul Kernel" (github.com/siboehm/SGEMM_CUDA, README at 60cba6f), NVIDIA A6000, 4096³:
 * naive with coalesced accesses 1,987 GFLOPS, shared memory 2,980, 2D blocks in registers 15,972, vectorised accesses 18,237.
 * [V] S. V., "Optimizing Matrix Multiplication on RDNA3" (github.com/seb-v/fp32_sgemm_amd, README at abf7530), Radeon RX 7900 XTX,
 * 4096³: naive 1,011 GFLOPS, LDS tiling 4,018, register tiling 22,777, the next tile fetched early 25,560.
 * [T] github.com/tinygrad/tinygrad/pull/1000, the same GPU and size: f16 on matrix cores 101,002 GFLOPS by rocBLAS. CDNA 2 has no
 * such series; that matrix cores are the fastest there is what its whole design says, 383 TFLOPS beside 95.7 (AMD's product page).
 */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildHip } from "../../src/compiler/build/compile.ts";
import { readMachineCode } from "../../src/compiler/build/machine-code.ts";
import { readResources } from "../../src/compiler/build/resources.ts";
import { architecturesOf, findToolchain } from "../../src/compiler/build/toolchain.ts";
import { emitHip } from "../../src/compiler/codegen/hip.ts";
import type { Sizes } from "../../src/compiler/operations.ts";
import { type Launch, launchOf, type Prediction, predict } from "../../src/compiler/predict.ts";
import { prove, readSources } from "../../src/compiler/prove.ts";
import { targetOf } from "../../src/compiler/targets.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { SolverPool } from "../../src/verify/pool.ts";

const ROOT = join(import.meta.dirname, "../..");
const SIZE = 4096;
const PRODUCT = 2 * SIZE ** 3;
const SIZES: Sizes = { B: SIZE, N: SIZE, K: SIZE, M: SIZE / 4, D: SIZE / 4 };
const RANKED = ["naive", "tiled", "blocked_PER4_BK16", "buffered", "matrix"] as const;
/** GFLOPS of the published series, those of [V] and [T], then of [B], which has no matrix cores. */
const PUBLISHED = [
  [1011, 4018, 22777, 25560, 101002],
  [1987, 2980, 15972, 18237],
] as const;

const toolchain = await findToolchain(process.env);
const ARCHITECTURES = ["gfx1101", "gfx90a"] as const;
const isBuildable = ARCHITECTURES.every((name) => architecturesOf(toolchain).some((one) => one.name === name));

describe.skipIf(!isBuildable)("textbook kernels", () => {
  const cache = join(ROOT, ".tokitai", "model-test");
  const found = new Map<string, Prediction>();

  async function add(
    sources: readonly { name: string; text: string }[],
    launchFor: (name: string, waveSize: number) => Launch | undefined,
  ) {
    const built = await buildHip({ toolchain, cache, architectures: ARCHITECTURES, sources });
    if (!built.ok) throw new Error(built.diagnostics.map(({ message, fix }) => `${message}: ${fix}`).join("\n"));
    const resources = await readResources(built.value.path, toolchain);
    if (!resources.ok) throw new Error("no resources");
    const code = await readMachineCode(built.value.path, resources.value, toolchain);
    if (!code.ok) throw new Error("no machine code");
    for (const one of code.value) {
      const target = targetOf(one.architecture);
      const name = one.kernel.replace(/_i(32|64)$/, "");
      const launch = target && launchFor(name, target.waveSize);
      const prediction = launch && predict(launch, one, target);
      // With 32-bit indices where there is such an instance: it comes first.
      if (prediction !== undefined && !found.has(`${name} ${one.architecture}`))
        found.set(`${name} ${one.architecture}`, prediction);
    }
  }

  beforeAll(async () => {
    const inputs = ["naive", "tiled", "blocked", "buffered"].map((name) => `test/model/kernels/${name}.ts`);
    const sources = await readSources({ inputs, cwd: ROOT, config: undefined });
    expect(sources.diagnostics).toEqual([]);
    const kernels = sources.kernels.filter(({ name }) => RANKED.some((ranked) => ranked === name));
    const pool = new SolverPool();
    try {
      const proof = await prove({ ...sources, kernels }, pool);
      const proved = proof.kernels.flatMap(({ certificate }) => certificate ?? []);
      expect(proved.map(({ kernel }) => kernel.name)).toEqual(RANKED.slice(0, 4).filter((name) => name !== "matrix"));
      const library = emitHip({ name: "textbook", kernels: proved, plans: [] });
      const launch = (kernel: Kernel): Launch | undefined => {
        const counted = launchOf(kernel, SIZES);
        return counted && { ...counted, useful: PRODUCT };
      };
      await add(
        library.map(({ path, text }) => ({ name: path, text })),
        (name) => {
          const kernel = kernels.find((one) => one.name === name);
          return kernel && launch(kernel);
        },
      );
    } finally {
      pool.close();
    }
    const text = readFileSync(join(import.meta.dirname, "kernels/matrix.hip.cpp"), "utf8");
    const blocks = (SIZE / 64) * (SIZE / 128);
    await add([{ name: "matrix.cpp", text }], (_, waveSize) => ({
      blocks,
      threads: 4 * waveSize,
      executed: PRODUCT,
      useful: PRODUCT,
      bytes: SIZE * SIZE * (2 + 2 + 4),
    }));
  }, 900_000);
  afterAll(() => rmSync(cache, { recursive: true, force: true }));

  it.each(ARCHITECTURES)("are ranked as they were measured, on %s", (architecture) => {
    const gigaflops = RANKED.map((name) => {
      const prediction = found.get(`${name} ${architecture}`);
      if (prediction === undefined) throw new Error(`nothing is predicted of ${name} on ${architecture}`);
      return PRODUCT / prediction.seconds / 1e9;
    });
    for (const published of PUBLISHED) {
      const order = published.map((_, i) => i).toSorted((a, b) => (published[a] ?? 0) - (published[b] ?? 0));
      const predicted = published.map((_, i) => i).toSorted((a, b) => (gigaflops[a] ?? 0) - (gigaflops[b] ?? 0));
      expect({ gigaflops, predicted }).toEqual({ gigaflops, predicted: order });
    }
  });

  it("are none of them faster than the GPU", () => {
    expect(found.size).toBe(RANKED.length * ARCHITECTURES.length);
    for (const { share } of found.values()) {
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThan(1);
    }
  });
});
