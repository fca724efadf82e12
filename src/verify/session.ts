/**
 * A verification session: queries in, answers out, each distinct query solved once however many claims share it.
 *
 * With a proof cache, an answer that any earlier session got is not asked for again. A query is a complete text: with the
 * solver's version, tokitai's and the limit of steps it decides the answer, so that these are the key. Only `unsat`, and
 * `sat` with its model, are kept, and that fewer steps than the pool's own limit were too few for a question; any other
 * `unknown` is asked again each time. No process is started for what the cache answers.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { sha256 } from "../support/hash.ts";
import { parseJson } from "../support/json.ts";
import { VERSION } from "../support/version.ts";
import type { SolverPool } from "./pool.ts";
import { type ProofCache, proofKey } from "./proof-cache.ts";
import type { SolverAnswer, SolverLimits } from "./solver.ts";
import { GAVE_UP, readAnswer } from "./solver-protocol.ts";

export interface Session {
  /** `steps` may be fewer than the pool's own limit: then `unknown` comes sooner. */
  readonly solve: (text: string, limit?: Partial<Pick<SolverLimits, "steps">>) => Promise<SolverAnswer>;
  /** Counts work on an obligation: begun, and when it settles, done. */
  readonly counted: <T>(work: Promise<T>) => Promise<T>;
  /** For results that no solver is asked for: `proofKey` of everything that decides them. */
  readonly cache: ProofCache | undefined;
  /** As the solver says it, of the processes that ran or of those that gave the cached answers; else `unknown`. */
  readonly solverVersion: () => string;
}

/** How many obligations are settled, of those begun so far. */
export type OnProgress = (done: number, total: number) => void;

export function openSession(pool: SolverPool, cache?: ProofCache, onProgress?: OnProgress): Session {
  const answers = new Map<number, Map<string, Promise<SolverAnswer>>>();
  const versions = [solverPackageVersion(), VERSION];
  let cachedVersion: string | undefined;
  let [done, total] = [0, 0];

  const ask = async (text: string, steps: number): Promise<SolverAnswer> => {
    const key = proofKey("query", sha256(text), ...versions, `${steps} steps`);
    const limited = steps < pool.limits.steps;
    const cached = cache && readEntry(cache.get(key), limited);
    if (cached !== undefined && (pool.version === undefined || cached.solver === pool.version)) {
      cachedVersion = cached.solver;
      return cached.answer;
    }
    const answer = await pool.solve(text, { steps });
    const { result, model, reason } = answer;
    if (isKept(answer, limited) && pool.version !== undefined) {
      cache?.put(key, JSON.stringify({ solver: pool.version, result, model, reason }));
    }
    return answer;
  };
  return {
    solve: (text, { steps = pool.limits.steps } = {}) => {
      const known = answers.get(steps) ?? new Map<string, Promise<SolverAnswer>>();
      answers.set(steps, known);
      const answer = known.get(text) ?? ask(text, steps);
      known.set(text, answer);
      return answer;
    },
    counted: async (work) => {
      onProgress?.(done, ++total);
      const result = await work;
      onProgress?.(++done, total);
      return result;
    },
    cache,
    solverVersion: () => pool.version ?? cachedVersion ?? "unknown",
  };
}

/** The solver gives up after as many steps on every machine; what a process was at that failed is open. */
function isKept({ result, reason }: SolverAnswer, limited: boolean): boolean {
  return result !== "unknown" || (limited && reason?.startsWith(GAVE_UP) === true);
}

function readEntry(
  value: string | undefined,
  limited: boolean,
): { readonly solver: string; readonly answer: SolverAnswer } | undefined {
  if (value === undefined) return undefined;
  const entry = parseJson(value);
  if (typeof entry !== "object" || entry === null || !("solver" in entry)) return undefined;
  const answer = readAnswer({ ...entry, milliseconds: 0 });
  return typeof entry.solver === "string" && answer && isKept(answer, limited)
    ? { solver: entry.solver, answer }
    : undefined;
}

/** The version of the package that the solver comes in: known without loading the solver. */
function solverPackageVersion(): string {
  const file = createRequire(import.meta.url).resolve("z3-solver/package.json");
  const found: unknown = JSON.parse(readFileSync(file, "utf8"));
  return typeof found === "object" && found !== null && "version" in found ? String(found.version) : "unknown";
}
