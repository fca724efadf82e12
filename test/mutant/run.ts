/** A mutation run: kernel files → the judgement of every mutant, or of a sample. */

import { availableParallelism } from "node:os";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { renderDiagnostics } from "../../src/support/diagnostic.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { type Judgement, judge } from "./judge.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { type Reviewed, readReviewed } from "./survivors.ts";

const MAX_PROCESSES = 2;

export interface Population {
  /** The kernels themselves, as mutants that nothing was done to: all of them must be certified. */
  readonly originals: readonly Mutant[];
  readonly mutants: readonly Mutant[];
  readonly reviewed: readonly Reviewed[];
}

/** All mutants of the kernels in these files, and the reviewed lists beside them. Throws where a source is refused. */
export function populationOf(files: readonly string[], cwd: string): Population {
  const { kernels, diagnostics, sources } = readKernels(files, { cwd });
  if (diagnostics.length > 0) throw new Error(renderDiagnostics(diagnostics, sources));
  const originals = kernels.map(
    (kernel): Mutant => ({
      id: kernel.name,
      operator: "none",
      description: "the kernel itself",
      span: kernel.span,
      kernel,
    }),
  );
  return { originals, mutants: kernels.flatMap(mutantsOf), reviewed: files.flatMap(readReviewed) };
}

/** Judges in order, two at a time; `progress` is told of each judgement. */
export async function judgeAll(
  mutants: readonly Mutant[],
  progress: (judgement: Judgement, done: number) => void = () => {},
): Promise<readonly Judgement[]> {
  const pool = new SolverPool({ processes: Math.min(MAX_PROCESSES, availableParallelism()) });
  const session = openSession(pool);
  const judgements = new Map<Mutant, Judgement>();
  const queue = mutants.values();
  const work = async (): Promise<void> => {
    for (const mutant of queue) {
      const judgement = await judge(mutant, session);
      judgements.set(mutant, judgement);
      progress(judgement, judgements.size);
    }
  };
  try {
    await Promise.all([work(), work()]);
  } finally {
    pool.close();
  }
  return mutants.flatMap((mutant) => judgements.get(mutant) ?? []);
}

/** `count` mutants, spread over the operators and, within each, over the kernels; the same on each run. */
export function sampleOf(mutants: readonly Mutant[], count: number): readonly Mutant[] {
  const operators = [...new Set(mutants.map(({ operator }) => operator))];
  const groups = operators.map((name) => mutants.filter(({ operator }) => operator === name));
  const chosen = new Set<Mutant>();
  // Each round takes one mutant per operator, at places that spread over the operator's list.
  for (let round = 0; chosen.size < Math.min(count, mutants.length); round++) {
    for (const group of groups) {
      const candidate = group[(round * STRIDE) % group.length];
      if (candidate !== undefined && chosen.size < count) chosen.add(candidate);
    }
    if (round > mutants.length) break;
  }
  return [...chosen];
}

/** Prime, so that multiples of it reach every place of a list whose length it does not divide. */
const STRIDE = 61;
