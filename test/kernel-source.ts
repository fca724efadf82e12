/** Kernels for tests, from source text: written to a folder of their own and read by the front end. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readKernels } from "../src/compiler/frontend/read.ts";
import type { Kernel } from "../src/ir/kernel/types.ts";
import { renderDiagnostics } from "../src/support/diagnostic.ts";

/** Reads the kernels of one file; throws with the diagnostics when any is refused. */
export function kernelsFrom(text: string): ReadonlyMap<string, Kernel> {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-test-"));
  const path = join(folder, "kernels.ts");
  writeFileSync(path, text);
  try {
    const { kernels, diagnostics, sources } = readKernels([path], { cwd: folder });
    if (diagnostics.length > 0) throw new Error(renderDiagnostics(diagnostics, sources));
    return new Map(kernels.map((kernel) => [kernel.name, kernel]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
