/**
 * Conformance of half precision: what the CPU build makes of every f16 and bf16 and of floats around them, bit by bit,
 * against `half-formats.ts` and `philox.ts`, as the interpreter does; and vectors of halves in registers and shared memory.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { denseTensor, interpretKernel } from "../../src/ir/kernel/interpret.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import {
  bitsOfFloats,
  bitsOfNearest,
  floatsOfBits,
  HALF_FORMATS,
  type HalfElement,
  roundAtRandom,
  roundToNearest,
  spacingAt,
  valueOfBits,
} from "../../src/support/half-formats.ts";
import { randomBits } from "../../src/support/philox.ts";
import { numbers } from "./cases.ts";
import { buildInto, type ProvedSources, proveKernels, unwrap } from "./library.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-half-"));
let proved: ProvedSources;
let library: CpuLibrary;

beforeAll(async () => {
  proved = await proveKernels(["test/conformance/kernels/half.ts"]);
  await buildInto(folder, proved, await findToolchain(process.env), false);
  library = unwrap(openCpuLibrary(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

function kernelNamed(name: string) {
  const kernel = proved.sources.kernels.find((one) => one.name === name);
  if (kernel === undefined) throw new Error(`no kernel ${name}`);
  return kernel;
}

/** Floats of these powers of two, which go beyond what the format holds where f32 does. */
const WILD = { f16: [-50, 30], bf16: [-150, 128] } as const;

/** Every half, the middles between two, the f32 next to each, and floats of all sizes; with integers that decide. */
function conversions(element: HalfElement) {
  const view = new DataView(new ArrayBuffer(4));
  const near = (value: number): readonly number[] => {
    view.setFloat32(0, value);
    const bits = view.getUint32(0);
    return [bits - 1, bits, bits + 1].map((neighbour) => {
      view.setUint32(0, neighbour >>> 0);
      return view.getFloat32(0);
    });
  };
  const next = numbers(11);
  const around = Array.from({ length: HALF_FORMATS[element].infinity }, (_, bits) => bits).flatMap((bits) => {
    const value = valueOfBits(element, bits);
    return [value, value + spacingAt(element, value) / 2].flatMap(near);
  });
  const [low, high] = WILD[element];
  const wild = Array.from({ length: 40_000 }, () => Math.fround((next() - 0.5) * 2 ** ((high - low) * next() + low)));
  const signed = [...around.flatMap((x) => [x, -x]), ...wild, 0, -0, 1e-45, 3e38, Infinity, -Infinity, Number.NaN];
  const x = Float32Array.from(signed);
  return {
    x,
    h: Uint16Array.from(x, (_, i) => i & 0xffff),
    bits: Int32Array.from(x, (_, i) => (i % 7 === 0 ? -i : Math.floor(next() * 2 ** 31))),
  };
}

/** NaN is NaN, whatever its bits. */
const canonical = (element: HalfElement, bits: Uint16Array): Uint16Array =>
  bits.map((half) => bitsOfNearest(element, valueOfBits(element, half)));

const FORMATS = [
  { element: "f16", converting: "half_conversions", moving: "half_vectors", large: 70_000, least: 230_000 },
  { element: "bf16", converting: "bf16_conversions", moving: "bf16_vectors", large: 3.4e38, least: 430_000 },
] as const;

describe.each(FORMATS)("conversions of $element", ({ element, converting, moving, large, least }) => {
  it("are bit for bit those of the definition", () => {
    const { x, h, bits } = conversions(element);
    const N = x.length;
    expect(N).toBeGreaterThan(least);
    expect(new Set(h).size).toBe(65_536);
    const [widened, seen] = [new Float32Array(N), new Float32Array(N)];
    const [nearest, either] = [new Uint16Array(N), new Uint16Array(N)];
    library.call(converting, { tensors: { h, x, bits, widened, nearest, either, seen }, dims: { N } });
    expect(widened).toEqual(floatsOfBits(element, h));
    expect(canonical(element, nearest)).toEqual(bitsOfFloats(element, x));
    const expected = Uint16Array.from(x, (value, i) =>
      bitsOfNearest(element, roundAtRandom(element, value, bits[i] ?? 0)),
    );
    expect(canonical(element, either)).toEqual(expected);
    expect(seen).toEqual(
      x.map((value, i) => roundToNearest(element, value) + Math.fround((widened[i] ?? 0) * 2 ** -15)),
    );
  });

  it("are the same interpreted", () => {
    const all = conversions(element);
    const pick = (_: number, i: number): boolean => i % 97 === 0;
    const [x, h, bits] = [all.x.filter(pick), all.h.filter(pick), all.bits.filter(pick)];
    const N = x.length;
    const [widened, nearest, either, seen] = Array.from({ length: 4 }, () => new Float32Array(N));
    const tensors = { h: floatsOfBits(element, h), x, bits, widened, nearest, either, seen };
    for (const width of [32, 64] as const) {
      const { faults, complete } = interpretKernel({
        kernel: kernelNamed(converting),
        dims: { N: BigInt(N) },
        scalars: {},
        tensors: Object.fromEntries(
          Object.entries(tensors).map(([name, data]) => [name, denseTensor([N], data ?? new Float32Array(N))]),
        ),
        width,
      });
      expect({ faults, complete }).toEqual({ faults: [], complete: true });
      expect(widened).toEqual(floatsOfBits(element, h));
      expect(nearest).toEqual(x.map((value) => roundToNearest(element, value)));
      expect(either).toEqual(x.map((value, i) => roundAtRandom(element, value, bits[i] ?? 0)));
    }
  });

  it("widen what the caller's tensor cannot hold to what it would hold", () => {
    const kernel = kernelNamed(moving);
    const x = Float32Array.of(0.1, 1, 2, 3, 4, 5, 6, large);
    const y = new Float32Array(8);
    const tensors = { x: denseTensor([8], x), y: denseTensor([8], y) };
    interpretKernel({ kernel, dims: { N: 8n }, scalars: {}, tensors, width: 32 });
    expect(y).toEqual(Float32Array.of(Infinity, 6, 5, -4, -3, -2, 1, roundToNearest(element, 0.1)));
  });
});

describe.each(FORMATS)("vectors of $element", ({ element, moving }) => {
  it.each([0, 8, 512, 520, 1024])("%d are moved eight at a time", (N) => {
    const x = Uint16Array.from({ length: N }, (_, i) => bitsOfNearest(element, i + 0.5));
    const y = new Uint16Array(N);
    library.call(moving, { tensors: { x, y }, dims: { N } });
    const values = Array.from(x, (_, i) => {
      const lane = i % 8;
      const value = valueOfBits(element, x[i - lane + 7 - lane] ?? 0);
      return 2 < lane && lane < 6 ? -value : value;
    });
    expect(y).toEqual(bitsOfFloats(element, values));
  });

  it("are refused at an address that no access of 16 bytes may have, and in another type", () => {
    const room = new Uint16Array(24);
    const [x, y] = [room.subarray(1, 9), new Uint16Array(8)];
    expect(() => library.call(moving, { tensors: { x, y }, dims: { N: 8 } })).toThrow(/TOK_ALIGNMENT|multiple of 16/);
    const floats = new Float32Array(8);
    expect(() => library.call(moving, { tensors: { x: floats, y }, dims: { N: 8 } })).toThrow(
      `x has dtype f32 (1), expected ${element}`,
    );
    const short = new Uint16Array(7);
    expect(() => library.call(moving, { tensors: { x: short, y }, dims: { N: 8 } })).toThrow(
      `x has 14 bytes, expected 16 for ${element} [N]`,
    );
  });
});

describe("random integers", () => {
  it.each([
    { seed: 0n, stream: 0n, step: 0n, first: 0 },
    { seed: 123_456_789n, stream: 3n, step: 99n, first: 999 },
    { seed: -1n, stream: 2n ** 40n + 17n, step: 2n ** 33n + 1n, first: 500 },
  ])("are those of the definition under %o", (scalars) => {
    const N = 1_000;
    const y = new Int32Array(N);
    library.call("random_integers", { tensors: { y }, dims: { N }, scalars });
    const [seed, stream, step] = [scalars.seed, scalars.stream, scalars.step].map(Number);
    const expected = Int32Array.from({ length: N }, (_, i) =>
      randomBits(seed ?? 0, stream ?? 0, step ?? 0, i - scalars.first),
    );
    expect(y).toEqual(expected);
  });
});
