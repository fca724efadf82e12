/** The arena that the compiler computes from a plan is the one that the built library asks for. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { dim, int, mul } from "../../src/ir/kernel/build.ts";
import type { ArenaBuffer, Plan } from "../../src/ir/plan.ts";
import { arenaLayout } from "../../src/ir/plan-arena.ts";
import { MOE_SIZES } from "../../src/moe/sizes.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { buildInto, type ProvedSources, proveKernels, unwrap } from "./library.ts";

describe("the arena of the built Nano model", () => {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-arena-"));
  let proved: ProvedSources;
  let library: CpuLibrary;
  beforeAll(async () => {
    proved = await proveKernels(["moe"], MOE_SIZES.nano);
    await buildInto(folder, proved, await findToolchain(process.env), false);
    library = unwrap(openCpuLibrary(folder));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([0, 1, 2, 3, 5, 17, 63, 64, 256, 1000, 65_537])("is as large at %i rows as the library says", (B) => {
    const programs = proved.sources.programs.map(({ plan }) => plan);
    expect(programs.length).toBeGreaterThan(0);
    for (const plan of programs) {
      const sizes = Object.fromEntries(plan.dims.map((name) => [name, B]));
      const exact = Object.fromEntries(plan.dims.map((name) => [name, BigInt(B)]));
      expect(arenaLayout(plan, exact).bytes).toBe(library.workspaceBytes(plan.name, sizes));
    }
  });
});

describe("the layout of an arena", () => {
  const buffer = (name: string, shareClass: number, shape: ArenaBuffer["shape"]): ArenaBuffer => ({
    name,
    element: "f32",
    shape,
    shareClass,
  });
  const plan: Plan = {
    name: "small",
    dims: ["B"],
    params: [],
    launches: [],
    buffers: [
      buffer("a", 0, [dim("B"), int(3)]),
      buffer("c", 1, [int(65)]),
      buffer("b", 0, [mul(int(2), dim("B")), int(2)]),
      buffer("d", 2, [int(64)]),
    ],
  };

  it("gives each class the bytes of its largest buffer, rounded up to 256, one after another", () => {
    expect(arenaLayout(plan, { B: 100n })).toEqual({
      bytes: 2560n,
      classes: [
        {
          offset: 0n,
          bytes: 1792n,
          buffers: [
            { name: "a", bytes: 1200n },
            { name: "b", bytes: 1600n },
          ],
        },
        { offset: 1792n, bytes: 512n, buffers: [{ name: "c", bytes: 260n }] },
        { offset: 2304n, bytes: 256n, buffers: [{ name: "d", bytes: 256n }] },
      ],
    });
  });

  it("is exact beyond 64 bits", () => {
    expect(arenaLayout(plan, { B: 2n ** 70n }).bytes).toBe(2n ** 74n + 768n);
  });
});
