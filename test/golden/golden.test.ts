/**
 * Golden files: the whole text that is generated for every kernel, reviewed by diff.
 *
 * `npm run golden` (TOKITAI_UPDATE_GOLDEN=1) rewrites them. A file that no kernel asks for fails the test.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { emitHeader, emitKernelCpu, emitKernelHip, emitTypes } from "../../src/compiler/codegen/emit.ts";
import { printPlan } from "../../src/compiler/lower/lower.ts";
import { type Proof, prove, readSources } from "../../src/compiler/prove.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import { printProgram } from "../../src/ir/tensor/print.ts";
import { MOE_SIZES } from "../../src/moe/sizes.ts";
import { InternalError } from "../../src/support/result.ts";
import type { ProvedKernel } from "../../src/verify/certificate.ts";
import { SolverPool } from "../../src/verify/pool.ts";

const ROOT = join(import.meta.dirname, "../..");
const UPDATE = process.env["TOKITAI_UPDATE_GOLDEN"] === "1";

/** The generated texts by the path of their golden file. */
const texts = new Map<string, string>();

function certificates({ kernels }: Proof): readonly ProvedKernel[] {
  return kernels.map(({ kernel, certificate }) => {
    if (certificate === undefined) throw new InternalError(`${kernel.name} is not proved`);
    return certificate;
  });
}

beforeAll(async () => {
  const pool = new SolverPool();
  const proofOf = async (inputs: readonly string[]): Promise<Proof> =>
    prove(await readSources({ inputs, cwd: ROOT, config: MOE_SIZES.nano }), pool);
  const [library, model] = await Promise.all([proofOf(["kernels"]), proofOf(["moe"])]);
  pool.close();
  for (const proved of certificates(library)) {
    const { name } = proved.kernel;
    texts.set(`hip/${name}.hip.txt`, emitKernelHip(proved));
    texts.set(`cpu/${name}.cpp.txt`, emitKernelCpu(proved));
    texts.set(`kernel-ir/${name}.txt`, printKernel(proved.kernel));
  }
  const spec = { name: "moe", kernels: certificates(model), plans: model.programs.map(({ plan }) => plan) };
  texts.set("moe-nano/moe.h.txt", emitHeader(spec).text);
  texts.set("moe-nano/moe.d.ts.txt", emitTypes(spec).text);
  for (const { program, plan } of model.programs) {
    texts.set("moe-nano/program.txt", printProgram(program));
    texts.set("moe-nano/plan.txt", printPlan(plan));
  }
}, 120_000);

function goldenFiles(): readonly string[] {
  return readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".txt"))
    .map((entry) => relative(import.meta.dirname, join(entry.parentPath, entry.name)));
}

describe("generated text", () => {
  it("is that of the golden files", () => {
    expect(texts.size).toBeGreaterThan(45);
    for (const [path, text] of texts) {
      const file = join(import.meta.dirname, path);
      if (UPDATE) {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      expect(existsSync(file), `${path} is missing: run npm run golden and read it`).toBe(true);
      expect(readFileSync(file, "utf8"), path).toBe(text);
    }
  });

  it("has no golden file that nothing generates", () => {
    const stale = goldenFiles().filter((path) => !texts.has(path));
    if (UPDATE) for (const path of stale) rmSync(join(import.meta.dirname, path));
    else expect(stale).toEqual([]);
  });

  it("does not depend on the run", async () => {
    const pool = new SolverPool();
    const again = await prove(await readSources({ inputs: ["kernels/linear.ts"], cwd: ROOT, config: undefined }), pool);
    pool.close();
    for (const proved of certificates(again)) expect(emitKernelHip(proved)).toBe(texts.get("hip/linear.hip.txt"));
  });
});
