/** HIP text: what the device code says, and that hipcc compiles all of it without a warning. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { emitCpu, emitKernelCpu } from "../../src/compiler/codegen/cpu.ts";
import { emitHip, emitKernelHip } from "../../src/compiler/codegen/hip.ts";
import { dataCheck } from "../../src/compiler/data-check.ts";
import { compare, dim, int as literalInt, logic } from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { certify } from "../../src/verify/certificate.ts";
import { proved } from "./codegen-ir.ts";
import { linear, normalise, rotate } from "./codegen-kernels.ts";
import { inPlace, sorted, sorting } from "./codegen-kernels-data.ts";
import { exchange, histogram } from "./codegen-kernels-memory.ts";
import { clashes, forward, functions, integers, one, registerTile, scale } from "./codegen-kernels-plain.ts";
import { writeFiles } from "./codegen-library.ts";

const kernels = [
  linear,
  normalise,
  rotate,
  scale,
  integers,
  functions,
  clashes,
  registerTile,
  one,
  histogram,
  exchange(8),
];
const checked = [sorted, inPlace].flatMap((kernel) => [kernel, dataCheck(kernel)?.kernel ?? []].flat());
const spec = {
  name: "tests",
  kernels: [...kernels, ...checked].map((kernel) => proved(kernel)),
  plans: [forward, sorting],
};

/** Where the package hipcc of Debian and a ROCm installation put the compiler. */
const HIPCC = ["/usr/bin/hipcc", "/opt/rocm/bin/hipcc"].find(existsSync);

describe("device code", () => {
  const text = emitKernelHip(proved(linear));

  it("states the contract", () => {
    for (const line of [
      "// linear: y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n]",
      "//   input x: f32 [B, K]",
      "//   output y: f32 [B, N]",
      "//   grid [div(N + 15, 16), div(B + 15, 16)], block [16, 16]",
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(text).toMatch(/^\/\/ proved: 1 bounds; with 32-bit indices and with 64-bit indices$/m);
  });

  it("has an instance per proved width, by names that a runtime can predict", () => {
    expect(text).toMatch(/extern "C" __global__ __launch_bounds__\(256\) void linear_i32\(/);
    expect(text).toMatch(/extern "C" __global__ __launch_bounds__\(256\) void linear_i64\(/);
    const narrow = emitKernelHip(proved(linear, [32]));
    expect(narrow).toContain("linear_i32");
    expect(narrow).not.toContain("linear_i64");
    const wide = emitKernelHip(proved(linear, [64]));
    expect(wide).not.toContain("linear_i32");
    expect(wide).toContain("linear_i64");
  });

  it("keeps the names of the source, and flattens indices over the declared shape", () => {
    for (const line of [
      "__shared__ float ws[16][17];",
      "const Index b = block_y * 16 + thread_y;",
      "for (Index k0 = 0; k0 < K; k0 += 16) {",
      "xs[thread_y][thread_x] = b < B && k0 + thread_x < K ? x[b * K + (k0 + thread_x)] : 0.0f;",
      "__syncthreads();",
      "#pragma unroll",
      "acc += xs[thread_y][k] * ws[thread_x][k];",
      "y[b * N + n] = acc + bias[n];",
    ]) {
      expect(text.split("\n").map((found) => found.trim())).toContain(line);
    }
  });

  it("divides plainly where the dividend cannot be negative, and floors where it can", () => {
    expect(emitKernelHip(proved(scale))).toContain("x[i / N * N + i % N] * factor");
    const floored = emitKernelHip(proved(integers));
    expect(floored).toContain("a[i] = (int32_t)tok_floor_div<Index>(v, d);");
    expect(floored).toContain("r[i] = (uint32_t)tok_floor_mod<Index>(v, d);");
  });

  it("writes float literals that read back as the same f32", () => {
    expect(emitKernelHip(proved(functions))).toContain("? 0.1f : 1e-05f / -INFINITY");
  });
});

describe("comments", () => {
  const comment = (doc: string, requires: Kernel["requires"] = []): readonly string[] => {
    const lines = emitKernelHip(proved({ ...linear, doc, requires })).split("\n");
    return lines.slice(0, lines.indexOf("template <typename Index>"));
  };

  it("carry what a line has too much to the next line of its paragraph, and keep other breaks", () => {
    const full = `${"word ".repeat(22)}end`;
    expect(comment(`${full}\nof two lines\n\n${full} of one\n\nshort\nlines`).slice(0, 8)).toEqual([
      `// linear: ${"word ".repeat(22).trimEnd()}`,
      "// end of two lines",
      "//",
      `// ${full} of`,
      "// one",
      "//",
      "// short",
      "// lines",
    ]);
  });

  it("indent what is left of an indented line", () => {
    const [long] = [1n, 2n, 3n, 4n, 5n, 6n].map((n) => compare("gt", dim("K"), literalInt(n * 10n ** 15n)));
    if (long === undefined) throw new Error("no condition");
    const chain = Array.from({ length: 5 }, () => long).reduce<Expr>((left, right) => logic("and", left, right), long);
    const lines = comment("y", [chain]);
    const first = lines.findIndex((line) => line.startsWith("//   requires"));
    expect(lines[first + 1]).toMatch(/^\/\/ {5}\S/);
  });

  it("count what each index width owes apart", () => {
    const base = proved(linear).obligations;
    const [one] = base;
    if (one === undefined) throw new Error("no obligation");
    const of = (width: number, ordinal: number) => ({
      ...one,
      id: `linear/overflow/i${width}.b#${ordinal}`,
      kind: "overflow" as const,
    });
    const division = { ...one, id: "linear/overflow/division#1", kind: "overflow" as const };
    const certificate = certify(linear, [32, 64], [...base, division, of(32, 1), of(32, 2), of(64, 1), of(64, 2)]);
    if (certificate === undefined) throw new Error("not certified");
    expect(emitKernelHip(certificate)).toContain(
      "// proved: 1 bounds, 1 overflow; with 32-bit indices (2 overflow) and with 64-bit indices (2 overflow)\n",
    );
  });
});

describe("both targets", () => {
  it("are the same text on each run, with no path or date in it", () => {
    expect(emitHip(spec)).toEqual(emitHip(spec));
    expect(emitCpu(spec)).toEqual(emitCpu(spec));
  });

  it("share the header", () => {
    const header = (files: ReturnType<typeof emitHip>): string | undefined =>
      files.find(({ path }) => path === "tests.h")?.text;
    expect(header(emitHip(spec))).toBeDefined();
    expect(header(emitHip(spec))).toBe(header(emitCpu(spec)));
  });

  it("have no line beyond the width, but for one long string", () => {
    const lines = [...emitHip(spec), ...emitCpu(spec)].flatMap(({ text }) => text.split("\n"));
    expect(lines.filter((line) => line.length > 120 && !/^ *"[^"]*"[^"]*$/.test(line))).toEqual([]);
  });

  it("separate functions by a blank line", () => {
    for (const { text } of [...emitHip(spec), ...emitCpu(spec)]) expect(text).not.toMatch(/^}\n[^\n#}]/m);
  });

  it("split a kernel with barriers into loops over threads on the CPU", () => {
    const text = emitKernelCpu(proved(linear));
    expect(text).toContain(
      "if (tok_own.runs(block_y * (int64_t)grid_x + block_x, (int64_t)grid_y * (int64_t)grid_x)) {",
    );
    expect(text).not.toContain("__syncthreads");
    // The sum lives across the barriers, one per thread; `b` is computed anew.
    expect(text).toContain("float acc[16][16];");
    expect(text).toContain("const Index b = block_y * 16 + thread_y;");
    expect(text).not.toMatch(/Index b\[/);
  });
});

describe("hipcc", () => {
  if (HIPCC === undefined) console.warn("skipped: hipcc is not installed, so that the HIP text is not compiled");

  it.skipIf(HIPCC === undefined)(
    "compiles the library for gfx1030 without a warning",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "tokitai-hip-"));
      try {
        const files = emitHip(spec);
        writeFiles(folder, files);
        const source = files.find(({ path }) => path.endsWith(".hip.cpp"))?.path ?? "";
        const object = join(folder, "library.o");
        const flags = ["-std=c++17", "-O2", "-fPIC", "--offload-arch=gfx1030", "-Wall", "-Wextra", "-Werror", "-c"];
        execFileSync(HIPCC ?? "", [...flags, join(folder, source), "-o", object], {
          env: { ...process.env, HIP_PLATFORM: "amd" },
          stdio: "pipe",
        });
        expect(existsSync(object)).toBe(true);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    300_000,
  );
});
