/** The hottest loop of machine code: which one it is, what it is made of, how long a wave takes, and what bounds it. */

import { describe, expect, it } from "vitest";
import { type Instruction, parseDisassembly } from "../../src/compiler/build/disassembly.ts";
import { codeWork, type HotLoop, paceOf, type Work } from "../../src/compiler/build/hot-loop.ts";
import { aloneOnce, aloneRepeated } from "../../src/compiler/build/timeline.ts";
import { type Occupancy, type Target, targetOf } from "../../src/compiler/targets.ts";

function target(architecture: string): Target {
  const found = targetOf(architecture);
  if (found === undefined) throw new Error(architecture);
  return found;
}

const GFX1101 = target("gfx1101");
const MANY: Occupancy = { waves: 16, blocks: 16, wavesOfBlock: 1, limit: "waves" };

/** Instructions without branches. */
function straight(...lines: readonly string[]): readonly Instruction[] {
  return lines.map((line, i) => {
    const [mnemonic = "", ...operands] = line.split(" ");
    return { address: 4 * i, mnemonic, operands: operands.join(" "), target: undefined };
  });
}

/** One loop after another, each from its first line to its last; an array in an array is a loop inside. */
type Nest = readonly (string | Nest)[];
function code(nest: Nest): readonly Instruction[] {
  const out: { mnemonic: string; operands: string; to: number | undefined }[] = [];
  const add = (body: Nest, isLoop: boolean): void => {
    const start = out.length;
    for (const item of body) {
      if (typeof item !== "string") add(item, true);
      else {
        const [mnemonic = "", ...operands] = item.split(" ");
        out.push({ mnemonic, operands: operands.join(" "), to: undefined });
      }
    }
    if (isLoop) out.push({ mnemonic: "s_cbranch_scc1", operands: "", to: start });
  };
  add(nest, false);
  return out.map(({ mnemonic, operands, to }, i) => ({
    address: 4 * i,
    mnemonic,
    operands,
    target: to === undefined ? undefined : 4 * to,
  }));
}

function loopOf(nest: Nest, on = GFX1101, occupancy = MANY): HotLoop {
  const { loop } = codeWork(code(nest), on, occupancy);
  if (loop === undefined) throw new Error("there is no loop");
  return loop;
}

/** Two loops, one in the other; the outer one ends in two places. */
const TEXT = `
0000000000002100 <sum_i32>:
	s_load_b64 s[0:1], s[0:1], 0x0                             // 000000002100: F4040000 F8000000
	s_cbranch_scc1 20                                          // 000000002108: BFA20014 <sum_i32+0x54>
	s_mov_b32 s2, 0                                            // 00000000210C: BE820080
	global_load_b32 v0, v1, s[0:1]                             // 000000002110: DC520000 00000001
	ds_load_b128 v[4:7], v3                                    // 000000002118: DBFC0000 04000003
	ds_load_2addr_b32 v[8:9], v3 offset1:1                     // 000000002120: D8DC0100 08000003
	s_waitcnt lgkmcnt(0)                                       // 000000002128: BF89FC07
	v_fmac_f32_e32 v2, v4, v8                                  // 00000000212C: 56041104
	v_dual_mul_f32 v5, v5, v9 :: v_dual_add_f32 v6, v6, v2     // 000000002130: C8C80000 05060000
	v_exp_f32_e32 v7, v7                                       // 000000002138: 7E0E4B07
	s_cbranch_scc0 65526                                       // 00000000213C: BFA1FFF6 <sum_i32+0x18>
	s_cbranch_scc0 65523                                       // 000000002140: BFA1FFF3 <sum_i32+0x10>
	s_branch 65521                                             // 000000002144: BFA0FFF1 <sum_i32+0xc>
	s_nop 0                                                    // 000000002148: BF800000
	s_endpgm                                                   // 000000002154: BFB00000
`;

describe("the hottest loop", () => {
  it("is bounded by what takes most of a SIMD's clocks", () => {
    const { loop } = codeWork(parseDisassembly(TEXT).get("sum_i32") ?? [], GFX1101, MANY);
    expect(loop?.depth).toBe(3);
    expect(loop?.mix).toEqual({ matrix: 0, vector: 3, memory: 0, lds: 2, scalar: 1, waits: 1 });
    // A multiplication with its addition, one of each apart, none for the exponential; 16 and 8 bytes of LDS per lane.
    expect(loop).toMatchObject({ flops: 4 * 32, ldsBytes: 24 * 32, memoryBytes: 0 });
    expect(loop?.clocks).toEqual({ matrix: 0, vector: 6, arithmetic: 1 + 1 + 4, lds: (24 * 32) / 64, memory: 0 });
    expect(loop?.bound).toBe("LDS");
    expect(loop?.share).toBeCloseTo((4 * 32) / (12 * 128));
  });

  it.each([
    ["v_wmma_f32_16x16x16_f16", "gfx1101", 8192, 32],
    ["v_wmma_f32_16x16x16_bf16", "gfx1201", 8192, 16],
    ["v_mfma_f32_32x32x8_f16", "gfx942", 16384, 32],
    ["v_mfma_f32_32x32x2_f32", "gfx942", 4096, 64],
    ["v_mfma_f32_32x32x8f16", "gfx90a", 16384, 64],
    ["v_mfma_f32_32x32x2f32", "gfx90a", 4096, 64],
    ["v_mfma_f32_16x16x16bf16_1k", "gfx90a", 8192, 32],
  ])("knows the work of %s on %s", (mnemonic, architecture, flops, clocks) => {
    const on = target(architecture);
    const isBeside = on.waveSize === 64 && !(architecture === "gfx942" && mnemonic.endsWith("_f32"));
    const loop = loopOf([[mnemonic, "v_add_f32_e32 v0, v0, v1", "v_add_f32_e32 v0, v0, v1"]], on);
    expect(loop.mix.matrix).toBe(1);
    expect(loop.flops).toBe(flops + 2 * on.waveSize);
    expect(loop.clocks.matrix).toBe(clocks);
    expect(loop.clocks.arithmetic).toBe(isBeside ? clocks : clocks + 2 * on.vectorClocks);
    expect(loop.bound).toBe("matrix");
  });

  it("is the one with matrix instructions, not a deeper or longer one beside it", () => {
    const matrix = ["v_wmma_f32_16x16x16_f16", [...Array<string>(40).fill("v_mov_b32_e32 v0, v1")]];
    const loop = loopOf([["v_fma_f32 v0, v1, v2, v0", ["v_fma_f32 v0, v1, v2, v0"]], matrix]);
    expect(loop.depth).toBe(1);
    expect(loop.mix.matrix).toBe(1);
    // What is inside of it is a part of it, once.
    expect(loop.mix.vector).toBe(40);
  });

  it("is the unrolled one with most operations, not what is left over", () => {
    const rest = ["v_fma_f32 v0, v1, v2, v0"];
    expect(loopOf([Array<string>(8).fill("v_fma_f32 v0, v1, v2, v0"), rest]).mix.vector).toBe(8);
    expect(loopOf([rest, Array<string>(8).fill("v_fma_f32 v0, v1, v2, v0")]).mix.vector).toBe(8);
  });

  it("is the innermost, then the longest, where none computes", () => {
    expect(loopOf([["s_add_u32 s0, s0, 1", ["s_add_u32 s0, s0, 1"]]]).depth).toBe(2);
    expect(loopOf([["s_nop 0"], ["s_nop 0", "s_nop 0"]]).mix.waits).toBe(2);
  });

  it("leaves the rest of the code, without what lies behind its end", () => {
    const { rest } = codeWork(
      code(["v_mov_b32_e32 v0, 0", ["v_fma_f32 v0, v1, v2, v0"], "global_store_b32 v0, v1, s[0:1]", "s_code_end"]),
      GFX1101,
      MANY,
    );
    expect(rest.mix).toEqual({ matrix: 0, vector: 1, memory: 1, lds: 0, scalar: 0, waits: 0 });
    expect(rest.memoryBytes).toBe(128);
  });
});

describe("a wave alone", () => {
  const memory = (4 * 32) / (2048 / 120);

  it("waits for what it has asked for, and for no more", () => {
    const load = "global_load_b32 v0, v1, s[0:1]";
    expect(aloneOnce(straight(load, "s_waitcnt vmcnt(0)"), GFX1101)).toEqual({
      clocks: memory + 320 + 1,
      memoryStalls: memory + 320 - 1,
    });
    // The second load is still under way.
    expect(aloneOnce(straight(load, load, "s_waitcnt vmcnt(1)"), GFX1101).clocks).toBe(memory + 320 + 1);
    expect(aloneOnce(straight(load, load, "s_wait_loadcnt 0x0"), GFX1101).clocks).toBe(2 * memory + 320 + 1);
    // Stores have a counter of their own on RDNA, and a place among the loads on CDNA.
    const store = "global_store_b32 v0, v1, s[0:1]";
    expect(aloneOnce(straight(load, store, "s_waitcnt vmcnt(0)"), GFX1101).clocks).toBe(memory + 320 + 1);
    expect(aloneOnce(straight(load, store, "s_waitcnt vmcnt(1)"), target("gfx90a")).memoryStalls).toBeGreaterThan(320);
    expect(aloneOnce(straight("ds_load_b32 v0, v1", "s_waitcnt lgkmcnt(0)"), GFX1101)).toEqual({
      clocks: 2 + 20 + 1,
      memoryStalls: 0,
    });
    expect(aloneOnce(straight("ds_load_b32 v0, v1", load, "s_wait_loadcnt_dscnt 0x100"), GFX1101).clocks).toBe(23);
    expect(aloneOnce(straight("s_load_b64 s[0:1], s[2:3], 0x0", "s_wait_kmcnt 0x0"), GFX1101).clocks).toBe(21);
  });

  it("hides in its own work what it has asked for early", () => {
    const load = "global_load_b32 v0, v1, s[0:1]";
    const work = Array<string>(400).fill("v_fma_f32 v0, v1, v2, v0");
    const late = aloneRepeated(straight(load, "s_waitcnt vmcnt(0)", ...work), GFX1101);
    const early = aloneRepeated(straight(load, ...work, "s_waitcnt vmcnt(0)"), GFX1101);
    // Of the iteration before.
    const pipelined = aloneRepeated(straight("s_waitcnt vmcnt(0)", load, ...work), GFX1101);
    expect(late.memoryStalls).toBeCloseTo(memory + 320 - 1);
    expect(early).toEqual({ clocks: 402, memoryStalls: 0 });
    expect(pipelined).toEqual({ clocks: 402, memoryStalls: 0 });
  });

  it("issues beside a matrix instruction what does not need its pipe", () => {
    const alone = (architecture: string, ...lines: readonly string[]) =>
      aloneRepeated(straight(...lines), target(architecture)).clocks;
    expect(alone("gfx1101", "v_wmma_f32_16x16x16_f16", "ds_load_b32 v0, v1")).toBe(32);
    expect(alone("gfx1101", "v_wmma_f32_16x16x16_f16", "v_fma_f32 v0, v1, v2, v0")).toBe(33);
    expect(alone("gfx90a", "v_mfma_f32_16x16x16f16", "v_fma_f32 v0, v1, v2, v0")).toBe(32);
  });
});

describe("pace", () => {
  const work = (barrier: boolean, memoryStalls: number): Work => ({
    mix: { matrix: 0, vector: 100, memory: 0, lds: 0, scalar: 0, waits: 0 },
    flops: 6400,
    ldsBytes: 0,
    memoryBytes: 0,
    clocks: { matrix: 0, vector: 100, arithmetic: 100, lds: 40, memory: 20 },
    alone: { clocks: 100 + memoryStalls, memoryStalls },
    barrier,
    peak: 128,
  });

  it("is what the SIMD is busy with, where enough waves are there for the time in which one waits", () => {
    expect(paceOf(work(false, 300), 8, 1)).toBe(100);
    expect(paceOf(work(false, 300), 1, 2)).toBe(200);
    expect(paceOf(work(false, 300), 1, 1)).toBe(400);
    expect(paceOf(work(false, 0), 1, 0.5)).toBe(200);
  });

  it("leaves the waves of one block waiting together", () => {
    // Two waves work 200 clocks and wait 300, once for both; with two blocks, one works while the other waits.
    expect(paceOf(work(true, 300), 1, 2)).toBe(250);
    expect(paceOf(work(true, 300), 2, 2)).toBe(125);
    expect(paceOf(work(true, 300), 3, 2)).toBe(100);
    expect(paceOf(work(true, 0), 1, 1)).toBe(100);
  });

  it("is bound by latency where it is slower than the SIMD is busy", () => {
    const body = ["global_load_b32 v0, v1, s[0:1]", "s_waitcnt vmcnt(0)", "v_fma_f32 v0, v1, v2, v0"];
    expect(loopOf([body], GFX1101, { ...MANY, blocks: 1, waves: 1 }).bound).toBe("latency");
    expect(loopOf([body], GFX1101, { ...MANY, blocks: 64, waves: 64 }).bound).toBe("memory");
  });
});
