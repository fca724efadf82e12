/**
 * The kernels for matrix instructions (kernels-hip) on their cases: as C++ for the CPU, which computes what the layouts of their
 * fragments say, for each family of GPUs.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { buildInto, proveKernels, unwrap } from "./library.ts";
import { casesOf, dataOf } from "./matrix-cases.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-matrix-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("kernels for matrix instructions", { timeout: 1_200_000 }, () => {
  let library: CpuLibrary;
  beforeAll(async () => {
    const proved = await proveKernels(["kernels-hip"]);
    await buildInto(folder, proved, await findToolchain(process.env), false);
    library = unwrap(openCpuLibrary(folder));
  }, 1_200_000);

  it("have an instance per family of GPUs and element type", () => {
    const names = library.manifest.kernels.map(({ name }) => name);
    for (const unit of ["gfx11", "gfx12", "cdna"]) {
      for (const element of ["f16", "bf16"]) {
        for (const kernel of [
          "linear",
          "linear_gelu",
          "linear_layer_norm_gelu",
          "matmul_nn",
          "matmul_tn",
          "grouped_linear",
          "grouped_matmul_nn",
          "grouped_matmul_tn",
        ]) {
          expect(names).toContain(`${kernel}_${element}_${unit}`);
        }
      }
    }
    expect(names).toContain("linear_f32_cdna");
  });

  it("are right on the CPU", () => {
    // Those that check conditions on data claim nothing.
    const kernels = library.manifest.kernels.filter(({ computes }) => computes !== null);
    const faults = kernels.flatMap(({ name, computes }) =>
      casesOf(name).flatMap((one) => {
        const { tensors, scalars, expect: faultOf } = dataOf(library.abi, computes, name, one);
        library.call(name, { tensors, scalars, dims: one.dims });
        const fault = faultOf();
        return fault === undefined ? [] : [`${name}: ${fault}`];
      }),
    );
    expect(faults).toEqual([]);
  });

  it("refuse sizes whose rows no vector divides", () => {
    const { tensors } = dataOf(library.abi, "linear", "linear_f16_gfx11", { dims: { B: 1, K: 8, N: 1 } });
    const wrong = { ...tensors, x: new Uint16Array(9), w: new Uint16Array(9) };
    expect(() => library.call("linear_f16_gfx11", { tensors: wrong, dims: { B: 1, K: 9, N: 1 } })).toThrow(
      /mod\(K, 8\) === 0/,
    );
  });
});
