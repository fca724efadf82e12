/** Atomic steps, vector accesses and wave barriers: what the CPU library computes with them, and what they are on a GPU. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { afterAll, describe, expect, it } from "vitest";
import { findToolchain, INSTALL } from "../../src/compiler/build/toolchain.ts";
import { STATUSES } from "../../src/compiler/codegen/abi-constants.ts";
import { emitCpu, emitKernelCpu } from "../../src/compiler/codegen/cpu.ts";
import { emitHip, emitKernelHip } from "../../src/compiler/codegen/hip.ts";
import { add, dim, ghost, int as literal } from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { Plan } from "../../src/ir/plan.ts";
import { inGlobal, intLocal, proved, variable } from "./codegen-ir.ts";
import { BINS, exchange, extremes, histogram } from "./codegen-kernels-memory.ts";
import { addressOf, build, int, tensor, workspace, writeFiles } from "./codegen-library.ts";
import { noise } from "./codegen-reference.ts";

const LANES = [2, 4, 8, 16] as const;
// An i64 element fits no 32-bit index, so that a proof of `extremes` has the wide instance alone.
const kernels = [proved(extremes, [64]), ...[histogram, ...LANES.map(exchange)].map((kernel) => proved(kernel))];
const files = { name: "memory", kernels, plans: [] };
const SANITIZE = ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"];
const library = build(emitCpu(files), SANITIZE);
afterAll(library.close);

const OK = { status: 0, message: "" };
const setThreads = koffi.load("libgomp.so.1").func("void omp_set_num_threads(int)");

/** Memory for `count` elements at an address that is so many bytes past a multiple of 64. */
function placed(count: number, past: number): { readonly data: Float32Array; readonly ints: Int32Array } {
  const room = new ArrayBuffer(count * 4 + 128);
  const start = Number((64n - (addressOf(new Uint8Array(room)) % 64n)) % 64n) + past;
  return { data: new Float32Array(room, start, count), ints: new Int32Array(room, start, count) };
}

describe("atomic steps on the CPU", () => {
  it.each([1, 2, 5])("count, wrap and find extremes with %i threads", (threads) => {
    setThreads(threads);
    const N = 10_000;
    const keys = Int32Array.from(noise(N, 3), (value) => Math.floor((value + 1) * (BINS / 2)));
    const counts = new Int32Array(BINS).fill(5);
    const wrapped = new Int32Array(1);
    const [largest, smallest] = [new Int32Array(BINS).fill(-1), new Int32Array(BINS).fill(64)];
    const tensors = [keys, counts, wrapped, largest, smallest].map(tensor);
    expect(library.call("histogram", [...tensors, int(N)])).toEqual(OK);
    const expected = new Int32Array(BINS).fill(5);
    const [high, low] = [new Int32Array(BINS).fill(-1), new Int32Array(BINS).fill(64)];
    for (const [i, key] of keys.entries()) {
      expected[key] = (expected[key] ?? 0) + 1;
      high[key] = Math.max(high[key] ?? 0, i % 64);
      low[key] = Math.min(low[key] ?? 0, i % 64);
    }
    expect(counts).toEqual(expected);
    expect(largest).toEqual(high);
    expect(smallest).toEqual(low);
    // N · (2³¹ + 1) modulo 2³², for an even N.
    expect(wrapped).toEqual(Int32Array.of(N));
  });

  it("wrap at the width of the element, and compare by its sign", () => {
    const x32 = Int32Array.of(2 ** 31 - 1, 1, -5, 7, -(2 ** 31), 3, 0, 0, 12);
    const u32 = Uint32Array.of(2 ** 32 - 1, 1, 5, 7, 2 ** 31, 3, 0, 0, 12);
    const x64 = BigInt64Array.of(2n ** 63n - 1n, 1n, -5n, 7n, -(2n ** 63n), 3n, 0n, 0n, 12n);
    const i32 = [Int32Array.of(0), Int32Array.of(100), Int32Array.of(-100)];
    const unsigned = [Uint32Array.of(0), Uint32Array.of(100), Uint32Array.of(4)];
    const i64 = [BigInt64Array.of(0n), BigInt64Array.of(100n), BigInt64Array.of(-100n)];
    const all = [x32, ...i32, u32, ...unsigned, x64, ...i64].map(tensor);
    expect(library.call("extremes", [...all, int(x32.length)])).toEqual(OK);
    const sum = x64.reduce((left, right) => left + right, 0n);
    expect(i32.map(([value]) => value)).toEqual([x32.reduce((a, b) => (a + b) | 0, 0), -(2 ** 31), 2 ** 31 - 1]);
    expect(unsigned.map(([value]) => value)).toEqual([u32.reduce((a, b) => (a + b) >>> 0, 0), 0, 2 ** 32 - 1]);
    expect(i64.map(([value]) => value)).toEqual([BigInt.asIntN(64, sum), -(2n ** 63n), 2n ** 63n - 1n]);
  });
});

describe("vector accesses on the CPU", () => {
  it.each(LANES)("move %i lanes at once, through memory that a wave shares", (lanes) => {
    const B = 3;
    const x = placed(B * 64, 0);
    x.data.set(noise(B * 64, lanes));
    const [k, y, z] = [placed(B * 64, 0), placed(B * 64, 0), placed(B * 64, 0)];
    k.ints.set(x.data.map((value) => Math.floor(value * 1000)));
    const fields = [tensor(x.data), tensor(y.data), tensor(k.ints), tensor(z.ints), int(B)];
    expect(library.call(`exchange_${lanes}`, fields)).toEqual(OK);
    expect(y.data).toEqual(x.data.map((_, i) => Math.fround((x.data[i ^ lanes] ?? 0) + (i % 64))));
    expect(z.ints).toEqual(k.ints.map((_, i) => (k.ints[i ^ lanes] ?? 0) + (i % 64)));
  });

  it.each(LANES)("of %i lanes need an address that the launcher checks, by name", (lanes) => {
    const needed = Math.min(lanes * 4, 16);
    const fields = (past: number) => {
      const y = placed(64, past).data;
      const address = `0x${addressOf(y).toString(16)}`;
      return { y: address, list: [placed(64, 0).data, y].map(tensor) };
    };
    for (const past of [4, 8, 12]) {
      const { y, list } = fields(past);
      const rest = [placed(64, 0).ints, placed(64, 0).ints].map(tensor);
      const answer = library.call(`exchange_${lanes}`, [...list, ...rest, int(1)]);
      expect([past, STATUSES[answer.status]?.name]).toEqual([past, past % needed === 0 ? "TOK_OK" : "TOK_ALIGNMENT"]);
      if (past % needed === 0) continue;
      expect(answer.message).toBe(
        `exchange_${lanes}: the address of y is ${y}, expected a multiple of ${needed} bytes`,
      );
    }
  });
});

describe("a program", () => {
  it("is refused where a view of a buffer starts between vectors", () => {
    const O = dim("O");
    const whole = (buffer: string, offset: Expr = literal(0)) => ({ buffer, offset, shape: [literal(1), literal(64)] });
    const plan: Plan = {
      name: "shifted",
      dims: ["O"],
      params: [
        { name: "x", role: "input", element: "f32", shape: [add(O, literal(64))] },
        { name: "k", role: "input", element: "i32", shape: [literal(64)] },
        { name: "y", role: "output", element: "f32", shape: [literal(64)] },
        { name: "z", role: "output", element: "i32", shape: [literal(64)] },
      ],
      buffers: [],
      launches: [
        {
          label: "exchange",
          kernel: "exchange_4",
          args: { x: whole("x", O), y: whole("y"), k: whole("k"), z: whole("z") },
          dims: { B: literal(1) },
          scalars: {},
        },
      ],
    };
    const program = build(emitCpu({ name: "program", kernels: [proved(exchange(4))], plans: [plan] }), ["-O0"]);
    try {
      for (const offset of [0, 1, 2, 4]) {
        const x = placed(offset + 64, 0);
        const [y, k, z] = [placed(64, 0), placed(64, 0), placed(64, 0)];
        const tensors = [tensor(x.data), tensor(k.ints), tensor(y.data), tensor(z.ints)];
        const answer = program.call("shifted", [...tensors, workspace(0), int(offset)]);
        const status = offset % 4 === 0 ? "TOK_OK" : "TOK_ALIGNMENT";
        expect([offset, STATUSES[answer.status]?.name]).toEqual([offset, status]);
        if (answer.status !== 0)
          expect(answer.message).toMatch(/^shifted at exchange: exchange_4: the address of x is 0x/);
      }
    } finally {
      program.close();
    }
  });
});

describe("the text", () => {
  it("names the steps by operation and space, with the element's type", () => {
    for (const text of [emitKernelCpu(proved(histogram)), emitKernelHip(proved(histogram))]) {
      const lines = text.split("\n").map((line) => line.trim());
      expect(lines).toContain("tok_atomic_add_shared<int32_t>(&local[key], 1);");
      expect(lines).toContain("tok_atomic_max_global<int32_t>(&largest[thread_x], (Index)high[thread_x]);");
    }
  });

  it("aligns the shared arrays that vectors move, and only those", () => {
    const text = emitKernelHip(proved(exchange(8)));
    expect(text).toContain("alignas(16) __shared__ float xs[64];");
    expect(text).toMatch(/^ {2}__shared__ float odd\[1\];$/m);
    expect(emitKernelHip(proved(exchange(2)))).toContain("alignas(8) __shared__ int32_t zs[64];");
    expect(emitKernelCpu(proved(exchange(8)))).toContain("alignas(16) float xs[64];");
  });

  it("ends a region at a wave's barrier", () => {
    const text = emitKernelCpu(proved(exchange(4)));
    expect(text.match(/for \(Index thread_x = 0;/g)).toHaveLength(2);
    expect(emitKernelHip(proved(exchange(4)))).toContain("tok_wave_barrier();");
  });

  it("has no ghosts: they belong to specifications", () => {
    const value = ghost("prefix-sum", inGlobal("keys"), [intLocal("i")]);
    const haunted = { ...histogram, body: [...histogram.body, variable("total", value)] };
    expect(() => emitKernelHip(proved(haunted))).toThrow(/prefixSum/);
    expect(() => emitKernelCpu(proved(haunted))).toThrow(/prefixSum/);
  });
});

const { hipcc } = await findToolchain(process.env);

describe("hipcc", () => {
  it("makes one access of a vector, hardware atomics, and no scratch memory of register arrays", ({ skip }) => {
    skip(hipcc === undefined && process.env["CI"] === undefined, `hipcc is missing: ${INSTALL.hipcc}`);
    const folder = mkdtempSync(join(tmpdir(), "tokitai-hip-"));
    try {
      writeFiles(folder, emitHip(files));
      const output = join(folder, "memory.s");
      const flags = ["-std=c++17", "-O3", "--offload-arch=gfx1030", "--offload-device-only", "-S", "-Wall", "-Wextra"];
      execFileSync(hipcc?.path ?? "", [...flags, join(folder, "memory.hip.cpp"), "-o", output], {
        env: { ...process.env, HIP_PLATFORM: "amd" },
        stdio: "pipe",
      });
      const assembly = readFileSync(output, "utf8");
      const body = (symbol: string): string =>
        assembly.slice(assembly.indexOf(`\n${symbol}:`), assembly.indexOf(`.size\t${symbol},`));
      const count = (symbol: string, instruction: RegExp): number => body(symbol).match(instruction)?.length ?? 0;
      for (const lanes of LANES) {
        const symbol = `exchange_${lanes}_i32`;
        const [wide, times] = lanes === 2 ? ["dwordx2", 2] : ["dwordx4", lanes / 2];
        expect([lanes, count(symbol, new RegExp(`global_load_${wide}\\b`, "g"))]).toEqual([lanes, times]);
        expect([lanes, count(symbol, new RegExp(`global_store_${wide}\\b`, "g"))]).toEqual([lanes, times]);
        expect([lanes, count(symbol, /global_(?:load|store)_/g)]).toEqual([lanes, 2 * times]);
      }
      expect(count("histogram_i64", /ds_add_u32/g)).toBe(1);
      expect(count("histogram_i64", /global_atomic_smax\b/g)).toBe(1);
      for (const instruction of ["add_x2", "smin_x2", "smax_x2", "umin", "umax", "smin", "smax", "add"]) {
        expect([instruction, count("extremes_i64", new RegExp(`global_atomic_${instruction}\\b`, "g"))]).toEqual([
          instruction,
          instruction === "add" ? 2 : 1,
        ]);
      }
      const scratch = [...assembly.matchAll(/\.private_segment_fixed_size: (\d+)/g)].map(([, bytes]) => bytes);
      expect(scratch).toEqual(kernels.flatMap(({ widths }) => widths.map(() => "0")));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 300_000);
});
