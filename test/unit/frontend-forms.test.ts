/** What the front end makes of accepted kernels: the IR, name for name and place for place. */

import { describe, expect, it } from "vitest";
import { printExpr } from "../../src/ir/kernel/print.ts";
import type { Stmt } from "../../src/ir/kernel/types.ts";
import type { Span } from "../../src/support/span.ts";
import { accept, bodyOf, IMPORT, lower, read, simple } from "./frontend-reading.ts";

function textAt(text: string, { line, column, endLine, endColumn }: Span): string {
  expect(endLine).toBe(line);
  return text.split("\n")[line - 1]?.slice(column - 1, endColumn - 1) ?? "";
}

describe("expressions", () => {
  it("take the type of their leaves: div and mod floor integers, / divides floats", () => {
    expect(
      lower(`
    q[0] = div(c, 3) - mod(c + N, 4) * min(c, N) + max(c, 2);
    y[0] = (x[0] / a - 0.5) * fma(x[1], a, f32(N)) + min(a, x[2]) + abs(sqrt(exp(x[3])));`),
    ).toBe(
      [
        "q[0] = div(c, 3) - mod(c + N, 4) * min(c, N) + max(c, 2)",
        "y[0] = (x[0] / a - f32(0.5)) * fma(x[1], a, f32(N)) + min(a, x[2]) + abs(sqrt(exp(x[3])))",
      ].join("\n"),
    );
  });

  it("read the type of a literal from its text", () => {
    const [kernel] = accept({
      "k.ts": `${IMPORT}${simple("form", "y[0] = f32(7); y[1] = 1.0; y[2] = 1e3; y[3] = -2.5; q[0] = 0x1e5; q[1] = 1_000;")}`,
    });
    const values = kernel?.body.map((stmt) => (stmt.kind === "store" ? stmt.value : undefined));
    expect(values).toMatchObject([
      { kind: "float", value: 7 },
      { kind: "float", value: 1 },
      { kind: "float", value: 1000 },
      { kind: "float", value: -2.5 },
      { kind: "int", value: 0x1e5n },
      { kind: "int", value: 1000n },
    ]);
  });

  it("cast integers by f32, and fold integer constants", () => {
    const [kernel] = accept({
      "k.ts": `${IMPORT}${simple("form", "y[0] = f32(c); y[2 * 8 + 1] = x[div(-7, 2) + 4];")}`,
    });
    expect(kernel?.body).toMatchObject([
      { value: { kind: "cast", type: "f32", value: { kind: "scalar", type: "int", name: "c" } } },
      { index: [{ kind: "int", value: 17n }], value: { kind: "load", index: [{ kind: "int", value: 0n }] } },
    ]);
  });

  it("keep conditions and choices as they are written", () => {
    expect(lower("if (!(c < N) && (z[0] === 1 || a !== x[0])) y[0] = c >= 2 ? x[0] : -x[1];")).toBe(
      "if (!(c < N) && (z[0] === 1 || a !== x[0])) {\n  y[0] = c >= 2 ? x[0] : -x[1]\n}",
    );
  });

  it("know x, y and z of thread and block", () => {
    const [kernel] = accept({ "k.ts": `${IMPORT}${simple("form", "q[thread.z] = block.y;")}` });
    expect(kernel?.body[0]).toMatchObject({
      index: [{ kind: "index", of: "thread", axis: 2 }],
      value: { kind: "index", of: "block", axis: 1 },
    });
  });

  it("load integers of every width as int", () => {
    const text = `${IMPORT}export const k = kernel(
  { a: input(u32, ["N"]), b: input(i64, ["N"]), s: scalar(i64), y: output(i32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ a, b, s, y }) => { y[block.x] = a[block.x] + b[block.x] + s; });`;
    const [kernel] = accept({ "k.ts": text });
    expect(kernel?.body[0]).toMatchObject({ kind: "store", value: { kind: "int-op", type: "int" } });
  });
});

describe("constants and inline functions", () => {
  it("stand for their value, wherever they come from", () => {
    const kernels = accept(
      {
        "shared/math.ts":
          'import { max } from "tokitai/dsl";\nexport const EPS = 1e-5;\nexport const TILE = 16;\nexport const relu = (v: number) => max(v, 0.0);\n',
        "k.ts": `${IMPORT}import { EPS, relu as positive, TILE } from "./shared/math.ts";\nconst WIDE = 2 * TILE + 1;\n${simple("form", "y[WIDE] = positive(x[0] + EPS);")}`,
      },
      ["k.ts"],
    );
    expect(kernels.map(bodyOf)).toEqual([`y[33] = max(x[0] + f32(0.00001), f32(0))`]);
  });

  it("substitute arguments, at each call with its own types", () => {
    const top = "const twice = (v: number) => v + v;\nfunction square(v: number): number {\n  return v * v;\n}\n";
    expect(lower("y[0] = square(twice(x[0])); q[0] = twice(twice(c)); y[1] = a;", top)).toBe(
      "y[0] = (x[0] + x[0]) * (x[0] + x[0])\nq[0] = c + c + (c + c)\ny[1] = a",
    );
  });

  it("do not mistake a parameter of the function for a local of the kernel", () => {
    const top = "const f = (v: number, w: number) => v - w;\n";
    expect(lower("const w = x[0]; const v = x[1]; y[0] = f(w, v) + f(v, w);", top)).toBe(
      "const w: f32 = x[0]\nconst v: f32 = x[1]\ny[0] = w - v + (v - w)",
    );
  });

  it("may be booleans", () => {
    const top = "const inside = (i: number, n: number) => 0 <= i && i < n;\n";
    expect(lower("if (inside(c, N)) y[c] = a;", top)).toBe("if (0 <= c && c < N) {\n  y[c] = a\n}");
  });
});

describe("names of locals", () => {
  it("are the source's where they are unique, numbered where scopes shadow, and never a word of C++", () => {
    expect(
      lower(`
    let k = c;
    if (N > 1) { const k = x[0]; y[0] = k; }
    for (let k = 0; k < N; k++) q[k] = k;
    const int = x[1]; const threadIdx = x[2]; const N_ = x[3]; const $e = x[4]; const tok_x = x[5];
    y[1] = int + threadIdx + N_ + $e + tok_x;
    k += 1; q[0] = k;`),
    ).toBe(
      [
        "let k: int = c",
        "if (N > 1) {",
        "  const k_1: f32 = x[0]",
        "  y[0] = k_1",
        "}",
        "for (k_2 = 0; k_2 < N; k_2 += 1) {",
        "  q[k_2] = k_2",
        "}",
        "const int_1: f32 = x[1]",
        "const threadIdx_1: f32 = x[2]",
        "const N_1: f32 = x[3]",
        "const e: f32 = x[4]",
        "const v_tok_x: f32 = x[5]",
        "y[1] = int_1 + threadIdx_1 + N_1 + e + v_tok_x",
        "k = k + 1",
        "q[0] = k",
      ].join("\n"),
    );
  });

  it("differ from those of parameters, dimensions and arrays, even if the body renames these", () => {
    const text = `${IMPORT}export const k = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x: image, y }, { N: size }) => {
    const s = shared(f32, [64]);
    s[thread.x] = f32(0);
    const x = image[0];
    const N = x + s[0];
    if (size > 0) { const s = N; y[0] = s; }
  });`;
    expect(accept({ "k.ts": text }).map(bodyOf)).toEqual([
      "s[thread.x] = f32(0)\nconst x_1: f32 = x[0]\nconst N_1: f32 = x_1 + s[0]\nif (N > 0) {\n  const s_1: f32 = N_1\n  y[0] = s_1\n}",
    ]);
  });

  it("are mutable only where the source assigns", () => {
    expect(lower("let u = x[0]; let v = x[1]; v += 1.0; y[0] = u + v;")).toBe(
      "const u: f32 = x[0]\nlet v: f32 = x[1]\nv = v + f32(1)\ny[0] = u + v",
    );
  });
});

describe("assignments", () => {
  it("expand compound operators on locals and elements", () => {
    expect(lower("let v = c; v -= 2; v *= N; q[v] += 1; y[0] = a; y[0] /= 2.0;")).toBe(
      "let v: int = c\nv = v - 2\nv = v * N\nq[v] = q[v] + 1\ny[0] = a\ny[0] = y[0] / f32(2)",
    );
  });
});

describe("early return", () => {
  it("puts what follows into the other branch", () => {
    expect(lower("const i = block.x * 64 + thread.x; if (i >= N) return; y[i] = x[i]; q[i] = 0;")).toBe(
      "const i: int = block.x * 64 + thread.x\nif (!(i >= N)) {\n  y[i] = x[i]\n  q[i] = 0\n}",
    );
  });

  it("keeps what precedes the return, and what stands in else", () => {
    expect(lower("if (c > 0) { y[0] = a; return; } else { y[1] = a; } y[2] = a; if (c < 0) return; y[3] = a;")).toBe(
      [
        "if (c > 0) {",
        "  y[0] = a",
        "} else {",
        "  y[1] = a",
        "  y[2] = a",
        "  if (!(c < 0)) {",
        "    y[3] = a",
        "  }",
        "}",
      ].join("\n"),
    );
  });
});

describe("loops", () => {
  it("count up to a bound, exclusive or inclusive, by a constant", () => {
    expect(
      lower(`
    for (let k = 0; k < N; k++) q[k] = 0;
    for (let k = thread.x; k < N; k += 2 * 32) q[k] = 1;
    for (let k = 1; k <= c; k = k + 3) q[k] = 2;`),
    ).toBe(
      [
        "for (k = 0; k < N; k += 1) {\n  q[k] = 0\n}",
        "for (k_1 = thread.x; k_1 < N; k_1 += 64) {\n  q[k_1] = 1\n}",
        "for (k_2 = 1; k_2 < c + 1; k_2 += 3) {\n  q[k_2] = 2\n}",
      ].join("\n"),
    );
  });

  it.each([
    ["let s = 128; s > 0; s = div(s, 2)", [128, 64, 32, 16, 8, 4, 2, 1], "div", 2],
    ["let s = 100; s >= 5; s = div(s, 3)", [100, 33, 11], "div", 3],
    ["let s = 1; s < 256; s *= 4", [1, 4, 16, 64], "mul", 4],
    ["let s = 1; s <= 8; s = s * 2", [1, 2, 4, 8], "mul", 2],
  ])("make steps of for (%s)", (head, values, op, factor) => {
    const [kernel] = accept({ "k.ts": `${IMPORT}${simple("form", `for (${head}) q[s] = s;`)}` });
    expect(kernel?.body).toMatchObject([
      { kind: "steps", counter: "s", values: values.map(BigInt), update: { op, factor: BigInt(factor) } },
    ]);
  });

  it("drop a geometric loop that has no steps", () => {
    expect(lower("for (let s = 0; s > 0; s = div(s, 2)) q[s] = s; q[0] = 1;")).toBe("q[0] = 1");
  });

  it("take their invariants from the start of the body", () => {
    const [kernel] = accept({
      "k.ts": `${IMPORT}${simple("form", "let r = 0; for (let k = 0; k < N; k++) { invariant(0 <= r); invariant(r <= k); if (x[k] > a) r += 1; } q[0] = r;")}`,
    });
    const loop = kernel?.body[1];
    expect(loop?.kind === "for" && loop.invariants.map(printExpr)).toEqual(["0 <= r", "r <= k"]);
    expect(loop?.kind === "for" && loop.body).toHaveLength(1);
  });

  it("unroll where a counter indexes registers, and nowhere else", () => {
    const [kernel] = accept({
      "k.ts": `${IMPORT}${simple(
        "form",
        `const acc = registers(f32, [2, 3]);
    for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) acc[i][2 - j] = f32(0);
    for (let k = 0; k < 4; k++) for (let i = 0; i < 2; i++) acc[i][0] += x[k];
    y[0] = acc[1][2];`,
      )}`,
    });
    const unrolled: string[] = [];
    const visit = (stmts: readonly Stmt[]): void => {
      for (const stmt of stmts) {
        if (stmt.kind !== "for") continue;
        unrolled.push(`${stmt.counter} ${stmt.unroll}`);
        visit(stmt.body);
      }
    };
    visit(kernel?.body ?? []);
    expect(unrolled).toEqual(["i true", "j true", "k false", "i_1 true"]);
    expect(kernel?.arrays).toMatchObject([{ space: "register", name: "acc", element: "f32", shape: [2n, 3n] }]);
  });
});

describe("kernels", () => {
  const text = `${IMPORT}
const PAD = 1;
/** One line of text. */
export const tiles = kernel(
  { x: input(f32, ["B", "K", "E+1"]), t: input(i32, ["T"]), w: input(f32, ["2*K-1", 4]), alpha: scalar(f32), y: output(f32, ["B"]) },
  {
    computes: "tiles",
    grid: ({ B }, { TILE }) => [ceilDiv(B, TILE), 2],
    block: ({ TILE, WAVES }) => [TILE, WAVES],
    where: { T: ({ B, K }) => B * K },
    params: { TILE: [16, 32], WAVES: [1, 2] },
    index: "i32",
  },
  ({ alpha, y }, { B, K }, { TILE }) => {
    requires(K >= 1 && alpha > 0.0);
    requires(B <= 1000);
    const s = shared(f32, [TILE, TILE + PAD]);
    s[thread.x][TILE] = f32(0);
    barrier();
    if (thread.x < B) y[thread.x] = s[thread.x][TILE];
  },
);
`;
  const kernels = accept({ "k.ts": text });

  it("are one for each combination of params, named by it", () => {
    expect(kernels.map(({ name, block }) => [name, block])).toEqual([
      ["tiles_TILE16_WAVES1", [16n, 1n, 1n]],
      ["tiles_TILE16_WAVES2", [16n, 2n, 1n]],
      ["tiles_TILE32_WAVES1", [32n, 1n, 1n]],
      ["tiles_TILE32_WAVES2", [32n, 2n, 1n]],
    ]);
    expect(kernels.map(({ arrays }) => arrays[0]?.shape)).toEqual([
      [16n, 17n],
      [16n, 17n],
      [32n, 33n],
      [32n, 33n],
    ]);
  });

  it("have the declaration's parameters, dimensions, grid, contract and text", () => {
    const kernel = kernels[2];
    expect(kernel).toMatchObject({
      doc: "One line of text.",
      computes: "tiles",
      indexWidth: "i32",
      dims: ["B", "K", "E", "T"],
    });
    expect(kernel?.grid.map(printExpr)).toEqual(["div(B + 31, 32)", "2", "1"]);
    expect(kernel?.where.map(({ dim, value }) => `${dim} = ${printExpr(value)}`)).toEqual(["T = B * K"]);
    expect(kernel?.requires.map(printExpr)).toEqual(["K >= 1 && alpha > f32(0)", "B <= 1000"]);
    const shapes = kernel?.params.map((param) =>
      param.kind === "tensor" ? param.shape.map(printExpr) : param.element,
    );
    expect(shapes).toEqual([["B", "K", "E + 1"], ["T"], ["2 * K - 1", "4"], "f32", ["B"]]);
    expect(kernel?.params.map((param) => (param.kind === "tensor" ? param.role : param.kind))).toEqual([
      "input",
      "input",
      "input",
      "scalar",
      "output",
    ]);
  });

  it("are frozen to the last node", () => {
    const thawed = (value: unknown): boolean =>
      typeof value === "object" && value !== null && (!Object.isFrozen(value) || Object.values(value).some(thawed));
    expect(kernels.some(thawed)).toBe(false);
  });

  it("come in the order of files and declarations; a file's mistakes cost only its own", () => {
    const { kernels: found, diagnostics } = read(
      {
        "b.ts": IMPORT + simple("b2", "y[0] = a;") + simple("b1", "y[0] = a;"),
        "a.ts": IMPORT + simple("a1", "y[0] = a;"),
        "c.ts": IMPORT + simple("c1", "y[0] = a;") + simple("c2", "y[0] = c; q[0] = a;"),
      },
      ["a.ts", "b.ts", "c.ts"],
    );
    expect(found.map(({ name }) => name)).toEqual(["a1", "b2", "b1"]);
    expect(diagnostics.map(({ code, span }) => `${code} ${span?.file}`)).toEqual(["TK160 c.ts", "TK160 c.ts"]);
  });

  it("of a folder are those of its files and subfolders", () => {
    const files = { "d/a.ts": IMPORT + simple("k1", "y[0] = a;"), "d/e/b.ts": IMPORT + simple("k2", "y[0] = a;") };
    expect(accept(files, ["d"]).map(({ name, span }) => `${name} ${span.file}`)).toEqual(["k1 d/a.ts", "k2 d/e/b.ts"]);
  });

  it("report a file that does not exist", () => {
    const { kernels: none, diagnostics } = read({}, ["missing.ts"]);
    expect(none).toEqual([]);
    expect(diagnostics).toMatchObject([{ code: "TK108", message: "missing.ts does not exist" }]);
  });
});

describe("places", () => {
  const top = "const half = (v: number) => v * 0.5;\n";
  const text = `${IMPORT}${top}${simple("form", "    const i = thread.x + 1;\n    y[i] = half(x[i]) + a;\n    barrier();\n    if (i < N) q[i] += z[i];")}`;
  const [kernel] = accept({ "k.ts": text });
  const [first, second, third, fourth] = kernel?.body ?? [];

  it("are those of the source, in the file's name relative to the working directory", () => {
    expect(kernel?.span.file).toBe("k.ts");
    expect(kernel && textAt(text, kernel.span)).toBe("form");
    expect(first?.kind === "let" && textAt(text, first.value.span)).toBe("thread.x + 1");
    expect(second && textAt(text, second.span)).toBe("y[i]");
    expect(third && textAt(text, third.span)).toBe("barrier()");
    expect(fourth?.kind === "if" && textAt(text, fourth.cond.span)).toBe("i < N");
    expect(kernel?.params.map(({ span }) => textAt(text, span))[2]).toBe("a: scalar(f32)");
  });

  it("of an inlined call are the function's, and the arguments' their own", () => {
    const sum = second?.kind === "store" ? second.value : undefined;
    const product = sum?.kind === "float-op" ? sum.left : undefined;
    expect(product && textAt(text, product.span)).toBe("v * 0.5");
    const argument = product?.kind === "float-op" ? product.left : undefined;
    expect(argument && textAt(text, argument.span)).toBe("x[i]");
    expect(argument?.span.line).toBe(second?.span.line);
  });
});
