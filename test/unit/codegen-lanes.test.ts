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
import { kernelsFrom } from "../kernel-source.ts";
import { proved } from "./codegen-ir.ts";
import { build, int, tensor } from "./codegen-library.ts";
import { noise } from "./codegen-reference.ts";

interface Body {
  /** Whether its loop over lanes becomes operations on vectors. */
  readonly vectors: boolean;
  /** One thread has row `i` of x and y, of 64 columns, registers `r` of 3 rows, and shared memory `s` of 64 and `t` of 20 × 32. */
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

const HEADER = `import { block, f32, fma, input, inout, kernel, mod, registers, shared, simd } from "tokitai/dsl";
`;
const TEXT = Object.entries(BODIES).map(
  ([name, { text }]) => `export const ${name} = kernel(
  { x: input(f32, ["N", 64]), y: inout(f32, ["N", 64]) },
  { simd: ["avx512", "avx2"], grid: ({ N }) => [N], block: [1] },
  ({ x, y }, { N }) => {
    const i = block.x;
    ${text.includes("r[") ? "const r = registers(f32, [3, simd.lanes]);" : ""}
    ${text.includes("s[") ? "const s = shared(f32, [64]);" : ""}
    ${text.includes("t[") ? "const t = shared(f32, [20, 32]);" : ""}
    ${text}
  },
);`,
);

const kernels = kernelsFrom(`${HEADER}${TEXT.join("\n")}`);
const library = build(
  emitCpu({ name: "lanes", kernels: [...kernels.values()].map((kernel) => proved(kernel)), plans: [] }),
  ["-ffp-contract=off"],
);
afterAll(library.close);

const ROWS = 20;

describe.each(SIMD_UNITS)("a loop over the lanes of %s", (unit) => {
  it.each(Object.entries(BODIES))("%s", (name, { vectors }) => {
    const kernel = kernels.get(`${name}_${unit}`);
    if (kernel === undefined) throw new Error(`no kernel ${name}_${unit}`);
    const text = emitKernelCpu(proved(kernel));
    // The last loop over lanes is the one that is tried.
    expect(/for \(Index v\w* = 0; v\w* < (16|8);/.test(text) || /v\w* = 1; /.test(text)).toBe(!vectors);
  });

  it.each(Object.keys(BODIES))("computes %s as the interpreter does, bit for bit", (name) => {
    const kernel = kernels.get(`${name}_${unit}`);
    if (kernel === undefined) throw new Error(`no kernel ${name}_${unit}`);
    const x = Float32Array.from(noise(ROWS * 64, 7));
    const expected = Float32Array.from(noise(ROWS * 64, 8));
    const found = expected.slice();
    const tensors = { x: denseTensor([ROWS, 64], x), y: denseTensor([ROWS, 64], expected) };
    const { faults } = interpretKernel({ kernel, dims: { N: BigInt(ROWS) }, scalars: {}, tensors, width: 32 });
    expect(faults).toEqual([]);
    const answer = library.call(kernel.name, [tensor(x), tensor(found), int(ROWS)]);
    if (answer.message.includes("this CPU has no")) {
      console.warn(`${kernel.name} is not run: ${answer.message} (${cpus()[0]?.model})`);
      return;
    }
    expect(answer).toEqual({ status: 0, message: "" });
    expect(new Uint32Array(found.buffer)).toEqual(new Uint32Array(expected.buffer));
  });
});

describe("a file for a vector unit", () => {
  it("defines no function that the linker could take for one of the other files", () => {
    for (const unit of SIMD_UNITS) {
      const object = join(dirname(library.path), `lanes.${unit}.cpp.o`);
      const symbols = execFileSync("nm", ["--defined-only", object], { encoding: "utf8" });
      // That of the personality routine is a pointer, the same in every file.
      expect(symbols.match(/ [WVu] (?!DW\.ref\.).*/g)).toBeNull();
      expect(symbols).toContain(`tok_run_copied_${unit}_i32`);
    }
  });
});
