/** What the front end reads: files and folders anywhere, in the build as in the sources, and quickly. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CODES, RESERVED_NAMES } from "../../src/compiler/frontend/codes.ts";
import { readKernels } from "../../src/compiler/frontend/read.ts";

const ROOT = join(import.meta.dirname, "../..");

const fill = (name: string, value: string): string => `import { block, f32, kernel, output } from "tokitai/dsl";
export const ${name} = kernel({ y: output(f32, ["N"]) }, { grid: ({ N }) => [N], block: [1] }, ({ y }) => {
  y[block.x] = ${value};
});
`;

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tokitai-files-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Writes files below a folder of their own, and gives its path. */
function write(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return path;
}

describe("files", () => {
  it("need a name that exists and ends in .ts", () => {
    const cwd = write("paths", { "notes.txt": "" });
    const { diagnostics } = readKernels(["absent.ts", "notes.txt"], { cwd });
    expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ["TK108", "absent.ts does not exist"],
      ["TK108", "notes.txt is not a TypeScript file"],
    ]);
  });

  it("without mistakes give their kernels, those with mistakes none", () => {
    const cwd = write("mixed", {
      "deep/good.ts": fill("good", "f32(1)"),
      "bad.ts": `${fill("bad", "1")}${fill("fine", "f32(1)").replace(/^import.*\n/, "")}`,
      "ugly.ts": fill("ugly", "f32(1"),
    });
    const { kernels, diagnostics } = readKernels(["."], { cwd });
    expect(kernels.map(({ name, span }) => [name, span.file])).toEqual([["good", "deep/good.ts"]]);
    expect(diagnostics.map(({ code, span }) => [code, span?.file, span?.line])).toEqual([
      ["TK160", "bad.ts", 3],
      ["TK100", "ugly.ts", 3],
    ]);
  });

  it("give their kernels in the order of files and declarations, those of a folder by name", () => {
    const two = `${fill("b2", "f32(1)")}${fill("b1", "f32(1)").replace(/^import.*\n/, "")}`;
    const cwd = write("order", { "d/b.ts": two, "d/e/c.ts": fill("c", "f32(1)"), "a.ts": fill("a", "f32(1)") });
    const { kernels } = readKernels(["d", "a.ts"], { cwd });
    expect(kernels.map(({ name, span }) => `${name} ${span.file}`)).toEqual([
      "b2 d/b.ts",
      "b1 d/b.ts",
      "c d/e/c.ts",
      "a a.ts",
    ]);
  });

  it("are withheld when what they inline from another file is refused", () => {
    const cwd = write("imports", {
      "library.ts": "export const half = (v: number) => v / 2;\nexport const THIRD = 1 / 3;\n",
      "a.ts": fill("a", "half(f32(1))").replace("\n", '\nimport { half } from "./library.ts";\n'),
      "b.ts": fill("b", "f32(THIRD)").replace("\n", '\nimport { THIRD } from "./library.ts";\n'),
    });
    const { kernels, diagnostics } = readKernels(["a.ts", "b.ts"], { cwd });
    expect(kernels).toEqual([]);
    expect(diagnostics.map(({ code, span }) => [code, span?.file, span?.line])).toEqual([
      ["TK160", "library.ts", 1],
      ["TK161", "library.ts", 2],
    ]);
    expect(diagnostics[0]?.message).toContain("inlined at a.ts:4:16");
  });

  it("are withheld when TypeScript refuses a file that they import, directly or through another", () => {
    const cwd = write("chain", {
      "library.ts": "export const THREE = 3;\nconst wrong: string = 4;\n",
      "between.ts": 'import { THREE } from "./library.ts";\nexport const SIX = 2 * THREE;\n',
      "a.ts": fill("a", "f32(SIX)").replace("\n", '\nimport { SIX } from "./between.ts";\n'),
      "b.ts": fill("b", "f32(1)"),
    });
    const { kernels, diagnostics } = readKernels(["a.ts", "b.ts"], { cwd });
    expect(kernels.map(({ name }) => name)).toEqual(["b"]);
    expect(diagnostics.map(({ code, span }) => [code, span?.file, span?.line])).toEqual([["TK100", "library.ts", 2]]);
  });

  it("are withheld when a file that they import cannot be parsed", () => {
    const cwd = write("unparsed", {
      "library.ts": "export const THREE = 3;\nexport const FOUR = (4;\n",
      "a.ts": fill("a", "f32(THREE)").replace("\n", '\nimport { THREE } from "./library.ts";\n'),
    });
    const { kernels, diagnostics } = readKernels(["a.ts"], { cwd });
    expect(kernels).toEqual([]);
    expect(new Set(diagnostics.map(({ span }) => span?.file))).toEqual(new Set(["library.ts"]));
  });

  it("have kernels of different names, over all of them", () => {
    const cwd = write("twins", { "a.ts": fill("same", "f32(1)"), "b.ts": fill("same", "f32(2)") });
    const { diagnostics } = readKernels(["a.ts", "b.ts"], { cwd });
    expect(diagnostics).toMatchObject([
      { code: "TK107", span: { file: "b.ts", line: 2 }, message: expect.stringContaining("a.ts:2") },
    ]);
  });

  it("of the project are read without diagnostics", () => {
    const { kernels, diagnostics } = readKernels(["kernels"], { cwd: ROOT });
    expect(diagnostics).toEqual([]);
    expect(kernels.length).toBeGreaterThan(0);
  });
});

describe("docs/language.md", () => {
  const text = readFileSync(join(ROOT, "docs/language.md"), "utf8");

  it("has the table of codes", () => {
    const rows = Object.entries(CODES).map(([code, meaning]) => `| ${code} | ${meaning} |`);
    const table = text.slice(text.indexOf("<!-- codes -->"));
    expect(table.split("\n").filter((line) => line.startsWith("| TK"))).toEqual(rows);
  });

  it("names all that is reserved", () => {
    const section = text.slice(text.indexOf("## Reserved names"), text.indexOf("## Codes"));
    for (const name of RESERVED_NAMES.keys()) expect(section).toContain(`\`${name}\``);
  });

  it("has examples that compile", () => {
    const examples = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].flatMap(([, code = ""]) =>
      code.startsWith("import") ? [code] : [],
    );
    expect(examples.length).toBeGreaterThan(0);
    const files = Object.fromEntries(examples.map((code, i) => [`example${i}.ts`, code]));
    const cwd = write("examples", files);
    const { kernels, diagnostics } = readKernels(["."], { cwd });
    expect(diagnostics).toEqual([]);
    expect(new Set(kernels.map(({ span }) => span.file)).size).toBe(examples.length);
  });
});

const BUILT = join(ROOT, "dist/compiler/frontend/read.js");

describe.skipIf(!existsSync(BUILT))("the build", () => {
  it("reads kernels with the declarations that it has built", () => {
    const cwd = write("built", { "k.ts": fill("k", "f32(1)") });
    const script = `import { readKernels } from ${JSON.stringify(BUILT)};
const { kernels, diagnostics } = readKernels(["k.ts"], { cwd: ${JSON.stringify(cwd)} });
console.log(JSON.stringify([kernels.map(({ name }) => name), diagnostics]));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(JSON.parse(output)).toEqual([["k"], []]);
  }, 60_000);
});
