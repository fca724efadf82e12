/**
 * The HIP text of every kernel is compiled for GPUs, and keeps to its registers: no spills, no scratch memory, and nothing beyond its
 * budget. For one architecture of each size of wave; `npm run budgets` takes all of them.
 */

import { beforeAll, describe, expect, it } from "vitest";
import { overBudget } from "../../src/compiler/budget.ts";
import { ARCHITECTURES } from "../../src/compiler/build/architectures.ts";
import { cacheDirectory } from "../../src/compiler/build/cache-folder.ts";
import { buildHip } from "../../src/compiler/build/compile.ts";
import { readResources } from "../../src/compiler/build/resources.ts";
import { findToolchain, INSTALL, type Toolchain } from "../../src/compiler/build/toolchain.ts";
import { emitHip } from "../../src/compiler/codegen/hip.ts";
import type { Proof } from "../../src/compiler/prove.ts";
import { ELEMENT_BYTES } from "../../src/ir/kernel/limits.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { proveKernels } from "../conformance/library.ts";

const toolchain: Toolchain = await findToolchain(process.env);
const NAMES =
  process.env["TOKITAI_ALL_BUDGETS"] === "1" ? ARCHITECTURES.map(({ name }) => name) : ["gfx90a", "gfx1101"];

const TOOLS: readonly (readonly [keyof Toolchain, string])[] = [
  ["hipcc", INSTALL.hipcc],
  ["deviceLibraries", INSTALL.deviceLibraries],
  ["hipRuntime", INSTALL.hipRuntime],
  ["lld", INSTALL.lld],
  ["bundler", INSTALL.bundler],
  ["readelf", INSTALL.llvm],
];
const missing = TOOLS.filter(([tool]) => toolchain[tool] === undefined);
const reason = missing.map(([tool, install]) => `${tool} is missing: ${install}`).join("; ");
/** In continuous integration nothing is skipped: what is missing there is a failure. */
const skipped = missing.length > 0 && process.env["CI"] === undefined;

let proof: Proof;

beforeAll(async () => {
  if (skipped) return;
  ({ proof } = await proveKernels());
});

function sharedBytes({ arrays }: Kernel): bigint {
  return arrays
    .filter(({ space }) => space === "shared")
    .reduce(
      (sum, { shape, element }) => sum + shape.reduce((bytes, extent) => bytes * extent, ELEMENT_BYTES[element]),
      0n,
    );
}

describe("the kernels", () => {
  it.for(NAMES)(
    "compile for %s without a warning, without scratch memory, and within their budgets",
    async (architecture, { skip }) => {
      skip(skipped, reason);
      const kernels = proof.kernels.filter(({ kernel }) => kernel.simd === undefined);
      const certificates = kernels.flatMap(({ certificate }) => certificate ?? []);
      expect(certificates.length).toBe(kernels.length);
      const files = emitHip({ name: "kernels", kernels: certificates, plans: [] });
      const built = await buildHip({
        toolchain,
        cache: cacheDirectory(process.env),
        architectures: [architecture],
        sources: files.map(({ path, text }) => ({ name: path, text })),
      });
      if (!built.ok) throw new Error(built.diagnostics.map(({ message }) => message).join("\n"));
      expect(built.value.warnings).toBe("");
      const resources = await readResources(built.value.path, toolchain);
      if (!resources.ok) throw new Error(resources.diagnostics.map(({ message }) => message).join("\n"));
      const used = resources.value.map(
        ({ kernel, architecture: own, ldsBytes, scratchBytes, vgprSpills, sgprSpills }) => {
          return { kernel, architecture: own, ldsBytes, scratchBytes, vgprSpills, sgprSpills };
        },
      );
      const expected = certificates
        .flatMap(({ kernel, widths }) =>
          widths.map((width) => ({
            kernel: `${kernel.name}_i${width}`,
            architecture,
            ldsBytes: Number(sharedBytes(kernel)),
            scratchBytes: 0,
            vgprSpills: 0,
            sgprSpills: 0,
          })),
        )
        .sort((a, b) => (a.kernel < b.kernel ? -1 : 1));
      expect(used).toEqual(expected);
      const over = overBudget(
        certificates.map(({ kernel }) => kernel),
        resources.value,
      );
      expect(over.map(({ message }) => message)).toEqual([]);
      for (const { kernel, maxThreads } of resources.value) {
        const block = certificates.find(
          ({ kernel: { name } }) => kernel.startsWith(`${name}_i`) && kernel.length === name.length + 4,
        );
        const threads = block?.kernel.block.reduce((product, extent) => product * extent, 1n);
        expect(BigInt(maxThreads), kernel).toBe(threads);
      }
    },
  );
});
