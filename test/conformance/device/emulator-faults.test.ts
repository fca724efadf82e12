/**
 * What running machine code on the emulator finds: faults planted in the HIP text of a tiled matmul, behind the proofs, which
 * would not have let them through. The emulator's memory is sequentially consistent, and one wave runs at a time, so
 * that each fault shows only because of the order of waves, the poison, or the guards.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cacheDirectory } from "../../../src/compiler/build/cache-folder.ts";
import { buildHip } from "../../../src/compiler/build/compile.ts";
import { findToolchain } from "../../../src/compiler/build/toolchain.ts";
import { unbundle } from "../../../src/compiler/build/unbundle.ts";
import { DTYPES, MAX_LAUNCH_ARGS } from "../../../src/compiler/codegen/abi-constants.ts";
import { emitHip } from "../../../src/compiler/codegen/hip.ts";
import type { GeneratedFile } from "../../../src/compiler/codegen/library.ts";
import { BridgeError } from "../../../src/runtime/hip/bridge.ts";
import { Device, WAVE_ORDERS, type WaveOrder } from "../../../src/runtime/hip/device.ts";
import { numbers } from "../cases.ts";
import { proveKernels, unwrap } from "../library.ts";
import { describeExecuted, emulator, TINYGRAD } from "./emulator-place.ts";

const [B, K, N] = [37, 29, 40];
const SHAPES = { x: B * K, w: N * K, bias: N, y: B * N };

const toolchain = await findToolchain(process.env);

describeExecuted("a fault in linear's machine code", 300_000, () => {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-faults-"));
  let files: readonly GeneratedFile[];
  beforeAll(async () => {
    const { proof } = await proveKernels(["kernels/linear.ts"]);
    const kernels = proof.kernels.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]));
    files = emitHip({ name: "faults", kernels, plans: [] });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const next = numbers(3);
  const random = (count: number): Float32Array => Float32Array.from({ length: count }, () => next() - 0.5);
  const [x, w, bias] = [random(SHAPES.x), random(SHAPES.w), random(SHAPES.bias)];
  const expected = Float32Array.from({ length: SHAPES.y }, (_, i) => {
    const [b, n] = [Math.floor(i / N), i % N];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += (x[b * K + k] ?? 0) * (w[n * K + k] ?? 0);
    return sum + (bias[n] ?? 0);
  });

  /** How many elements of y are wrong, with this replaced in the text; in each order of the waves. */
  async function wrongElements(order: WaveOrder, from: string, to: string): Promise<number> {
    const sources = files.map(({ path, text }) => {
      if (!path.endsWith(".cpp")) return { name: path, text };
      const parts = text.split(from);
      expect(parts.length).toBeGreaterThan(1);
      return { name: path, text: [parts[0], parts.slice(1).join(from)].join(to) };
    });
    const cache = cacheDirectory(process.env);
    const { path } = unwrap(await buildHip({ toolchain, cache, sources, architectures: ["gfx1101"] }));
    if (toolchain.bundler === undefined) throw new Error("no clang-offload-bundler");
    const [object] = unwrap(await unbundle(path, folder, toolchain.bundler, toolchain.env));
    const device = await Device.open(emulator(TINYGRAD, order));
    try {
      await device.load(path, MAX_LAUNCH_ARGS, "gfx1101", readFileSync(object?.path ?? ""));
      const y = new Float32Array(SHAPES.y);
      const data = { x, w, bias, y };
      const buffers: number[] = [];
      for (const [name, values] of Object.entries(data)) {
        const buffer = await device.allocate(name, values.byteLength, 16);
        if (name !== "y") await device.upload(buffer, values);
        buffers.push(buffer);
      }
      const outcome = await device.launch("linear", [
        ...Object.values(data).map(({ byteLength: bytes }, i) => {
          return { kind: "tensor", buffer: buffers[i] ?? 0, bytes, dtype: DTYPES.f32.value } as const;
        }),
        ...[B, K, N].map((size) => ({ kind: "int", value: String(size) }) as const),
      ]);
      if (outcome.status !== 0) throw new Error(outcome.text);
      expect(outcome.symbols).toEqual(["linear_i32"]);
      await device.download(buffers[3] ?? 0, y);
      return y.reduce((count, value, i) => count + (Math.abs(value - (expected[i] ?? 0)) < 1e-5 ? 0 : 1), 0);
    } finally {
      device.close();
    }
  }

  it.each(WAVE_ORDERS)("is none as it is emitted, in order %s", async (order) => {
    expect(await wrongElements(order, "acc = 0.0f", "acc = 0.0f")).toBe(0);
  });

  it("shows where the barrier before the reads is missing", async () => {
    expect(await wrongElements("forward", "__syncthreads();", "")).toBeGreaterThan(B * N * 0.25);
    expect(await wrongElements("shuffled", "__syncthreads();", "")).toBeGreaterThan(B * N * 0.25);
  });

  it("shows where the barrier behind the reads is missing", async () => {
    const last = "__syncthreads();\n  }";
    const counts = await Promise.all(WAVE_ORDERS.map((order) => wrongElements(order, last, "}")));
    expect(Math.max(...counts)).toBeGreaterThan(B * N * 0.1);
  });

  it("shows where shared memory is read that nobody has written", async () => {
    const stored = "xs[thread_y][thread_x] = b < B &&";
    expect(
      await wrongElements("forward", stored, "if (thread_y < 15) xs[thread_y][thread_x] = b < B &&"),
    ).toBeGreaterThan(0);
  });

  it("shows where a register is read that nobody has written", async () => {
    expect(await wrongElements("forward", "float acc = 0.0f;", 'float acc; asm volatile("" : "=v"(acc));')).toBe(B * N);
  });

  it("shows where an element is not written", async () => {
    expect(await wrongElements("forward", "if (b < B && n < N) {", "if (b < B && n < N - 1) {")).toBe(B);
  });

  it.each([
    ["a store behind the last row", "if (b < B && n < N) {", "if (b < B + 1 && n < N) {"],
    ["a load behind the last row", "= row < N && k0", "= row < N + 4 && k0"],
  ])("ends the process at %s, and says where", async (_what, from, to) => {
    await expect(wrongElements("forward", from, to)).rejects.toThrow(BridgeError);
    await expect(wrongElements("forward", from, to)).rejects.toThrow(
      /was ended by SIGSEGV; it wrote: .*executing linear_i32/s,
    );
  });

  it.each([
    ["before the first element of", "y[b * N + n] =", "y[b * N + n - 64] ="],
    ["far before the first element of", "y[b * N + n] =", "y[b * N + n - 500] ="],
  ])("is refused as a store %s a tensor", async (_what, from, to) => {
    await expect(wrongElements("forward", from, to)).rejects.toThrow(
      "linear: the device reports linear_i32 has written beside y, before its first element",
    );
  });
});
