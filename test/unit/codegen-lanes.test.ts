/**
 * Loops over the lanes of a CPU's vector unit: which become one operation on vectors, and that all of them compute what the
 * interpreter does, bit for bit. Where a lane sees what another has stored, the loop has to stay a loop.
 */

import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { emitCpu, emitKernelCpu } from "../../src/compiler/codegen/cpu.ts";
import { denseTensor, interpretKernel } from "../../src/ir/kernel/interpret.ts";
import { SIMD_UNITS } from "../../src/ir/kernel/simd.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import {
  bitsOfNearest,
  floatsOfBits,
  HALF_ELEMENTS,
  type HalfElement,
  valueOfBits,
} from "../../src/support/half-formats.ts";
import { kernelsFrom } from "../kernel-source.ts";
import { proved } from "./codegen-ir.ts";
import { build, DTYPE, type Field, int, type Library, tensor } from "./codegen-library.ts";
import { noise } from "./codegen-reference.ts";

interface Body {
  /** Whether its loop over lanes becomes operations on vectors. */
  readonly vectors: boolean;
  /**
   * One thread has row `i` of x and y, of 64 columns, registers `r` of 3 rows, and shared memory `s` of 64 and `t` of 20 × 32; of
   * f16 also a row of `h`, registers `q` and shared memory `hs` and `ht`, and of bf16 a row of `b`.
   */
  readonly text: string;
}

const COPY_IN = "for (let v = 0; v < simd.lanes; v++) r[0][v] = x[i][v];";
const COPY_OUT = "for (let v = 0; v < simd.lanes; v++) y[i][v] = r[0][v];";

const BODIES: Readonly<Record<string, Body>> = {
  copied: { vectors: true, text: `${COPY_IN} ${COPY_OUT}` },
  from_an_offset: { vectors: true, text: `for (let v = 0; v < simd.lanes; v++) y[i][v + 8] = x[i][4 + v];` },
  fused: {
    vectors: true,
    text: `${COPY_IN} for (let v = 0; v < simd.lanes; v++) r[0][v] = fma(x[i][3], r[0][v], x[i][v + 1]); ${COPY_OUT}`,
  },
  plain_arithmetic: {
    vectors: true,
    text: `${COPY_IN} for (let v = 0; v < simd.lanes; v++) r[0][v] = (r[0][v] - 0.5) * x[i][v + 2] / -r[0][v] + x[i][0]; ${COPY_OUT}`,
  },
  two_rows: {
    vectors: true,
    text: `${COPY_IN} for (let v = 0; v < simd.lanes; v++) { r[1][v] = r[0][v] * 2.0; r[0][v] = r[1][v] + r[0][v]; } ${COPY_OUT}`,
  },
  minus_zero: { vectors: true, text: `for (let v = 0; v < simd.lanes; v++) r[0][v] = -0.0; ${COPY_OUT}` },
  turned_around: {
    vectors: true,
    text: `for (let u = 0; u < simd.lanes; u++) { for (let v = 0; v < simd.lanes; v++) t[v + 1][u + 2] = x[u + 3][v + 5]; }
      for (let v = 0; v < simd.lanes; v++) y[i][v] = t[1 + mod(i, 8)][v + 2];`,
  },
  // Not turned around: a vector for each u.
  a_row_per_lane: {
    vectors: true,
    text: `for (let u = 0; u < simd.lanes; u++) { for (let v = 0; v < simd.lanes; v++) t[1][u + v] = x[u][v]; }
      for (let v = 0; v < simd.lanes; v++) y[i][v] = t[1][v];`,
  },
  // What follows is no operation on all lanes at once.
  turned_in_place: {
    vectors: false,
    text: `for (let r = 0; r < 20; r++) { for (let c = 0; c < 24; c++) t[r][c] = x[r][c]; }
      for (let u = 0; u < simd.lanes; u++) { for (let v = 0; v < simd.lanes; v++) t[v][u] = t[u + 1][v]; }
      for (let v = 0; v < 20; v++) y[i][v] = t[mod(i, 8)][v];`,
  },
  running_sum: {
    vectors: false,
    text: `s[0] = x[i][0]; for (let v = 0; v < simd.lanes; v++) s[v + 1] = s[v] + x[i][v]; for (let v = 0; v < simd.lanes; v++) y[i][v] = s[v + 1];`,
  },
  stored_then_read_beside: {
    vectors: false,
    text: `for (let v = 0; v < 64; v++) s[v] = x[i][v]; for (let v = 0; v < simd.lanes; v++) { s[v + 1] = 2.0 * x[i][v]; y[i][v] = s[v]; }`,
  },
  one_element_of_a_row: {
    vectors: false,
    text: `${COPY_IN} for (let v = 0; v < simd.lanes; v++) r[0][v] = r[0][v] + r[0][0]; ${COPY_OUT}`,
  },
  one_element_of_memory: {
    vectors: false,
    text: `s[3] = x[i][3]; for (let v = 0; v < simd.lanes; v++) s[v] = x[i][v] + s[3]; for (let v = 0; v < simd.lanes; v++) y[i][v] = s[v];`,
  },
  stored_twice: {
    vectors: false,
    text: `for (let v = 0; v < 32; v++) y[i][v] = 0.0; for (let v = 0; v < simd.lanes; v++) { y[i][v + 1] = x[i][v]; y[i][v] = x[i][v + 2]; }`,
  },
  backwards: { vectors: false, text: `for (let v = 0; v < simd.lanes; v++) y[i][20 - v] = x[i][v];` },
  every_other: { vectors: false, text: `for (let v = 0; v < simd.lanes; v++) y[i][2 * v] = x[i][2 * v];` },
  twice_the_lane: { vectors: false, text: `for (let v = 0; v < simd.lanes; v++) y[i][v + v] = x[i][v];` },
  a_lane_alone: {
    vectors: false,
    text: `${COPY_IN} for (let v = 0; v < simd.lanes; v++) y[i][v] = v < 3 ? r[0][v] : r[1][0];`.replace(
      "r[1][0]",
      "x[i][v]",
    ),
  },
  fewer_lanes: { vectors: false, text: `for (let v = 1; v < simd.lanes; v++) y[i][v] = x[i][v];` },
  by_lane_number: { vectors: false, text: `for (let v = 0; v < simd.lanes; v++) y[i][v] = x[i][v] * f32(v);` },
};

/** The same with halves in memory, which a vector holds widened. */
const OF_HALVES: Readonly<Record<string, Body>> = {
  f16_widened: { vectors: true, text: `for (let v = 0; v < simd.lanes; v++) r[0][v] = h[i][v + 3]; ${COPY_OUT}` },
  bf16_widened: { vectors: true, text: `for (let v = 0; v < simd.lanes; v++) y[i][v + 1] = -b[i][5 + v];` },
  of_three_formats: {
    vectors: true,
    text: `for (let v = 0; v < simd.lanes; v++) y[i][v] = fma(h[i][v + 1], b[i][v + 2], x[i][v]);`,
  },
  f16_same_in_all: {
    vectors: true,
    text: `${COPY_IN} for (let v = 0; v < simd.lanes; v++) r[0][v] = fma(h[i][3], b[i][v], r[0][v]); ${COPY_OUT}`,
  },
  f16_shared: {
    vectors: true,
    text: `for (let c = 0; c < 64; c++) hs[c] = h[i][c]; for (let v = 0; v < simd.lanes; v++) y[i][v] = hs[v + 1] * 2.0;`,
  },
  f16_turned_around: {
    vectors: true,
    text: `for (let u = 0; u < simd.lanes; u++) { for (let v = 0; v < simd.lanes; v++) t[v + 1][u + 2] = h[u + 3][v + 5]; }
      for (let v = 0; v < simd.lanes; v++) y[i][v] = t[1 + mod(i, 8)][v + 2];`,
  },
  bf16_turned_around: {
    vectors: true,
    text: `for (let u = 0; u < simd.lanes; u++) { for (let v = 0; v < simd.lanes; v++) t[v + 1][u + 2] = b[u + 3][v + 5]; }
      for (let v = 0; v < simd.lanes; v++) y[i][v] = t[1 + mod(i, 8)][v + 2];`,
  },
  // What follows is no operation on all lanes at once.
  f16_backwards: { vectors: false, text: `for (let v = 0; v < simd.lanes; v++) y[i][v] = h[i][20 - v];` },
  bf16_every_other: { vectors: false, text: `for (let v = 0; v < simd.lanes; v++) y[i][v] = b[i][2 * v];` },
  bf16_down_a_column: { vectors: false, text: `for (let v = 0; v < simd.lanes; v++) y[i][v] = b[v][i];` },
  one_format_backwards: {
    vectors: false,
    text: `for (let v = 0; v < simd.lanes; v++) y[i][v] = h[i][v] * b[i][20 - v];`,
  },
  f16_chosen: {
    vectors: false,
    text: `for (let v = 0; v < simd.lanes; v++) y[i][v] = x[i][v] < 0.0 ? h[i][v] : x[i][0];`,
  },
  f16_stored: {
    vectors: false,
    text: `for (let v = 0; v < simd.lanes; v++) hs[v] = h[i][v]; for (let v = 0; v < simd.lanes; v++) y[i][v] = hs[v];`,
  },
  f16_rounded: {
    vectors: false,
    text: `for (let v = 0; v < simd.lanes; v++) hs[v] = f16(x[i][v]); for (let v = 0; v < simd.lanes; v++) y[i][v] = hs[v];`,
  },
  f16_handed_on: {
    vectors: false,
    text: `hs[0] = h[i][9]; for (let v = 0; v < simd.lanes; v++) hs[v + 1] = hs[v]; for (let v = 0; v < simd.lanes; v++) y[i][v] = hs[v + 1];`,
  },
  f16_registers: {
    vectors: false,
    text: `for (let v = 0; v < simd.lanes; v++) q[0][v] = h[i][v]; for (let v = 0; v < simd.lanes; v++) y[i][v] = q[0][v];`,
  },
  f16_turned_into_f16: {
    vectors: false,
    text: `for (let u = 0; u < simd.lanes; u++) { for (let v = 0; v < simd.lanes; v++) ht[v][u] = h[u][v]; }
      for (let v = 0; v < simd.lanes; v++) y[i][v] = ht[mod(i, 8)][v];`,
  },
  two_formats_turned_around: {
    vectors: false,
    text: `for (let u = 0; u < simd.lanes; u++) { for (let v = 0; v < simd.lanes; v++) t[v][u] = h[u][v] + b[u][v]; }
      for (let v = 0; v < simd.lanes; v++) y[i][v] = t[mod(i, 8)][v];`,
  },
};

/** Whole rows of halves, widened: for the bits that come of each. */
const WHOLE_ROWS: Readonly<Record<string, string>> = {
  every_f16: `for (let c = 0; c < 64; c += simd.lanes) { for (let v = 0; v < simd.lanes; v++) y[i][c + v] = h[i][c + v]; }`,
  every_bf16: `for (let c = 0; c < 64; c += simd.lanes) { for (let v = 0; v < simd.lanes; v++) y[i][c + v] = b[i][c + v]; }`,
  every_f16_alone: `for (let c = 0; c < 64; c++) y[i][c] = h[i][c];`,
  every_bf16_alone: `for (let c = 0; c < 64; c++) y[i][c] = b[i][c];`,
};

const HEADER = `import { bf16, block, f16, f32, fma, input, inout, kernel, mod, registers, shared, simd } from "tokitai/dsl";
`;

function kernelText(name: string, text: string, halves: string): string {
  const uses = (array: string): boolean => new RegExp(`\\b${array}\\[`).test(text);
  return `export const ${name} = kernel(
  { x: input(f32, ["N", 64]), ${halves} y: inout(f32, ["N", 64]) },
  { simd: ["avx512", "avx2"], grid: ({ N }) => [N], block: [1] },
  ({ x, ${halves === "" ? "" : "h, b, "}y }, { N }) => {
    const i = block.x;
    ${uses("r") ? "const r = registers(f32, [3, simd.lanes]);" : ""}
    ${uses("q") ? "const q = registers(f16, [3, simd.lanes]);" : ""}
    ${uses("s") ? "const s = shared(f32, [64]);" : ""}
    ${uses("hs") ? "const hs = shared(f16, [64]);" : ""}
    ${uses("t") ? "const t = shared(f32, [20, 32]);" : ""}
    ${uses("ht") ? "const ht = shared(f16, [20, 32]);" : ""}
    ${text}
  },
);`;
}

const HALVES = `h: input(f16, ["N", 64]), b: input(bf16, ["N", 64]),`;
const TEXT = [
  ...Object.entries(BODIES).map(([name, { text }]) => kernelText(name, text, "")),
  ...Object.entries(OF_HALVES).map(([name, { text }]) => kernelText(name, text, HALVES)),
  ...Object.entries(WHOLE_ROWS).map(([name, text]) => kernelText(name, text, HALVES)),
];

const kernels = kernelsFrom(`${HEADER}${TEXT.join("\n")}`);
const library = build(
  emitCpu({ name: "lanes", kernels: [...kernels.values()].map((kernel) => proved(kernel)), plans: [] }),
  ["-ffp-contract=off"],
);
afterAll(library.close);

/** The same without the instructions of any unit: what the support header has loops for. */
const portable = build(
  emitCpu({ name: "loops", kernels: [...kernels.values()].map((kernel) => proved(kernel)), plans: [] }),
  ["-ffp-contract=off", ...["AVX512F", "F16C", "AVX2", "AVX"].map((feature) => `-U__${feature}__`)],
);
afterAll(portable.close);
const BUILDS = [
  { how: "with the unit's instructions", built: library },
  { how: "in loops", built: portable },
];

const ROWS = 20;

function kernelNamed(name: string): Kernel {
  const kernel = kernels.get(name);
  if (kernel === undefined) throw new Error(`no kernel ${name}`);
  return kernel;
}

/** Whether the kernel was run: a CPU without its unit refuses it. */
function ran(name: string, args: readonly Field[], built: Library): boolean {
  const answer = built.call(name, args);
  if (answer.message.includes("this CPU has no")) {
    console.warn(`${name} is not run: ${answer.message} (${cpus()[0]?.model})`);
    return false;
  }
  expect(answer).toEqual({ status: 0, message: "" });
  return true;
}

/** The bits of floats, with those of one NaN for all of them. */
function bitsOf(values: Float32Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(values.buffer).map((bits) => ((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits));
}

const bf16 = (bits: Uint16Array): Field => ({ ...tensor(bits), dtype: DTYPE.bf16 });

describe.each(SIMD_UNITS)("a loop over the lanes of %s", (unit) => {
  it.each(Object.entries({ ...BODIES, ...OF_HALVES }))("%s", (name, { vectors }) => {
    const text = emitKernelCpu(proved(kernelNamed(`${name}_${unit}`)));
    // The last loop over lanes is the one that is tried.
    expect(/for \(Index v\w* = 0; v\w* < (16|8);/.test(text) || /v\w* = 1; /.test(text)).toBe(!vectors);
  });

  it.each(Object.keys(BODIES))("computes %s as the interpreter does, bit for bit", (name) => {
    const kernel = kernelNamed(`${name}_${unit}`);
    const x = Float32Array.from(noise(ROWS * 64, 7));
    const before = Float32Array.from(noise(ROWS * 64, 8));
    const expected = before.slice();
    const tensors = { x: denseTensor([ROWS, 64], x), y: denseTensor([ROWS, 64], expected) };
    const { faults } = interpretKernel({ kernel, dims: { N: BigInt(ROWS) }, scalars: {}, tensors, width: 32 });
    expect(faults).toEqual([]);
    for (const { how, built } of BUILDS) {
      const found = before.slice();
      if (!ran(kernel.name, [tensor(x), tensor(found), int(ROWS)], built)) return;
      expect(new Uint32Array(found.buffer), how).toEqual(new Uint32Array(expected.buffer));
    }
  });

  it.each(Object.keys(OF_HALVES))("computes %s as the interpreter does, bit for bit but those of NaN", (name) => {
    const kernel = kernelNamed(`${name}_${unit}`);
    const x = Float32Array.from(noise(ROWS * 64, 7));
    // Numbers of ordinary size, and bits of any: subnormals, infinities, NaN.
    const halves = (element: HalfElement, seed: number): Uint16Array =>
      Uint16Array.from(noise(ROWS * 64, seed), (value, at) =>
        at % 3 === 0 ? (at * 40_503) & 0xffff : bitsOfNearest(element, value),
      );
    const [h, b] = [halves("f16", 9), halves("bf16", 10)];
    const before = Float32Array.from(noise(ROWS * 64, 8));
    const expected = before.slice();
    const tensors = {
      x: denseTensor([ROWS, 64], x),
      h: denseTensor([ROWS, 64], floatsOfBits("f16", h)),
      b: denseTensor([ROWS, 64], floatsOfBits("bf16", b)),
      y: denseTensor([ROWS, 64], expected),
    };
    const { faults } = interpretKernel({ kernel, dims: { N: BigInt(ROWS) }, scalars: {}, tensors, width: 32 });
    expect(faults).toEqual([]);
    for (const { how, built } of BUILDS) {
      const found = before.slice();
      if (!ran(kernel.name, [tensor(x), tensor(h), bf16(b), tensor(found), int(ROWS)], built)) return;
      expect(bitsOf(found), how).toEqual(bitsOf(expected));
    }
  });

  it.each(HALF_ELEMENTS)("widens every %s as one element alone is, those of NaN with their bits", (element) => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, at) => at);
    const x = new Float32Array(bits.length);
    // A NaN keeps its sign and payload, and an f16 becomes a quiet one, as IEEE 754 has conversions do.
    const expected = new Uint32Array(floatsOfBits(element, bits).buffer).map((float, at) => {
      if (!Number.isNaN(valueOfBits(element, at))) return float;
      return element === "bf16" ? at << 16 : ((at & 0x8000) << 16) | 0x7fc00000 | ((at & 0x3ff) << 13);
    });
    for (const name of [`every_${element}_${unit}`, `every_${element}_alone_${unit}`]) {
      for (const { how, built } of BUILDS) {
        const found = new Float32Array(bits.length);
        if (!ran(name, [tensor(x), tensor(bits), bf16(bits), tensor(found), int(bits.length / 64)], built)) return;
        const differing = [...new Uint32Array(found.buffer).entries()].filter(([at, float]) => float !== expected[at]);
        expect(differing, `${name} ${how}`).toEqual([]);
      }
    }
    expect(/for \(Index v/.test(emitKernelCpu(proved(kernelNamed(`every_${element}_${unit}`))))).toBe(false);
  });
});

describe("a file for a vector unit", () => {
  it("defines no function that the linker could take for one of the other files", () => {
    for (const unit of SIMD_UNITS) {
      const object = join(dirname(library.path), `kernels.${unit}.cpp.o`);
      const symbols = execFileSync("nm", ["--defined-only", object], { encoding: "utf8" });
      // That of the personality routine is a pointer, the same in every file.
      expect(symbols.match(/ [WVu] (?!DW\.ref\.).*/g)).toBeNull();
      expect(symbols).toContain(`tok_run_copied_${unit}_i32`);
    }
  });
});
