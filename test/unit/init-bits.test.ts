/**
 * What queries about initialisation add to make them easy, an element's bits and the digits of its writer, contradicts nothing:
 * without the denial of the writers each query can be met.
 */

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { queryOptionsOf } from "../../src/verify/claim.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { buildQuery } from "../../src/verify/query.ts";
import { collectClaims } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const ROOT = join(import.meta.dirname, "../..");
const pool = new SolverPool({ processes: 1 });
afterAll(() => pool.close());

describe("the assumptions of a query about initialisation", () => {
  const { kernels } = readKernels(
    ["kernels/matmul.ts", "kernels/layer-norm.ts", "kernels-hip/matmul-tn.ts", "kernels-hip/linear-layer-norm-gelu.ts"],
    { cwd: ROOT },
  );
  const named = ["matmul", "layer_norm", "matmul_tn_f16_gfx11", "linear_layer_norm_gelu_f16_cdna"];

  it.each(named)("can be met: %s", async (name) => {
    const kernel = kernels.find((candidate) => candidate.name === name);
    if (kernel === undefined) throw new Error(`no kernel ${name}`);
    const { summary, common } = collectClaims(kernel);
    const shared = new Set(kernel.arrays.flatMap((array) => (array.space === "shared" ? [array.name] : [])));
    const claims = common.filter(({ kind, replay }) => kind === "init" && shared.has(replay.array ?? ""));
    expect(claims.length).toBeGreaterThan(0);
    const answers = await Promise.all(
      claims.map(async (claim) => {
        const hypotheses = claim.hypotheses.filter((term) => typeof term === "string" || term[0] !== "not");
        expect(hypotheses.length).toBeLessThan(claim.hypotheses.length);
        const { text } = buildQuery({ scope: summary.scope, hypotheses, ...queryOptionsOf(claim) });
        return `${claim.id} ${(await pool.solve(text)).result}`;
      }),
    );
    expect(answers).toEqual(claims.map(({ id }) => `${id} sat`));
  });
});

/** A tile of 16 × 8 that the threads of a block turn around; `write` and `read` are what they do before and after the barrier. */
const TURNED = (write: string, read: string): string => `
import { barrier, block, f32, input, kernel, mod, div, output, requires, shared, thread } from "tokitai/dsl";
export const turned = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [div(N, 128)], block: [128] },
  ({ x, y }, { N }) => {
    requires(mod(N, 128) === 0);
    const tile = shared(f32, [16, 8]);
    const t = thread.x;
    const value = x[block.x * 128 + t];
    ${write}
    barrier();
    y[block.x * 128 + t] = ${read};
  },
);
`;

describe("a tile that is read by other threads than wrote it", () => {
  const WRITTEN = "tile[mod(mod(t, 32), 16)][2 * div(t, 32) + div(mod(t, 32), 16)] = value;";
  const READ = "tile[div(t, 8)][mod(t, 8)]";

  const verdictOf = async (write: string, read: string): Promise<readonly string[]> => {
    const kernel = kernelsFrom(TURNED(write, read)).get("turned");
    if (kernel === undefined) throw new Error("no kernel");
    const { summary, common } = collectClaims(kernel);
    const claims = common.filter(({ id }) => id.includes("/init/tile"));
    return Promise.all(
      claims.map(async ({ hypotheses, ...claim }) => {
        const { text } = buildQuery({ scope: summary.scope, hypotheses, ...queryOptionsOf({ hypotheses, ...claim }) });
        return (await pool.solve(text)).result;
      }),
    );
  };

  it("is proved to be written", async () => {
    expect(await verdictOf(WRITTEN, READ)).toEqual(["unsat"]);
  });

  it.each([
    ["one row is left out", WRITTEN.replace("tile[", "if (mod(t, 16) < 15) tile["), READ],
    ["one thread writes nothing", WRITTEN.replace("tile[", "if (t !== 77) tile["), READ],
    [
      "a column is written twice, and another never",
      WRITTEN.replace("2 * div(t, 32)", "2 * div(mod(t, 96), 32)"),
      READ,
    ],
    ["rows are written twice", WRITTEN.replace("mod(mod(t, 32), 16)", "mod(mod(t, 32), 8)"), READ],
    ["another half is read", WRITTEN.replace("tile[", "if (t < 64) tile["), READ],
  ])("is not where %s", async (_what, write, read) => {
    expect(await verdictOf(write, read)).toEqual(["sat"]);
  });
});
