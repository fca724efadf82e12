/** The CPU library, compiled without warnings, computes what the kernels and plans mean, on sizes that tiles do not divide. */

import koffi from "koffi";
import { afterAll, describe, expect, it } from "vitest";
import { emitCpu } from "../../src/compiler/codegen/cpu.ts";
import { proved } from "./codegen-ir.ts";
import { linear, normalise, rotate } from "./codegen-kernels.ts";
import {
  clashes,
  FUNCTIONS,
  forward,
  functions,
  integers,
  one,
  registerTile,
  scale,
  shrinking,
} from "./codegen-kernels-plain.ts";
import { build, double, int, tensor, workspace } from "./codegen-library.ts";
import {
  item,
  linearReference,
  matmulReference,
  noise,
  normaliseReference,
  rotateReference,
  smallIntegers,
  ulps,
} from "./codegen-reference.ts";

const kernels = [linear, normalise, rotate, scale, integers, functions, clashes, registerTile, one, shrinking];
const library = build(emitCpu({ name: "tests", kernels: kernels.map((kernel) => proved(kernel)), plans: [forward] }), [
  "-ffp-contract=off",
]);
afterAll(library.close);

const OK = { status: 0, message: "" };

describe("kernels with barriers", () => {
  it.each([
    [1, 1, 1],
    [15, 16, 17],
    [16, 16, 16],
    [17, 33, 31],
    [3, 0, 5],
    [50, 7, 2],
  ] as const)("linear of %i × %i → %i", (B, K, N) => {
    const [x, w, bias] = [noise(B * K, 1), noise(N * K, 2), noise(N, 3)];
    const y = new Float32Array(B * N).fill(NaN);
    expect(library.call("linear", [tensor(x), tensor(w), tensor(bias), tensor(y), int(B), int(K), int(N)])).toEqual(OK);
    expect(y).toEqual(linearReference(x, w, bias, [B, K, N]));
  });

  it.each([
    [1, 1],
    [2, 63],
    [3, 64],
    [2, 65],
    [5, 200],
  ] as const)("normalise of %i rows of %i", (B, N) => {
    const x = noise(B * N, 4).map((value) => value + 10_000);
    const y = new Float32Array(B * N).fill(NaN);
    expect(library.call("normalise", [tensor(x), tensor(y), int(B), int(N), double(1e-5)])).toEqual(OK);
    expect(y).toEqual(normaliseReference(x, B, N, 1e-5));
  });

  it("rotate reaches its barriers as often as the data of each block says", () => {
    const rounds = Int32Array.of(0, 1, 2, 3, 7, 12);
    const x = smallIntegers(rounds.length * 8, 5);
    const y = new Float32Array(x.length).fill(NaN);
    expect(library.call("rotate", [tensor(x), tensor(rounds), tensor(y), int(rounds.length)])).toEqual(OK);
    expect(y).toEqual(rotateReference(x, rounds));
  });

  it.each([
    [1, 1, 1],
    [8, 5, 8],
    [9, 4, 23],
    [7, 0, 3],
  ] as const)("a register tile of %i × %i → %i", (B, K, N) => {
    const [x, w] = [smallIntegers(B * K, 6), smallIntegers(K * N, 7)];
    const y = new Float32Array(B * N).fill(NaN);
    expect(library.call("register_tile", [tensor(x), tensor(w), tensor(y), int(B), int(K), int(N)])).toEqual(OK);
    expect(y).toEqual(matmulReference(x, w, [B, K, N]));
  });

  it("does not depend on the number of CPU threads", () => {
    const threads = koffi.load("libgomp.so.1").func("void omp_set_num_threads(int)");
    const [x, w, bias] = [noise(70 * 40, 8), noise(50 * 40, 9), noise(50, 10)];
    const results = [1, 2, 5].map((count) => {
      threads(count);
      const y = new Float32Array(70 * 50);
      library.call("linear", [tensor(x), tensor(w), tensor(bias), tensor(y), int(70), int(40), int(50)]);
      return y;
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    expect(results[0]).toEqual(linearReference(x, w, bias, [70, 40, 50]));
  });
});

describe("kernels without barriers", () => {
  it("returns early where a thread has no element", () => {
    const x = noise(3 * 11, 11);
    const y = new Float32Array(33).fill(NaN);
    expect(library.call("scale", [tensor(x), tensor(y), int(3), int(11), int(33), double(0.1)])).toEqual(OK);
    expect(y).toEqual(x.map((value) => value * Math.fround(0.1)));
  });

  it.each([1, 3, 7])("floors integers divided by %i, and converts the element types", (d) => {
    const x = Int32Array.of(-20, -7, -1, 0, 1, 6, 7, 20, 2_000_000_000, -2_000_000_000, 5);
    const offset = 2n ** 40n;
    const big = BigInt64Array.from(x, (value) => BigInt(value) * 1000n);
    const [a, r] = [new Int32Array(x.length), new Uint32Array(x.length)];
    const result = library.call("integers", [...[x, a, r, big].map(tensor), ...[int(x.length), int(d), int(offset)]]);
    expect(result).toEqual(OK);
    for (const [i, value] of x.entries()) {
      const v = value - Math.min(i, 7);
      expect([i, a[i], r[i], big[i]]).toEqual([
        i,
        Math.floor(v / d),
        v - d * Math.floor(v / d),
        BigInt(value) * 1000n + BigInt(Math.max(v, -3)) + offset,
      ]);
    }
  });

  it("computes the float functions, with NaN and infinities as IEEE 754 has them", () => {
    const special = [0, -0, 1, -1, 0.5, -3.25, 1e-30, 88, -100, 1e30, Infinity, -Infinity, NaN];
    const x = Float32Array.from(special.flatMap((value) => special.map(() => value)));
    const z = Float32Array.from(special.flatMap(() => special));
    const N = x.length;
    const y = new Float32Array(FUNCTIONS.length * N);
    expect(library.call("functions", [tensor(x), tensor(z), tensor(y), int(N)])).toEqual(OK);
    const meaning: Readonly<Record<(typeof FUNCTIONS)[number], (a: number, b: number) => number>> = {
      exp: Math.exp,
      log: Math.log,
      erf: (a) => ERF.get(a) ?? NaN,
      tanh: Math.tanh,
      sqrt: Math.sqrt,
      abs: Math.abs,
      min: Math.min,
      max: Math.max,
      fma: (a, b) => a * b + b,
      neg: (a) => -a,
      select: (a) => (Number.isNaN(a) ? 0.1 : -0),
    };
    for (const [row, name] of FUNCTIONS.entries()) {
      for (let i = 0; i < N; i++) {
        const [a, b, actual] = [item(x, i), item(z, i), item(y, row * N + i)];
        const expected = Math.fround(meaning[name](a, b));
        // min and max may give either of two zeros; glibc's float functions are within 2 ulp (its manual, "Errors in Math Functions").
        const within = actual === expected || ulps(actual, expected) <= 2;
        expect([name, a, b, actual, within]).toEqual([name, a, b, actual, true]);
      }
    }
  });

  it("keeps apart names that C or the generated code use themselves", () => {
    const x = noise(19, 12);
    const [sum, three] = [new Float32Array(19), new Float32Array(19)];
    expect(library.call("clashes", [tensor(x), tensor(sum), tensor(three), int(19)])).toEqual(OK);
    expect(sum).toEqual(x.map((value, i) => i + 1 + value));
    expect(three).toEqual(new Float32Array(19).fill(3));
  });

  it("evaluates a loop's bound once, before the loop", () => {
    const y = new Float32Array(2);
    expect(library.call("shrinking", [tensor(y), int(2)])).toEqual(OK);
    expect(y).toEqual(Float32Array.of(5, 5));
  });

  it("runs a kernel without dimensions", () => {
    const y = new Float32Array(1);
    expect(library.call("one", [tensor(y)])).toEqual(OK);
    expect(y).toEqual(Float32Array.of(1));
  });
});

/** erf at the inputs of this test: erf(0.5) and erf(1) from Abramowitz & Stegun 7.1; 2x/√π for small x. */
const ERF: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 0.8427007929497149],
  [-1, -0.8427007929497149],
  [0.5, 0.5204998778130465],
  [-3.25, -0.999995697222],
  [Math.fround(1e-30), 1.1283791670955126 * Math.fround(1e-30)],
  [88, 1],
  [-100, -1],
  [Math.fround(1e30), 1],
  [Infinity, 1],
  [-Infinity, -1],
]);

describe("plans", () => {
  it("computes the arena's size: class maxima, each aligned", () => {
    // h and tmp share a class, of 14·B floats; g has one of its own, of 7·B.
    expect(library.workspace("forward", 0)).toBe(0n);
    expect(library.workspace("forward", 3)).toBe(256n + 256n);
    expect(library.workspace("forward", 10)).toBe(768n + 512n);
    expect(library.workspace("forward", -1)).toBe(2n ** 64n - 1n);
    expect(library.workspace("forward", 2 ** 50)).toBe(2n ** 64n - 1n);
  });

  it.each([1, 3, 10, 37])("runs the launches in order, for B = %i", (B) => {
    const [x, w, bias] = [noise(B * 5, 13), noise(35, 14), noise(7, 15)];
    const out = new Float32Array(2 * B * 7).fill(NaN);
    const room = workspace(Number(library.workspace("forward", B)));
    expect(library.call("forward", [...[x, w, bias, out].map(tensor), room, int(B)])).toEqual(OK);
    const g = normaliseReference(linearReference(x, w, bias, [B, 5, 7]), B, 7, 1e-5);
    expect(out.subarray(0, B * 7)).toEqual(g);
    expect(out.subarray(B * 7)).toEqual(g.map((value) => -value));
  });

  it("does nothing for an empty batch", () => {
    const fields = [new Float32Array(0), noise(35, 1), noise(7, 2), new Float32Array(0)].map(tensor);
    expect(library.call("forward", [...fields, workspace(0), int(0)])).toEqual(OK);
  });
});
