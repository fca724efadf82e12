/**
 * A sample of the mutants of all kernels, as `npm run mutants` judges them: hardly one is left undecided, and none that
 * the verifier certifies does anything that the interpreter objects to.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  evaluateSize,
  type Fault,
  interpretKernel,
  sparseTensor,
  type TensorMemory,
} from "../../src/ir/kernel/interpret.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import type { Judgement } from "./judge.ts";
import { judgeAll, type Population, populationOf, sampleOf } from "./run.ts";
import { excuses, names } from "./survivors.ts";

const SAMPLE = 40;
/** A counterexample that needs 2³¹ iterations is beyond the interpreter. */
const MAX_UNKNOWN = 2;

/** All faults of whole runs at small sizes; every scalar is 1. */
function faultsAtSmallSizes(kernel: Kernel): readonly Fault[] {
  return [1n, 2n, 5n, 17n].flatMap((size) => {
    const dims: Record<string, bigint> = Object.fromEntries(kernel.dims.map((name) => [name, size]));
    for (const { dim, value } of kernel.where) dims[dim] = evaluateSize(value, { dims, scalars: {} });
    const tensors: Record<string, TensorMemory> = {};
    const scalars: Record<string, number> = {};
    for (const { kind, name } of kernel.params) {
      if (kind === "scalar") scalars[name] = 1;
      else tensors[name] = sparseTensor((index) => index.reduce((sum, i) => sum + i, 1) % Number(size));
    }
    return interpretKernel({ kernel, dims, scalars, tensors, width: 64, maxSteps: 300_000 }).faults;
  });
}

describe("a sample of all mutants", () => {
  let population: Population;
  let judgements: readonly Judgement[];

  beforeAll(async () => {
    const files = readdirSync("kernels").filter((name) => name.endsWith(".ts"));
    population = populationOf(
      files.sort().map((name) => join("kernels", name)),
      process.cwd(),
    );
    judgements = await judgeAll(sampleOf(population.mutants, SAMPLE));
  });

  it("is decided but for what takes too many steps to replay, and refuted with a replayed witness", () => {
    expect(judgements).toHaveLength(SAMPLE);
    const unknown = judgements.filter(({ verdict }) => verdict === "unknown");
    expect(unknown.map(({ mutant, reason }) => `${mutant.id}: ${reason}`).slice(MAX_UNKNOWN)).toEqual([]);
    const refuted = judgements.filter(({ verdict }) => verdict === "refuted");
    expect(refuted.length).toBeGreaterThanOrEqual(SAMPLE / 2);
    const without = refuted.filter(({ witness }) => witness === undefined || witness.replayed === "");
    expect(without.map(({ mutant }) => mutant.id)).toEqual([]);
  });

  it("has no survivor", () => {
    const survivors = judgements.filter(
      ({ verdict, mutant }) =>
        verdict === "certified" && !population.reviewed.some((entry) => excuses(entry, mutant.id, verdict)),
    );
    expect(survivors.map(({ mutant }) => mutant.id)).toEqual([]);
  });

  it("is certified only where the interpreter meets no fault", () => {
    for (const { mutant, verdict } of judgements) {
      if (verdict !== "certified" || mutant.weakened !== undefined) continue;
      const faults = faultsAtSmallSizes(mutant.kernel).filter(({ kind }) => kind !== "requires");
      expect([mutant.id, faults]).toEqual([mutant.id, []]);
    }
  });

  it("names kernels that have mutants, in every reviewed entry", () => {
    for (const entry of population.reviewed) {
      expect([entry, population.mutants.some(({ id }) => names(entry, id))]).toEqual([entry, true]);
    }
  });
});
