/** The C interface: the header is plain C, and its description as data is what a C compiler makes of it. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { describeAbi } from "../../src/compiler/codegen/abi.ts";
import { emitHeader } from "../../src/compiler/codegen/header.ts";
import { excessArguments } from "../../src/compiler/codegen/kernel-params.ts";
import { type LibrarySpec, nameClashes } from "../../src/compiler/codegen/library.ts";
import { emitTypes } from "../../src/compiler/codegen/types.ts";
import { dataCheck } from "../../src/compiler/data-check.ts";
import { readSources } from "../../src/compiler/prove.ts";
import { dim } from "../../src/ir/kernel/build.ts";
import type { Plan } from "../../src/ir/plan.ts";
import { proved, scalarParam, tensor as tensorParam } from "./codegen-ir.ts";
import { linear, normalise } from "./codegen-kernels.ts";
import { sorted } from "./codegen-kernels-data.ts";
import { clashes, forward, integers, one, scale } from "./codegen-kernels-plain.ts";

const spec: LibrarySpec = {
  name: "interface",
  kernels: [linear, normalise, scale, integers, clashes, one].map((kernel) => proved(kernel)),
  plans: [forward],
};
const abi = describeAbi(spec);

/** Compiles and runs a C99 program that includes the library's header; gives the lines that it prints. */
function runC(header: ReturnType<typeof emitHeader>, statements: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-abi-"));
  try {
    writeFileSync(join(folder, header.path), header.text);
    const source = `#include "${header.path}"\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n${statements.join("\n")}\nreturn 0;\n}\n`;
    writeFileSync(join(folder, "main.c"), source);
    const program = join(folder, "main");
    const flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"];
    execFileSync("gcc", [...flags, join(folder, "main.c"), "-o", program], { stdio: "pipe" });
    return execFileSync(program, { encoding: "utf8" }).trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const print = (value: string): string => `printf("%d\\n", (int)(${value}));`;

describe("the header", () => {
  it("is C99, and lays structs out as the description says", () => {
    const functions = [...abi.kernels, ...abi.programs];
    const expected = functions.flatMap(({ struct, bytes, fields }) => [
      [`sizeof(${struct})`, bytes] as const,
      ...fields.map(({ field, offset }) => [`offsetof(${struct}, ${field})`, offset] as const),
    ]);
    const constants = [...Object.entries(abi.statuses), ["TOK_ABI_VERSION", abi.version] as const];
    const questions = [...expected, ...constants];
    expect(
      runC(
        emitHeader(spec),
        questions.map(([text]) => print(text)),
      ),
    ).toEqual(questions.map(([, value]) => String(value)));
  });

  it("lays tok_tensor and tok_launch out without a gap that a caller would have to guess", () => {
    const fields = ["symbol", "index_bits", "grid", "block", "shared_bytes", "args_bytes", "args"];
    const statements = ["sizeof(tok_tensor)", "sizeof(tok_launch)", ...fields.map((f) => `offsetof(tok_launch, ${f})`)];
    expect(runC(emitHeader(spec), statements.map(print))).toEqual([
      "24",
      "576",
      "0",
      "8",
      "16",
      "40",
      "52",
      "56",
      "64",
    ]);
  });

  it("declares every function that the description names", () => {
    const { text } = emitHeader(spec);
    for (const { launch, prepare } of abi.kernels) {
      expect(text).toContain(`TOK_API tok_status ${launch}(const ${launch}_args *args, tok_stream stream);`);
      expect(text).toContain(`TOK_API tok_status ${prepare}(const ${launch}_args *args, tok_launch *launch);`);
    }
    expect(text).toContain("TOK_API uint64_t tok_forward_workspace(int64_t B);");
  });
});

describe("the description", () => {
  it("lists a kernel's tensors, dimensions and scalars, each in the order of the source", () => {
    const fields = abi.kernels.find(({ name }) => name === "integers")?.fields ?? [];
    expect(fields.map(({ name, kind, role, element, shape }) => ({ name, kind, role, element, shape }))).toEqual([
      { name: "x", kind: "tensor", role: "input", element: "i32", shape: ["N"] },
      { name: "a", kind: "tensor", role: "output", element: "i32", shape: ["N"] },
      { name: "r", kind: "tensor", role: "output", element: "u32", shape: ["N"] },
      { name: "big", kind: "tensor", role: "inout", element: "i64", shape: ["N"] },
      { name: "N", kind: "dim", role: undefined, element: undefined, shape: undefined },
      { name: "d", kind: "scalar", role: undefined, element: "i32", shape: undefined },
      { name: "offset", kind: "scalar", role: undefined, element: "i64", shape: undefined },
    ]);
  });

  it("keeps the source's names beside those of C", () => {
    const fields = abi.programs[0]?.fields ?? [];
    expect(fields.map(({ name, field }) => [name, field])).toEqual([
      ["x", "x"],
      ["layer.0.weight", "layer_0_weight"],
      ["layer.0.bias", "layer_0_bias"],
      ["out", "out"],
      ["workspace", "workspace"],
      ["B", "B"],
    ]);
  });

  it("gives different fields to names that C cannot tell apart", () => {
    const names = ["a.b", "a_b", "a..b", "workspace", "int", "1st", "_B", "B"];
    const plan: Plan = {
      name: "odd",
      dims: ["B"],
      params: names.map((name) => ({ name, role: "input", element: "f32", shape: [dim("B")] })),
      buffers: [],
      launches: [],
    };
    const odd: LibrarySpec = { name: "odd", kernels: [], plans: [plan] };
    const fields = describeAbi(odd).programs[0]?.fields.map(({ field }) => field) ?? [];
    expect(fields).toHaveLength(names.length + 2);
    expect(new Set(fields).size).toBe(fields.length);
    expect(runC(emitHeader(odd), [print("sizeof(tok_odd_args)")])).toEqual([String(24 * (names.length + 1) + 8)]);
  });

  it("is plain JSON", () => {
    expect(JSON.parse(JSON.stringify(abi))).toEqual(abi);
  });

  it.each([
    ["a kernel and a program of one name", [scale], [{ ...forward, name: "scale" }]],
    ["a kernel named like another's prepare", [scale, { ...scale, name: "scale_prepare" }], []],
    ["a program named like the library's own functions", [scale], [{ ...forward, name: "last_error" }]],
  ])("is refused for %s", (_, kernels, plans) => {
    const clash: LibrarySpec = { name: "clash", kernels: kernels.map((kernel) => proved(kernel)), plans };
    expect(() => describeAbi(clash)).toThrow(/two functions of the library are named tok_/);
  });
});

describe("a library that cannot be generated is refused with the name, the reason and a fix", () => {
  it.each([
    [
      "a kernel named like a check kernel",
      [sorted, dataCheck(sorted)?.kernel ?? one, { ...scale, name: "sorted_check" }],
      [],
    ],
    ["a kernel and a program of one name", [scale], [{ name: "scale" }]],
    ["a program whose workspace is a kernel", [{ ...scale, name: "forward_workspace" }], [forward]],
    ["a kernel named like a struct of arguments", [scale, { ...scale, name: "scale_args" }], []],
    ["a program named like a function of every library", [], [{ name: "abi_version" }]],
  ])("%s", (_, kernels, plans) => {
    const refused = nameClashes(kernels, plans);
    expect(refused.map(({ code, fix }) => ({ code, fix }))).toEqual([{ code: "TK412", fix: "rename one of them" }]);
    expect(refused[0]?.message).toMatch(/^two functions of the library are named tok_\w+: one of .*, one of the /);
  });

  it("where the kernels are read, with the place of the second one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tokitai-names-"));
    try {
      const kernelText = (name: string): string => `export const ${name} = kernel(
  { y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] },
  ({ y }) => { y[block.x] = f32(0); },
);`;
      const head = 'import { block, f32, kernel, output } from "tokitai/dsl";';
      writeFileSync(join(folder, "k.ts"), [head, kernelText("fill"), kernelText("fill_prepare")].join("\n"));
      const { diagnostics } = await readSources({ inputs: ["k.ts"], cwd: folder, config: undefined });
      expect(diagnostics.map(({ code, span }) => [code, span?.file, span?.line])).toEqual([["TK412", "k.ts", 7]]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("but not for names that only resemble each other", () => {
    expect(nameClashes([scale, { ...scale, name: "scale_2" }, linear], [forward])).toEqual([]);
  });

  it.each([
    [[32, 64], 62, true],
    [[32, 64], 63, false],
    [[32], 63, true],
    [[32], 64, false],
  ] as const)("arguments: with indices of %j bits, %i tensors fit: %s", (widths, count, fits) => {
    const params = Array.from({ length: count }, (_, i) => tensorParam(`t${i}`, "inout", "f32", [dim("N")]));
    const many = { ...scale, params: [...params, scalarParam("factor", "f32")], dims: ["N"] };
    const refused = excessArguments(proved(many, widths));
    expect(refused.map(({ code }) => code)).toEqual(fits ? [] : ["TK413"]);
    if (!fits) expect(refused[0]?.message).toMatch(/^the arguments of scale take 520 bytes, .* at most 512$/);
  });
});

describe("the TypeScript types", () => {
  it("compile under the strictest options, and type the arguments by their names", () => {
    const types = emitTypes(spec);
    expect(types.path).toBe("interface.d.ts");
    const use = `import type { Kernels, Programs } from "./interface.js";
      export const good: Kernels["scale"] = { x: new Float32Array(1), y: new Float32Array(1), B: 1, N: 1, T: 1, factor: 2 };
      export const wrong: Kernels["integers"]["x"] = new Float32Array(1);
      export const weight: keyof Programs["forward"] = "layer.0.weight";
      export const missing: keyof Programs["forward"] = "layer.1.weight";`;
    expect(typeErrors({ "interface.d.ts": types.text, "use.ts": use })).toEqual(["use.ts:3", "use.ts:5"]);
  });
});

/** `file:line` of each error in these files. */
function typeErrors(files: Readonly<Record<string, string>>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-types-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const paths = Object.keys(files).map((name) => join(folder, name));
    const program = ts.createProgram(paths, { strict: true, noEmit: true, lib: ["lib.es2023.d.ts"], types: [] });
    return ts.getPreEmitDiagnostics(program).map(({ file, start }) => {
      const line = file?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0;
      return `${file?.fileName.split("/").at(-1) ?? ""}:${line + 1}`;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
