/** What the front end makes of each form of the language: kernel source → kernel IR as text. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { checkKernel } from "../../src/ir/kernel/check.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { InternalError } from "../../src/support/result.ts";
import { BODIES, FILES, fileOfBody } from "./frontend-sources.ts";

/** All sources in one folder, outside of the repository, read at once. */
function readAll(): ReadonlyMap<string, Kernel> {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-frontend-"));
  try {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    for (const [name, body] of Object.entries(BODIES))
      writeFileSync(join(folder, `${name}.ts`), fileOfBody(name, body));
    const { kernels, diagnostics } = readKernels([folder], { cwd: folder });
    expect(diagnostics).toEqual([]);
    return new Map(kernels.map((kernel) => [kernel.name, kernel]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const kernels = readAll();

function kernel(name: string): Kernel {
  const found = kernels.get(name);
  if (found === undefined) throw new InternalError(`no kernel ${name}`);
  return found;
}

/** The printed statements of a kernel, without the common indentation. */
function bodyOf(name: string): string {
  const text = printKernel(kernel(name));
  return text.slice(text.indexOf("{\n") + 2, text.lastIndexOf("\n}")).replace(/^ {2}/gm, "");
}

describe("the declaration of a kernel", () => {
  it("gives parameters, dimensions, grid, block, contract and text", () => {
    expect(printKernel(kernel("declared"))).toBe(`kernel declared(input x: f32[E + 1, 2 * N], input e: i32[N - 1, 4], \
scalar k: i32, scalar scale: f32, inout z: u32[T], output y: i64[E])
  dims E, N, T
  where T = E * N
  requires k <= E && scale > f32(0)
  requires E > 0
  computes an_operation
  index i32
  grid [div(N + 15, 16), E, 1] block [16, 4, 1]
{
  y[block.y] = k
}
`);
    expect(kernel("declared").doc).toBe("What it does.\n\nAnd how.");
  });

  it("makes a kernel of each combination of params, with their values as constants", () => {
    const names = [...kernels.keys()].filter((name) => name.startsWith("choices"));
    expect(names).toEqual([
      "choices_TILE8_ROWS1",
      "choices_TILE8_ROWS2",
      "choices_TILE16_ROWS1",
      "choices_TILE16_ROWS2",
    ]);
    const { block, arrays, grid } = kernel("choices_TILE16_ROWS2");
    expect(block).toEqual([16n, 2n, 1n]);
    expect(arrays.map(({ shape }) => shape)).toEqual([[16n, 17n]]);
    expect(grid[0]).toMatchObject({ kind: "int-op", op: "div", right: { value: 16n } });
    expect(bodyOf("choices_TILE16_ROWS2")).toContain("if (block.x * 16 + thread.x < N)");
    expect(bodyOf("choices_TILE8_ROWS1")).toContain("if (block.x * 8 + thread.x < N)");
  });

  it("knows parameters and dimensions by the names that the body gives them, and keeps them apart from locals", () => {
    expect(bodyOf("renamed")).toBe(`s[0] = x[block.x] * f32(2)
const x_1: f32 = x[0]
const N_1: f32 = x_1 + s[0]
if (N > 0) {
  const s_1: f32 = N_1
  y[block.x] = s_1
}`);
  });

  it("loads integers of every width as integers", () => {
    expect(kernel("widths").body[0]).toMatchObject({ kind: "store", value: { kind: "int-op", type: "int" } });
  });

  it("is well-formed, whatever the form of its body", () => {
    for (const each of kernels.values()) expect(checkKernel(each)).toEqual([]);
  });

  it("is frozen to its last node", () => {
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      for (const child of Object.values(value)) visit(child);
    };
    visit(kernel("declared"));
    visit(kernel("loops"));
  });
});

describe("expressions", () => {
  it.each([
    [
      "arithmetic",
      "let a: int = 7 - i * N\na = div(a, 3) + mod(a, 3) + div(a + 3, 4)\na = -a\nk[min(a, max(N, 2))] = a",
    ],
    ["floats", "const v: f32 = f32(0.5) + f32(0.00001) * f32(1) - -x[i] / f32(2)\ny[i] = fma(v, abs(v), f32(i))"],
    ["functions", "y[i] = exp(log(erf(tanh(sqrt(min(x[i], max(x[i], f32(3))))))))"],
    [
      "conditions",
      "const within: bool = i < N && !(i >= 4) || i === 7\nif (within && x[i] !== f32(0) && x[i] <= f32(1)) {\n  y[i] = i > 2 ? x[i] : f32(0)\n}",
    ],
    ["literals", "k[31] = 1000000\nk[5] = 8\ny[0] = f32(1000)\ny[1] = f32(1)\ny[2] = f32(-3)"],
    ["folding", "k[17] = 0\ny[0] = f32(i)\ny[0] = f32(5)"],
    ["indices", "k[thread.x + thread.y + thread.z] = block.x + block.y + block.z"],
  ])("%s", (name, expected) => {
    expect(bodyOf(name)).toBe(`const i: int = block.x * 64 + thread.x\n${expected}`);
  });
});

describe("constants and inline functions", () => {
  it("are replaced by their values and expressions, also from other files", () => {
    expect(bodyOf("inlined")).toBe(
      [
        "k[block.x] = 24",
        "y[block.x] = f32(1) / f32(2) * (x[block.x] + f32(1)) * ((x[block.x] + f32(1)) * (x[block.x] + f32(1)))",
        "if (0 <= block.x && block.x < 8) {",
        "  y[block.x] = x[block.x] + x[block.x]",
        "}",
        "const w: f32 = x[0]",
        "const v: f32 = x[1]",
        "y[block.x] = w - v + (v - w)",
        "k[block.x] = block.x + block.x",
      ].join("\n"),
    );
  });
});

describe("statements", () => {
  it("assign locals and elements, also in the compound forms", () => {
    expect(bodyOf("assignments")).toBe(`const i: int = block.x * 64 + thread.x
let a: f32 = f32(0)
a = a + x[i]
a = a - f32(1)
a = a * a
a = a / f32(3)
a = x[i]
y[i] = y[i] + a
y[i] = y[i] / f32(2)
k[0] = k[0] * 3`);
  });

  it("make a local mutable only where the source assigns it", () => {
    expect(bodyOf("mutability")).toBe(`const i: int = block.x * 64 + thread.x
const u: f32 = x[0]
let v: f32 = x[1]
v = v + f32(1)
y[0] = u + v`);
  });

  it("nest ifs", () => {
    expect(bodyOf("branches")).toBe(`const i: int = block.x * 64 + thread.x
if (i < 1) {
  k[0] = 1
} else {
  if (i < 2) {
    k[1] = 2
  } else {
    k[2] = 3
    k[3] = 3
  }
}`);
  });

  it("turn an early return into the other branch", () => {
    expect(bodyOf("returns")).toBe(`const i: int = block.x * 64 + thread.x
if (!(i >= N)) {
  if (i === 3) {
    y[i] = f32(3)
  } else {
    const v: f32 = x[i]
    y[i] = v
  }
}`);
  });

  it("remember a return that only some ways reach", () => {
    expect(bodyOf("nested")).toBe(`const i: int = block.x * 64 + thread.x
let running: bool = true
if (i < N) {
  if (i === 3) {
    running = false
  } else {
    y[i] = f32(1)
  }
}
if (running) {
  k[0] = 1
  let running_1: bool = true
  if (i < 5) {
    y[0] = f32(2)
  } else {
    if (i < 6) {
      running_1 = false
    } else {
      k[1] = 2
      if (i < 7) {
        k[2] = 3
        running_1 = false
      }
    }
  }
  if (running_1) {
    k[4] = 5
  }
}`);
  });

  it("return from a block, from else, and from both branches", () => {
    expect(bodyOf("endings")).toBe(`const i: int = block.x * 64 + thread.x
let running: bool = true
if (i === 0) {
  running = false
} else {
  k[0] = 1
}
if (running) {
  if (i < 3) {
    k[1] = 1
    if (i < 2) {
      k[2] = 1
    } else {
      k[3] = 1
    }
  }
}`);
  });

  it("give each local a name of its own, and keep the source's where they can", () => {
    expect(bodyOf("names")).toBe(`const i: int = block.x * 64 + thread.x
let k_1: int = i
for (k_2 = 0; k_2 < N; k_2 += 1) {
  k_1 = k_1 + k_2
}
for (k_3 = 0; k_3 < N; k_3 += 1) {
  const i_1: int = k_3 + 1
  k_1 = k_1 + i_1
}
const int_1: int = k_1 + i
const threadIdx_1: int = int_1 + i
const N_1: int = threadIdx_1 + i
k[0] = N_1
const N_2: int = i
const e: int = N_2
const v_tok_x: int = e
k[1] = N_2 + e + v_tok_x`);
  });
});

describe("loops", () => {
  it("count with a constant step, up to an exclusive bound", () => {
    const heads = bodyOf("loops")
      .split("\n")
      .filter((line) => line.startsWith("for"));
    expect(heads).toEqual([
      "for (a = 0; a < N; a += 1) {",
      "for (a_1 = i; a_1 < M + 1; a_1 += 64) {",
      "for (a_2 = 2; a_2 < N + M; a_2 += 1) {",
      "for (a_3 = 0; a_3 < N; a_3 += 3) {",
    ]);
  });

  it("list the values of a geometric sequence, and drop one that has none", () => {
    const steps = kernel("steps").body.filter((stmt) => stmt.kind === "steps");
    expect(steps.map(({ values, update }) => ({ values, update }))).toEqual([
      { values: [128n, 64n, 32n, 16n, 8n, 4n, 2n, 1n], update: { op: "div", factor: 2n } },
      { values: [64n, 16n], update: { op: "div", factor: 4n } },
      { values: [1n, 4n, 16n, 64n], update: { op: "mul", factor: 4n } },
      { values: [3n, 9n, 27n], update: { op: "mul", factor: 3n } },
    ]);
    expect(bodyOf("steps")).not.toContain("= 5");
  });

  it("carry their invariants", () => {
    expect(bodyOf("contracts")).toContain(`for (j = 0; j < N; j += 1) {
  invariant 0 <= rank && rank <= j
  invariant rank <= N
  if (x[j] > f32(0)) {`);
  });
});

describe("arrays of the kernel's own", () => {
  it("have constant sizes", () => {
    expect(kernel("arrays").arrays).toMatchObject([
      { space: "shared", name: "tile", element: "f32", shape: [16n, 17n] },
      { space: "shared", name: "counts", element: "i32", shape: [64n] },
      { space: "register", name: "acc", element: "f32", shape: [2n, 4n] },
    ]);
  });

  it("unroll the loops that index registers, and no others", () => {
    const heads = bodyOf("arrays")
      .split("\n")
      .filter((line) => line.includes("for"));
    expect(heads).toEqual([
      "for (a = 0; a < 2; a += 1) unroll {",
      "  for (b = 0; b < 4; b += 1) unroll {",
      "    for (c = 0; c < 16; c += 1) {",
    ]);
  });
});
