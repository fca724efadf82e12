/** Predictions at given sizes: operations counted in kernels, blocks dealt to units, traffic of memory. */

import { describe, expect, it } from "vitest";
import { codeWork } from "../../src/compiler/build/hot-loop.ts";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { gridBlocks, operationsPerThread, tensorBytes, usefulOperations } from "../../src/compiler/operations.ts";
import { launchOf, predict } from "../../src/compiler/predict.ts";
import { type Target, targetOf, unitsOf } from "../../src/compiler/targets.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";

const { kernels } = readKernels(
  ["linear", "linear-gelu", "matmul", "matmul-nn", "matmul-tn", "token-sources", "softmax"].map(
    (name) => `kernels/${name}.ts`,
  ),
  { cwd: process.cwd() },
);

function kernel(name: string): Kernel {
  const found = kernels.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

function target(architecture: string): Target {
  const found = targetOf(architecture);
  if (found === undefined) throw new Error(architecture);
  return found;
}

const GFX1101 = target("gfx1101");

describe("operations", () => {
  it("of a claimed product are counted whatever is transposed", () => {
    expect(usefulOperations(kernel("linear"), { B: 3, K: 5, N: 7 })).toBe(2 * 105);
    expect(usefulOperations(kernel("linear_gelu"), { B: 1024, K: 2048, N: 4096 })).toBe(2 * 1024 * 2048 * 4096);
    expect(usefulOperations(kernel("matmul"), { B: 3, K: 5, N: 7 })).toBe(2 * 105);
    expect(usefulOperations(kernel("matmul_nn"), { B: 3, K: 5, N: 7 })).toBe(2 * 105);
    expect(usefulOperations(kernel("matmul_tn"), { B: 3, K: 5, N: 7 })).toBe(2 * 105);
    expect(usefulOperations(kernel("softmax"), { B: 3, N: 7 })).toBeUndefined();
  });

  it("of a thread are those of its loops at these sizes", () => {
    // Two tiles of 16, a multiplication and an addition each; the bias is one more.
    expect(operationsPerThread(kernel("matmul"), { B: 1, K: 17, N: 1 })).toBe(2 * 2 * 16);
    expect(operationsPerThread(kernel("linear"), { B: 1, K: 17, N: 1 })).toBe(2 * 2 * 16 + 1);
    expect(operationsPerThread(kernel("matmul"), { B: 1, K: 0, N: 1 })).toBe(0);
  });

  it("are done in blocks, on tensors", () => {
    expect(gridBlocks(kernel("matmul"), { B: 17, K: 5, N: 33 })).toBe(2 * 3);
    expect(tensorBytes(kernel("matmul"), { B: 2, K: 3, N: 5 })).toBe(4 * (6 + 15 + 10));
  });
});

/** A loop of 100 multiplications and additions in one wave of 32, and nothing else; one block of eight waves at a time. */
function codeOf(on: Target, extra: readonly string[] = []) {
  const body = [...Array<string>(100).fill("v_fma_f32"), ...extra];
  const instructions = [...body, "s_cbranch_scc1"].map((mnemonic, i) => ({
    address: 4 * i,
    mnemonic,
    operands: "",
    target: mnemonic === "s_cbranch_scc1" ? 0 : undefined,
  }));
  const occupancy = { waves: 2, blocks: 1, wavesOfBlock: 2, limit: "LDS" } as const;
  return { ...codeWork(instructions, on, occupancy), occupancy };
}

describe("a prediction", () => {
  const at = (B: number, K: number, N: number, on = GFX1101, extra?: readonly string[]) => {
    const launch = launchOf(kernel("matmul"), { B, K, N });
    const found = launch && predict(launch, codeOf(on, extra), on);
    if (found === undefined) throw new Error("no prediction");
    return found;
  };

  it("is the loop's share where the blocks fill the units evenly", () => {
    expect(unitsOf(GFX1101)).toBe(30);
    // 30 units, each of them 32 tiles.
    const { share, loopShare, balance, padding, bound } = at(16 * 30, 4096, 16 * 32);
    expect(loopShare).toBeCloseTo(0.5, 1);
    expect([balance, padding]).toEqual([1, 1]);
    expect(share).toBeCloseTo(loopShare, 3);
    expect(bound).toBe("vector");
  });

  it("falls with the blocks of the last round, and with what lies beyond the edges", () => {
    // Six blocks for each of 30 units, then seven for some of them.
    const even = at(16 * 12, 4096, 16 * 15);
    const more = at(16 * 12, 4096, 16 * 16);
    expect([even.balance, even.bound]).toEqual([1, "vector"]);
    expect(more.balance).toBeCloseTo(192 / 210);
    expect(more.share / even.share).toBeCloseTo(192 / 210, 4);
    const cut = at(16 * 12 - 15, 4096, 16 * 15);
    expect(cut.padding).toBeCloseTo(177 / 192);
    expect(cut.seconds).toBe(even.seconds);
  });

  it("counts each tensor once where the last cache holds all, and what blocks share where it does not", () => {
    expect(at(256, 256, 256).memoryBytes).toBe(3 * 4 * 256 * 256);
    const load = Array<string>(50).fill("global_load_b32");
    const [B, K, N] = [4096, 8192, 4096];
    // Each wave asks for 50 words of each lane in 100 multiplications; 30 blocks run at a time.
    const asked = (B * N * K * 2 * 50 * 4) / 200;
    expect(at(B, K, N, GFX1101, load).memoryBytes).toBeCloseTo(asked / Math.sqrt(30), -3);
    // Without loads in the loop each tensor comes once all the same.
    expect(at(B, K, N).memoryBytes).toBe(4 * (B * K + N * K + B * N));
  });

  it("is bound by memory where that takes longer", () => {
    const { bound, seconds, memoryBytes } = at(1, 65536, 16384);
    expect(bound).toBe("memory");
    expect(seconds).toBeCloseTo(memoryBytes / GFX1101.product.memoryBandwidth, 9);
  });

  it("is not made of what is unknown", () => {
    const launch = launchOf(kernel("matmul"), { B: 1, K: 1, N: 1 });
    if (launch === undefined) throw new Error("no launch");
    const { loop, ...without } = codeOf(GFX1101);
    expect(loop).toBeDefined();
    expect(predict(launch, without, GFX1101)).toBeUndefined();
    expect(predict({ ...launch, blocks: 0 }, codeOf(GFX1101), GFX1101)).toBeUndefined();
  });

  it("takes all operations for useful where no product is claimed", () => {
    const launch = launchOf({ ...kernel("matmul"), computes: undefined }, { B: 1, K: 1, N: 1 });
    expect(launch).toMatchObject({ executed: 256 * 32, useful: 256 * 32 });
    expect(launchOf(kernel("matmul"), { B: 1, K: 1, N: 1 })).toMatchObject({ executed: 256 * 32, useful: 2 });
  });
});
