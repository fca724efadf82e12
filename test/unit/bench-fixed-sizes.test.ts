import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { packageRoot } from "../../src/compiler/inputs.ts";
import { printExpr, printKernel } from "../../src/ir/kernel/print.ts";
import { fixSizes, withoutClaims } from "../bench/fixed-sizes.ts";

const KERNELS = join(packageRoot(), "kernels");
const folder = mkdtempSync(join(tmpdir(), "tokitai-fixed-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("copies of kernels for one size", () => {
  it("require that size of every dimension and claim nothing, and are the same kernels otherwise", () => {
    const before = readKernels([KERNELS], { cwd: KERNELS });
    cpSync(KERNELS, folder, { recursive: true });
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      const own = before.kernels.filter(({ span }) => span.file === name);
      if (own.length === 0) continue;
      writeFileSync(join(folder, name), withoutClaims(fixSizes(readFileSync(join(KERNELS, name), "utf8"), own, 10)));
    }
    const after = readKernels([folder], { cwd: folder });
    expect(after.diagnostics).toEqual([]);
    expect(after.kernels.map(({ name }) => name)).toEqual(before.kernels.map(({ name }) => name));
    for (const [position, kernel] of after.kernels.entries()) {
      const original = before.kernels[position];
      if (original === undefined) throw new Error("as many copies as kernels");
      const { dims, requires } = kernel;
      expect(requires.slice(0, dims.length).map(printExpr)).toEqual(dims.map((dim) => `${dim} === 10`));
      expect(kernel.computes).toBeUndefined();
      const without = { ...kernel, requires: requires.slice(dims.length), computes: original.computes };
      expect(printKernel(without)).toBe(printKernel(original));
    }
  });
});
