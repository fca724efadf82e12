/**
 * The kernels for matrix instructions (kernels-hip) as machine code: WMMA of gfx1101 and gfx1201, MFMA of gfx90a and gfx942, executed by
 * tinygrad's emulator on their cases.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { architecturesOf, findToolchain } from "../../../src/compiler/build/toolchain.ts";
import { targetOf } from "../../../src/compiler/targets.ts";
import type { WaveOrder } from "../../../src/runtime/hip/device.ts";
import { openDeviceLibrary } from "../../../src/runtime/hip/library.ts";
import { buildInto, proveKernels, unwrap } from "../library.ts";
import { casesOf, dataOf } from "../matrix-cases.ts";
import { describeExecuted, emulator, sayThatItIsNotBuilt, TINYGRAD } from "./emulator-place.ts";

const RUNS: readonly (readonly [architecture: string, order: WaveOrder])[] = [
  ["gfx1101", "forward"],
  ["gfx1101", "reverse"],
  ["gfx1101", "shuffled"],
  ["gfx90a", "shuffled"],
  ["gfx1201", "shuffled"],
  ["gfx942", "shuffled"],
];

/** MI200's matrix instructions take subnormal halves as 0 (docs/emulator.md). */
const FLUSHES: ReadonlySet<string> = new Set(["gfx90a"]);

const toolchain = await findToolchain(process.env);
const folder = mkdtempSync(join(tmpdir(), "tokitai-matrix-device-"));
afterAll(() => rmSync(folder, { recursive: true }));

describeExecuted("matrix instructions as machine code", 1_200_000, () => {
  const available = architecturesOf(toolchain).map(({ name }) => name);
  for (const [architecture] of RUNS) if (!available.includes(architecture)) sayThatItIsNotBuilt(architecture);
  describe.each(RUNS.filter(([architecture]) => available.includes(architecture)))(
    "%s, waves %s",
    (architecture, order) => {
      it("are right on their cases", async () => {
        const place = join(folder, `${architecture}-${order}`);
        await buildInto(place, await proveKernels(["kernels-hip"]), toolchain, false, "hip", architecture);
        const on = { ...emulator(TINYGRAD, order), architecture };
        const library = unwrap(await openDeviceLibrary(place, toolchain, on));
        try {
          const unit = targetOf(architecture)?.matrixUnit;
          // Those that check conditions on data claim nothing.
          const kernels = library.manifest.kernels.filter(({ computes }) => computes !== null);
          expect(kernels.length).toBeGreaterThanOrEqual(16);
          const faults: string[] = [];
          for (const { name, computes } of kernels) {
            expect(name.endsWith(`_${unit}`)).toBe(true);
            for (const one of casesOf(name)) {
              const {
                tensors,
                scalars,
                expect: faultOf,
              } = dataOf(library.abi, computes, name, one, FLUSHES.has(architecture));
              await library.call(name, { tensors, scalars, dims: one.dims });
              const fault = faultOf();
              if (fault !== undefined) faults.push(`${name}: ${fault}`);
            }
          }
          expect(faults).toEqual([]);
        } finally {
          library.close();
        }
      });
    },
  );
});
