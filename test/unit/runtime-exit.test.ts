/** A process that has used a library ends as it should, whatever the library's OpenMP threads are doing then. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "tokitai-exit-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("does not crash at the end of the process", () => {
  const cli = [join(ROOT, "bin/tokitai.js"), "compile", join(ROOT, "kernels/softmax.ts"), "-o", folder, "--no-table"];
  const compiled = spawnSync(process.execPath, cli, { encoding: "utf8" });
  expect(compiled.status, compiled.stderr).toBe(0);
  const script = join(folder, "use.mjs");
  writeFileSync(
    script,
    `import { openCpuLibrary } from ${JSON.stringify(join(ROOT, "dist/runtime/cpu/library.js"))};
const library = openCpuLibrary(${JSON.stringify(folder)});
const [x, y] = [new Float32Array(64).fill(1), new Float32Array(64)];
library.value.call("softmax", { tensors: { x, y }, dims: { B: 16, N: 4 } });
if (y[0] !== 0.25) throw new Error(String(y[0]));
`,
  );
  const ends = Array.from({ length: 12 }, () => spawnSync(process.execPath, [script], { encoding: "utf8" }));
  expect(ends.map(({ status, signal, stderr }) => signal ?? `${status}${stderr}`)).toEqual(Array(12).fill("0"));
});
