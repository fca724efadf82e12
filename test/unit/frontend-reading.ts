/** Kernel sources from text, for the tests of the front end: read from a folder of their own, and printed as IR. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { type KernelsRead, readKernels } from "../../src/compiler/frontend/read.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { renderDiagnostics } from "../../src/support/diagnostic.ts";

export const IMPORT = `import {
  atomicAdd, atomicMax, atomicMin, barrier, block, ceilDiv, covers, div, ensures, f32, forall, i32, i64, implies, inout,
  input, invariant, kernel, loadVector, mod, occurrences, output, prefixSum, registers, requires, scalar, shared,
  storeVector, thread, u32, wave,
} from "tokitai/dsl";
`;

/** Reads files, given by name and text, from a folder of their own. */
export function read(files: Readonly<Record<string, string>>, asked = Object.keys(files)): KernelsRead {
  const cwd = mkdtempSync(join(tmpdir(), "tokitai-test-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, name), text);
    }
    return readKernels(asked, { cwd });
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

export function accept(files: Readonly<Record<string, string>>, asked?: readonly string[]): readonly Kernel[] {
  const { kernels, diagnostics, sources } = read(files, asked ? [...asked] : undefined);
  expect(renderDiagnostics(diagnostics, sources)).toBe("");
  return kernels;
}

/** A kernel over x: f32[N], z: i32[N] → y: f32[N], q: i32[N], with the body given. */
export function simple(name: string, body: string): string {
  return `export const ${name} = kernel(
  { x: input(f32, ["N"]), z: input(i32, ["N"]), a: scalar(f32), c: scalar(i32), y: output(f32, ["N"]), q: inout(i32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 64)], block: [64] },
  ({ x, z, a, c, y, q }, { N }) => {
${body}
  },
);
`;
}

export function bodyOf(kernel: Kernel): string {
  const text = printKernel(kernel);
  return text.slice(text.indexOf("\n{\n") + 3, text.lastIndexOf("\n}")).replace(/^ {2}/gm, "");
}
