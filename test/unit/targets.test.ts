/** What GPUs have: occupancy as LLVM reports it, the loops of machine code, what bounds them, and budgets. */

import { describe, expect, it } from "vitest";
import { overBudget } from "../../src/compiler/budget.ts";
import { ARCHITECTURES } from "../../src/compiler/build/architectures.ts";
import { parseDisassembly } from "../../src/compiler/build/disassembly.ts";
import { findLoops } from "../../src/compiler/build/loops.ts";
import { vectorPeak } from "../../src/compiler/build/rates.ts";
import type { KernelResources } from "../../src/compiler/build/resources.ts";
import { occupancyOf, simdsPerUnit, TARGETS, type Target, targetOf } from "../../src/compiler/targets.ts";
import { scale } from "./codegen-kernels-plain.ts";

function target(architecture: string): Target {
  const found = targetOf(architecture);
  if (found === undefined) throw new Error(architecture);
  return found;
}

const VGPRS = [8, 24, 25, 48, 64, 72, 73, 84, 96, 97, 120, 121, 128, 129, 144, 168, 192, 193, 240, 255];
/** Waves per SIMD of a kernel with so many registers, by clang 19.1.7, -Rpass-analysis=kernel-resource-usage. */
const REPORTED = {
  gfx1101: [16, 16, 16, 16, 16, 16, 16, 16, 16, 12, 12, 10, 10, 10, 10, 9, 8, 7, 6, 5],
  gfx1201: [16, 16, 16, 16, 16, 16, 16, 16, 16, 12, 12, 10, 10, 10, 10, 9, 8, 7, 6, 5],
  gfx1030: [16, 16, 16, 16, 16, 12, 12, 10, 10, 9, 8, 8, 8, 7, 7, 5, 5, 4, 4, 4],
  gfx90a: [8, 8, 8, 8, 8, 7, 6, 5, 5, 4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2],
};

describe("targets", () => {
  it("are the tested architectures", () => {
    expect(TARGETS.map(({ architecture }) => architecture)).toEqual(ARCHITECTURES.map(({ name }) => name));
    for (const { architecture, waveSize } of TARGETS) {
      expect(waveSize).toBe(ARCHITECTURES.find(({ name }) => name === architecture)?.waveSize);
    }
  });

  it("have the peaks that their makers state", () => {
    const teraflops = (architecture: string, perSimd: number): number => {
      const { product, ...rest } = target(architecture);
      return (perSimd * simdsPerUnit({ product, ...rest }) * product.computeUnits * product.clock) / 1e12;
    };
    // RX 7800 XT: 37.3 and 74.6 TFLOPS; MI250X, one of two dies: 95.7/2 and 383/2; MI300X: 163.4 and 1307.4.
    expect(teraflops("gfx1101", vectorPeak(target("gfx1101")))).toBeCloseTo(37.3, 1);
    expect(teraflops("gfx1101", target("gfx1101").matrixFlops.f16 ?? 0)).toBeCloseTo(74.6, 1);
    expect(teraflops("gfx90a", vectorPeak(target("gfx90a")))).toBeCloseTo(95.7 / 2, 1);
    expect(teraflops("gfx942", vectorPeak(target("gfx942")))).toBeCloseTo(163.4, 1);
    expect(teraflops("gfx90a", target("gfx90a").matrixFlops.f32 ?? 0)).toBeCloseTo(95.7 / 2, 1);
    expect(teraflops("gfx90a", target("gfx90a").matrixFlops.f16 ?? 0)).toBeCloseTo(383 / 2, 0);
    expect(teraflops("gfx942", target("gfx942").matrixFlops.f32 ?? 0)).toBeCloseTo(163.4, 1);
    expect(teraflops("gfx942", target("gfx942").matrixFlops.f16 ?? 0)).toBeCloseTo(1307.4, 0);
  });
});

describe("occupancy", () => {
  it.each(Object.entries(REPORTED))("by registers is LLVM's on %s", (architecture, reported) => {
    const own = VGPRS.map((vgprs) => {
      return occupancyOf(target(architecture), { vgprs, agprs: 0, ldsBytes: 0, threads: 64 }).waves;
    });
    expect(own).toEqual(reported);
  });

  it("is limited by shared memory, by registers, or by blocks that do not fit", () => {
    const of = (vgprs: number, ldsBytes: number, threads: number) =>
      occupancyOf(target("gfx1101"), { vgprs, agprs: 0, ldsBytes, threads });
    expect(of(16, 0, 256)).toEqual({ waves: 16, blocks: 8, wavesOfBlock: 2, limit: "waves" });
    // Eight waves of a block, two blocks of 64 KiB in a work-group processor of four SIMDs.
    expect(of(16, 65536, 256)).toEqual({ waves: 4, blocks: 2, wavesOfBlock: 2, limit: "LDS" });
    expect(of(97, 0, 256)).toEqual({ waves: 12, blocks: 6, wavesOfBlock: 2, limit: "VGPRs" });
    // Of 48 waves for which there are registers, one block takes 32.
    expect(of(97, 0, 1024)).toEqual({ waves: 8, blocks: 1, wavesOfBlock: 8, limit: "block" });
    // One byte more than a granule takes the next one: 128 KiB hold 51 blocks of 2,560 bytes.
    expect(of(16, 2049, 32)).toEqual({ waves: 51 / 4, blocks: 51, wavesOfBlock: 1 / 4, limit: "LDS" });
  });

  it("counts accumulation registers behind the others", () => {
    const of = (vgprs: number, agprs: number) =>
      occupancyOf(target("gfx90a"), { vgprs, agprs, ldsBytes: 0, threads: 64 }).waves;
    expect([of(62, 64), of(128, 0), of(65, 64)]).toEqual([4, 4, 3]);
  });
});

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

describe("machine code", () => {
  const code = parseDisassembly(TEXT).get("sum_i32") ?? [];

  it("is read with its branches", () => {
    expect(code).toHaveLength(15);
    expect(code.at(1)).toEqual({ address: 0x2108, mnemonic: "s_cbranch_scc1", operands: "20", target: 0x2154 });
    expect(code.at(12)?.target).toBe(0x210c);
  });

  it("has its loops, the inner ones within the others", () => {
    const loops = findLoops(code).map(({ depth, instructions }) => [depth, instructions.length]);
    expect(loops.toSorted()).toEqual([
      [1, 11],
      [2, 9],
      [3, 7],
    ]);
    expect(findLoops(code.slice(-2))).toEqual([]);
  });
});

describe("a budget", () => {
  const used: KernelResources = {
    kernel: "scale_i32",
    architecture: "gfx1101",
    waveSize: 32,
    vgprs: 41,
    agprs: 0,
    sgprs: 20,
    ldsBytes: 0,
    scratchBytes: 16,
    vgprSpills: 3,
    sgprSpills: 0,
    maxThreads: 256,
  };
  const withBudget = (...limits: readonly (readonly ["vgprs" | "sgprs" | "lds" | "scratch", bigint])[]) => ({
    ...scale,
    budget: { limits: limits.map(([resource, most]) => ({ resource, most })), span: scale.span },
  });

  it("is exceeded by name, symbol and architecture", () => {
    const over = overBudget([withBudget(["vgprs", 40n], ["sgprs", 20n], ["scratch", 16n])], [used]);
    expect(over).toMatchObject([
      {
        code: "TK414",
        severity: "error",
        message: "scale_i32 on gfx1101 uses 41 vector registers per lane, and its budget is 40",
      },
    ]);
  });

  it("that does not mention scratch memory does not hide it", () => {
    const found = overBudget([withBudget(["vgprs", 41n]), { ...scale, name: "other" }], [used]);
    expect(found).toMatchObject([
      {
        code: "TK415",
        severity: "warning",
        message: "scale_i32 on gfx1101 uses 16 bytes of scratch memory per lane, since 3 registers are spilled",
      },
    ]);
  });
});
