/** Files that nest or branch without end: each is refused by name and place in bounded time, none with a crash. */

import { describe, expect, it } from "vitest";
import { checkKernel } from "../../src/ir/kernel/check.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import { accept, IMPORT, read, simple } from "./frontend-reading.ts";

function many(count: number, text: (position: number) => string, between = "\n"): string {
  return Array.from({ length: count }, (_, position) => text(position)).join(between);
}

const file = (body: string, top = ""): string => `${IMPORT}${top}${simple("form", body)}`;

/** What is said of a file, `code line message`, and that no kernel comes of it. */
function refusals(files: Readonly<Record<string, string>>, asked?: string[]): readonly string[] {
  const { kernels, diagnostics } = read(files, asked);
  expect(kernels).toEqual([]);
  for (const { fix } of diagnostics) expect(fix).toBeTruthy();
  return diagnostics.map(({ code, span, message }) => `${code} ${span?.file ?? ""} ${message}`);
}

describe("a kernel within the limits", () => {
  it("has 150 early returns, and a sum of 150 terms", () => {
    const returns = many(150, (i) => `if (c === ${i}) return;`);
    const [kernel] = accept({ "k.ts": file(`${returns} q[0] = ${many(150, () => "c", " + ")};`) });
    expect(kernel && checkKernel(kernel)).toEqual([]);
    expect(kernel && printKernel(kernel)).toContain("c + c + c");
  });

  it("has 2,000 statements", () => {
    const [kernel] = accept({ "k.ts": file(many(2000, (i) => `q[${i}] = c;`)) });
    expect(kernel?.body.length).toBe(2000);
  });

  it("nests loops 12 deep", () => {
    const loops = many(12, (i) => `for (let a${i} = 0; a${i} < N; a${i}++)`, " ");
    expect(accept({ "k.ts": file(`${loops} q[a0] = a11;`) })).toHaveLength(1);
  });
});

describe("a kernel beyond the limits is refused", () => {
  const nested = "TK152 k.ts this is nested 200 deep, and nothing may be deeper";
  it.each([
    ["a sum of 2,000 terms", `q[0] = ${many(2000, () => "c", " + ")};`, nested],
    ["400 branches of else if", many(400, (i) => `if (c === ${i}) q[0] = ${i};`, " else "), nested],
    ["an element of 5,000 indices", `q${"[0]".repeat(5000)} = c;`, nested],
    [
      "250 early returns",
      many(250, (i) => `if (c === ${i}) return;`),
      "TK152 k.ts this stands inside of 200 statements, early returns counted, and nothing may be deeper",
    ],
    [
      "2,000 branches",
      many(2000, (i) => `if (c < N) q[c] = ${i};`),
      "TK152 k.ts this branches 2000 times, and 1000 are the most",
    ],
  ])("with %s", (_, body, expected) => {
    expect(refusals({ "k.ts": file(body) })).toEqual([expected]);
  });

  it("with what the parser cannot hold", () => {
    const body = `q[0] = ${"(".repeat(50_000)}c${")".repeat(50_000)};`;
    expect(refusals({ "k.ts": file(body) })).toEqual(["TK152  k.ts is nested too deeply to be read"]);
  });

  it("where a file that it imports is beyond them", () => {
    const user = `import { A } from "./deep.ts";\n${file("q[0] = A;")}`;
    const sum = (count: number): string => `export const A = ${many(count, () => "1", " + ")};\n`;
    expect(refusals({ "k.ts": user, "deep.ts": sum(300) }, ["k.ts"])).toEqual([nested.replace("k.ts", "deep.ts")]);
    expect(refusals({ "k.ts": user, "deep.ts": sum(300) })).toEqual([nested.replace("k.ts", "deep.ts")]);
    const parser = `export const A = ${"(".repeat(50_000)}1${")".repeat(50_000)};\n`;
    expect(refusals({ "k.ts": user, "deep.ts": parser }, ["k.ts"])).toEqual([
      "TK152  a file is nested too deeply to be read",
    ]);
  });

  it("where calls nest deeper than their source", () => {
    const deep =
      "const deep = (v: number) => -(-(-(-(-(-(-(-(-(-(v * 2 + 1) * 2) * 2) * 2) * 2) * 2) * 2) * 2) * 2) * 2);\n";
    const calls = `q[0] = ${"deep(".repeat(12)}c${")".repeat(12)};`;
    const found = refusals({ "k.ts": file(calls, deep) });
    expect(found[0]).toContain("grows beyond 200 operations inside of each other");
  });
});
