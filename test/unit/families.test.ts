/** Families of kernels: what they are applied to takes the place of their parameters, and their files decide what is read. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-families-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LIBRARY = (
  change: string,
): string => `import { block, ceilDiv, type HalfElement, input, kernel, output, registers, shared, thread } from "tokitai/dsl";

/** y = x, rounded. */
export const copyOf = (T: HalfElement, THREADS: number) =>
  kernel(
    { x: input(T, ["N"]), y: output(T, ["N"]) },
    { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
    ({ x, y }, { N }) => {
      const own = registers(T, [2]);
      const tile = shared(T, [THREADS, 2]);
      const i = block.x * THREADS + thread.x;
      if (i >= N) return;
      own[0] = x[i];
      tile[thread.x][1] = own[0];
      y[i] = ${change};
    },
  );
`;
const USES = `import { bf16, f16 } from "tokitai/dsl";
import { copyOf } from "./library.ts";

const WIDE = 64;
export const copy_f16 = copyOf(f16, WIDE);
/** The other format. */
export const copy_bf16 = copyOf(bf16, 2 * WIDE);
`;

function read(change: string) {
  writeFileSync(join(folder, "library.ts"), LIBRARY(change));
  writeFileSync(join(folder, "uses.ts"), USES);
  return readKernels([join(folder, "uses.ts")], { cwd: folder });
}

describe("a family in another file", () => {
  it("makes a kernel of each application, under its name and with its comment or the family's", () => {
    const { kernels, diagnostics, decidedBy } = read("T(x[i] * 0.5)");
    expect(diagnostics).toEqual([]);
    expect(kernels.map(({ name, doc }) => [name, doc])).toEqual([
      ["copy_f16", "y = x, rounded."],
      ["copy_bf16", "The other format."],
    ]);
    // Both texts decide what is read, so that a change of either is seen where the kernels are cached.
    expect([...(decidedBy?.keys() ?? [])].sort()).toEqual(["library.ts", "uses.ts"]);
    expect(kernels.map((kernel) => [kernel.span.file, kernel.body[0]?.span.file])).toEqual([
      ["uses.ts", "library.ts"],
      ["uses.ts", "library.ts"],
    ]);
  });

  it("is lowered as if the element types and integers stood in it", () => {
    const [half, brain] = read("T(x[i] * 0.5)").kernels.map(printKernel);
    expect(half).toContain("y[i] = f16(x[i] * f32(0.5))");
    expect(half).toContain("shared tile: f16[64, 2]");
    expect(brain).toBe(
      half?.replaceAll("f16", "bf16").replaceAll("64", "128").replaceAll("63", "127").replaceAll("bbf16", "bf16"),
    );
  });

  it("names the kernel in what it refuses, and gives none of the file", () => {
    const { kernels, diagnostics } = read("x[i] * 0.5");
    expect(kernels).toEqual([]);
    expect(diagnostics.map(({ code, message, span }) => `${code} ${span?.file} ${message}`)).toEqual([
      "TK182 library.ts y[i] = x[i] * 0.5 stores a float that is not rounded into bf16, in copy_bf16 at uses.ts:7:14",
      "TK182 library.ts y[i] = x[i] * 0.5 stores a float that is not rounded into f16, in copy_f16 at uses.ts:5:14",
    ]);
  });
});
