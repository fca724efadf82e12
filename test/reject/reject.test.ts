/**
 * Refused programs and exactly what is said of each.
 *
 * Each file in cases/ is read, and its rendered diagnostics are compared with the .txt file beside it.
 * `npm run golden` rewrites these files; review the difference before it is committed.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CODES } from "../../src/compiler/frontend/codes.ts";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { type Diagnostic, renderDiagnostics } from "../../src/support/diagnostic.ts";

const CASES = join(import.meta.dirname, "cases");
const UPDATE = process.env["TOKITAI_UPDATE_GOLDEN"] === "1";
const entries = readdirSync(CASES).sort();
const files = entries.filter((name) => name.endsWith(".ts"));

// One program for all cases: TypeScript's library is read once.
const { kernels, sources, diagnostics } = readKernels([CASES], { cwd: CASES });

function diagnosticsOf(file: string): readonly Diagnostic[] {
  return diagnostics.filter(({ span }) => span?.file === file);
}

describe("refused programs", () => {
  it("are at least 45", () => {
    expect(files.length).toBeGreaterThanOrEqual(45);
  });

  it("give no kernel", () => {
    expect(kernels.map(({ name }) => name)).toEqual([]);
  });

  it("have all their diagnostics in a case's file, with a code of the table, and with a fix unless TypeScript speaks", () => {
    for (const { code, span, fix, severity } of diagnostics) {
      expect(files).toContain(span?.file);
      expect(Object.keys(CODES)).toContain(code);
      expect(severity).toBe("error");
      if (code !== "TK100") expect(fix).toBeTruthy();
    }
  });

  it("have no expected text without a program", () => {
    const texts = entries.filter((name) => !name.endsWith(".ts"));
    expect(texts).toEqual(files.map((file) => file.replace(/\.ts$/, ".txt")));
  });

  it.each(files)("%s", (file) => {
    const found = diagnosticsOf(file);
    expect(found.length).toBeGreaterThan(0);
    const text = `${renderDiagnostics(found, sources)}\n`;
    const golden = join(CASES, file.replace(/\.ts$/, ".txt"));
    if (UPDATE) writeFileSync(golden, text);
    expect(existsSync(golden), `${golden} is missing`).toBe(true);
    expect(text).toBe(readFileSync(golden, "utf8"));
  });

  it("show every code of the table but those that need a missing file", () => {
    const shown = new Set(diagnostics.map(({ code }) => code));
    // TK108 is about files that cannot be read; test/unit/frontend.test.ts has them.
    expect(Object.keys(CODES).filter((code) => code !== "TK108" && !shown.has(code))).toEqual([]);
  });
});
