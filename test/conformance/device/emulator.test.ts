/**
 * Conformance of the GPU code: the machine code that hipcc makes for gfx1101, executed by tinygrad's emulator, on the one case
 * table. It needs a checkout of tinygrad, which TOKITAI_TINYGRAD names; without one it says so, and only what the bridge does
 * with a checkout that is none is tested.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { architecturesOf, findToolchain } from "../../../src/compiler/build/toolchain.ts";
import { type CpuLibrary, LaunchError, openCpuLibrary, type TensorData } from "../../../src/runtime/cpu/library.ts";
import { WAVE_ORDERS, type WaveOrder } from "../../../src/runtime/hip/device.ts";
import { type DeviceLibrary, openDeviceLibrary } from "../../../src/runtime/hip/library.ts";
import { floatsToHalves } from "../../../src/support/float16.ts";
import { bitsOfNearest, floatsOfBits, HALF_FORMATS, roundAtRandom } from "../../../src/support/half-formats.ts";
import { caseData, faultOfCall, shareOfBound, tensorsOf } from "../case-run.ts";
import { CASES, type Case, caseName, numbers } from "../cases.ts";
import { buildInto, proveKernels, unwrap } from "../library.ts";
import { blankOutputs, expectResults, ROUTING_CASES } from "../routing-cases.ts";
import type { Tensors } from "../routing-shapes.ts";
import { emulator, sayThatItIsNotBuilt, sayThatThereIsNone, TINYGRAD } from "./emulator-place.ts";

const toolchain = await findToolchain(process.env);
const folder = mkdtempSync(join(tmpdir(), "tokitai-emulator-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An emulated wave instruction takes a microsecond, where the hardware takes a thousandth of it. */
const MAX_ELEMENTS = 20_000;
const isSmall = ({ dims }: Pick<Case, "dims">): boolean =>
  Object.values(dims).reduce((product, size) => product * Math.max(1, size), 1) <= MAX_ELEMENTS;
/**
 * Defect of the emulator (docs/emulator.md): a quotient below 2⁻¹⁰³ comes out as 0. Where the result is 0 and should be
 * smaller than anything that a sum of others could show, it is taken as right.
 */
function forgiveTinyQuotients(results: Tensors, expected: Tensors): void {
  for (const [name, values] of Object.entries(expected)) {
    const found = results[name];
    if (!(found instanceof Float32Array)) continue;
    for (const [i, value] of values.entries()) if (found[i] === 0 && Math.abs(value) < 2 ** -100) found[i] = value;
  }
}

/** RDNA 3 in each order, CDNA 2; RDNA 4 and CDNA 3 need a newer compiler than hipcc's. */
const RUNS: readonly (readonly [architecture: string, order: WaveOrder])[] = [
  ...WAVE_ORDERS.map((order) => ["gfx1101", order] as const),
  ["gfx90a", "shuffled"],
  ["gfx1201", "shuffled"],
  ["gfx942", "shuffled"],
];
const available = architecturesOf(toolchain).map(({ name }) => name);

const on = (checkout: string, architecture: string, order?: WaveOrder) => ({
  ...emulator(checkout, order),
  architecture,
});

const IN_PLACE = ["adamw", "adamw_half", "adamw_master"];
const KERNELS = [...new Set(CASES.map(({ kernel }) => kernel))];

if (TINYGRAD === "") {
  sayThatThereIsNone("kernels as machine code for gfx1101");
} else {
  const left = RUNS.filter(([architecture]) => !available.includes(architecture));
  for (const [architecture] of left) sayThatItIsNotBuilt(architecture);
  describe.each(RUNS.filter((run) => !left.includes(run)))(
    "machine code for %s, waves %s",
    { timeout: 1_200_000 },
    (architecture, order) => {
      const place = join(folder, `${architecture}-${order}`);
      let library: DeviceLibrary;
      let cpu: CpuLibrary;
      let names: readonly string[];
      beforeAll(async () => {
        const proved = await proveKernels(["kernels", "test/conformance/kernels"]);
        // Instances for vector units are of CPUs.
        const ofGpu = proved.sources.kernels.filter(({ simd }) => simd === undefined);
        names = ofGpu.flatMap(({ name, span }) => (span.file.startsWith("kernels/") ? [name] : []));
        await buildInto(place, proved, toolchain, false, "hip", architecture);
        await buildInto(join(place, "cpu"), proved, toolchain, false);
        cpu = unwrap(openCpuLibrary(join(place, "cpu")));
        library = unwrap(await openDeviceLibrary(place, toolchain, on(TINYGRAD, architecture, order)));
      });
      const seen = { kernels: new Set<string>(), cases: 0, worst: 0, of: "" };
      afterAll(() => {
        library.close();
        const { kernels, cases, worst, of } = seen;
        const share = `${(100 * worst).toPrecision(3)} % of its bound (${of})`;
        process.stderr.write(
          `${architecture}, waves ${order}: ${kernels.size} kernels at ${cases} cases; the largest error is ${share}\n`,
        );
      });

      it.each(KERNELS)("%s is right on its cases", async (kernel) => {
        const cases = CASES.filter((one) => one.kernel === kernel && isSmall(one));
        expect(cases.length).toBeGreaterThan(2);
        const faults: string[] = [];
        for (const one of cases) {
          const data = caseData(one, tensorsOf(library.abi, one));
          await library.call(kernel, {
            tensors: Object.fromEntries(data),
            dims: one.dims,
            scalars: { ...one.attributes },
          });
          const fault = faultOfCall(library, one, data);
          if (fault !== undefined) faults.push(`${caseName(one)}: ${fault}`);
          seen.kernels.add(kernel);
          seen.cases += 1;
          const share = shareOfBound(library, one, data);
          if (share > seen.worst) Object.assign(seen, { worst: share, of: caseName(one) });
        }
        expect(faults).toEqual([]);
      });

      const routing = ROUTING_CASES.filter(isSmall);
      it.each([...new Set(routing.map(({ kernel }) => kernel))])("%s is right on its cases", async (kernel) => {
        for (const one of routing.filter((candidate) => candidate.kernel === kernel)) {
          const { dims, inputs, scalars = {}, outputs } = one;
          const results = blankOutputs(outputs);
          await library.call(kernel, { tensors: { ...inputs, ...results }, dims, scalars });
          forgiveTinyQuotients(results, outputs);
          expectResults(results, one);
        }
      });

      it.each(IN_PLACE)("%s leaves what the CPU build leaves, bit by bit", async (kernel) => {
        const [R, C] = [5, 70];
        const filled = (seed: number): Float32Array<ArrayBuffer> => {
          const next = numbers(seed);
          return Float32Array.from({ length: R * C }, () => next() - 0.5);
        };
        const start = (): Readonly<Record<string, TensorData>> => ({
          ...(kernel === "adamw_master" ? { master: filled(1), weight: new Uint16Array(R * C) } : {}),
          ...(kernel === "adamw_half" ? { weight: floatsToHalves(filled(1)), random: Int32Array.of(9, 3) } : {}),
          ...(kernel === "adamw" ? { weight: filled(1) } : {}),
          mean: filled(2),
          square: filled(3).map(Math.abs),
          gradient: filled(4),
          scale: Float32Array.of(0.5),
          rates: Float32Array.of(0.01, 0.1, 0.001),
        });
        const constants = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1 };
        const scalars = { ...constants, ...(kernel === "adamw_half" ? { stream: 4 } : {}) };
        const [own, other] = [start(), start()];
        await library.call(kernel, { tensors: own, dims: { R, C }, scalars });
        cpu.call(kernel, { tensors: other, dims: { R, C }, scalars });
        expect(own).toEqual(other);
        expect(own).not.toEqual(start());
      });

      it("loss_scale and clip_scale leave what the CPU build leaves, bit by bit", async () => {
        for (const squares of [0, 1e-3, 4, 1e30, Infinity, NaN]) {
          const start = () => ({ squares: Float32Array.of(squares), scale: Float32Array.of(-7) });
          const state = (): Float32Array<ArrayBuffer> => Float32Array.of(1024, 2);
          for (const [kernel, more, scalars] of [
            ["clip_scale", () => ({}), { max_norm: 1 }],
            ["loss_scale", () => ({ state: state() }), { max_norm: 1, interval: 3 }],
          ] as const) {
            const [own, other] = [
              { ...start(), ...more() },
              { ...start(), ...more() },
            ];
            await library.call(kernel, { tensors: own, dims: {}, scalars });
            cpu.call(kernel, { tensors: other, dims: {}, scalars });
            expect(own).toEqual(other);
          }
        }
      });

      it("are all kernels of kernels/ that are for GPUs", () => {
        const run = [...KERNELS, ...ROUTING_CASES.map(({ kernel }) => kernel), ...IN_PLACE, "loss_scale", "clip_scale"];
        expect(names.filter((name) => !run.includes(name))).toEqual([]);
      });

      it("refuses what breaks the contract, and changes nothing", async () => {
        const tensors = {
          x: new Float32Array(6),
          w: new Float32Array(6),
          bias: new Float32Array(2),
          y: new Float32Array(6),
        };
        const call = library.call("linear", {
          tensors: { ...tensors, y: tensors.y.fill(7) },
          dims: { B: 3, K: 2, N: 2 },
        });
        await expect(call).rejects.toThrow(LaunchError);
        expect([...tensors.y]).toEqual([7, 7, 7, 7, 7, 7]);
      });

      it.each([
        { element: "f16", kernel: "half_conversions", low: -27, high: 18 },
        { element: "bf16", kernel: "bf16_conversions", low: -136, high: 128 },
      ] as const)("converts $element bit for bit as the definition says", async ({ element, kernel, low, high }) => {
        const N = 5_000;
        const x = Float32Array.from({ length: N }, (_, i) =>
          Math.fround(Math.sin(i) * 2 ** ((i % (high - low)) + low)),
        );
        const h = Uint16Array.from({ length: N }, (_, i) => (i * 13) & (HALF_FORMATS[element].infinity - 1));
        const bits = Int32Array.from({ length: N }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 1);
        const [widened, seen] = [new Float32Array(N), new Float32Array(N)];
        const [nearest, either] = [new Uint16Array(N), new Uint16Array(N)];
        const tensors = { h, x, bits, widened, nearest, either, seen };
        await library.call(kernel, { tensors, dims: { N } });
        expect(widened).toEqual(floatsOfBits(element, h));
        expect(nearest).toEqual(Uint16Array.from(x, (value) => bitsOfNearest(element, value)));
        const expected = Uint16Array.from(x, (value, i) =>
          bitsOfNearest(element, roundAtRandom(element, value, bits[i] ?? 0)),
        );
        expect(either).toEqual(expected);
      });
    },
  );
}

describe("a checkout that is none", () => {
  it("is named, with what it would have to be", async () => {
    const place = join(folder, "softmax");
    await buildInto(place, await proveKernels(["kernels/softmax.ts"]), toolchain, false, "hip");
    const opened = await openDeviceLibrary(place, toolchain, on("/nowhere", "gfx1101"));
    expect(opened.ok ? [] : opened.diagnostics).toMatchObject([
      { code: "TK552", message: expect.stringContaining("/nowhere has no test/mockgpu/amd/emu.py") },
    ]);
    const other = await openDeviceLibrary(place, toolchain, on(TINYGRAD, "gfx1030"));
    expect(other.ok ? [] : other.diagnostics).toMatchObject([
      { code: "TK552", message: expect.stringContaining("has code for gfx1101, not for gfx1030") },
    ]);
  });
});
