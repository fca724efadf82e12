/**
 * The second opinion: obligations with their verdicts in, what native solvers say of the same queries out.
 *
 * Each distinct query goes to each solver once. `sat` against `unsat` is a disagreement; a solver's `unknown`, be it of a
 * parse error, a crash or a timeout, is listed. Nothing can be compared where no query is asked (equivalence), or where
 * tokitai's own solver gave no answer: these are `notAsked`.
 *
 * Where tokitai's solver has found a model, the native one is first asked for a model with small dimensions: having one
 * implies having one at all, and products of large unknowns are what a solver is slow at. Without one, the query itself
 * is asked.
 */

import { type NativeAnswer, NativeSolver, type NativeSolverName, nativeVersion } from "./native-solver.ts";
import type { ObligationResult } from "./obligation.ts";

export interface SecondOpinionOptions {
  readonly solvers: readonly NativeSolverName[];
  /** Processes per solver; default: 1. */
  readonly jobs?: number;
  /** Wall time of one query; default: 10,000. */
  readonly timeoutMs?: number;
  /** Called after each distinct query of each solver. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Other programs than those on the PATH. */
  readonly programs?: Readonly<Partial<Record<NativeSolverName, string>>>;
}

export interface SolverOpinion {
  readonly name: NativeSolverName;
  readonly version: string;
  /** How many obligations it answers as tokitai's solver does. */
  readonly agreed: number;
  /** Ids of obligations on which it gives no answer. */
  readonly unknown: readonly string[];
  readonly disagreed: readonly Disagreement[];
}

export interface Disagreement {
  readonly id: string;
  readonly ours: "sat" | "unsat";
  readonly theirs: "sat" | "unsat";
}

export interface SecondOpinion {
  readonly solvers: readonly SolverOpinion[];
  /** Solvers that this machine does not have. */
  readonly missing: readonly NativeSolverName[];
  /** Ids of obligations without a query, or without an answer of tokitai's own solver. */
  readonly notAsked: readonly string[];
}

const SMALL_DIMENSION = 4;

interface Question {
  readonly query: string;
  readonly ours: "sat" | "unsat";
  readonly ids: readonly string[];
}

/** Asks each solver every distinct query of the obligations. */
export async function secondOpinion(
  obligations: readonly ObligationResult[],
  { solvers, jobs = 1, timeoutMs = 10_000, onProgress, programs = {} }: SecondOpinionOptions,
): Promise<SecondOpinion> {
  const { questions, notAsked } = questionsOf(obligations);
  const programOf = (name: NativeSolverName): string => programs[name] ?? name;
  const versions = solvers.map((name) => ({ name, version: nativeVersion(programOf(name)) }));
  const found = versions.flatMap(({ name, version }) => (version === undefined ? [] : [{ name, version }]));
  const total = found.length * questions.length;
  let done = 0;
  const answered = (): void => onProgress?.(++done, total);
  const opinions: SolverOpinion[] = [];
  // One solver after the other: together they would only share the cores.
  for (const { name, version } of found) {
    const answers = await askAll(questions, name, programOf(name), jobs, timeoutMs, answered);
    opinions.push(compare(name, version, questions, answers));
  }
  const missing = versions.flatMap(({ name, version }) => (version === undefined ? [name] : []));
  return { solvers: opinions, missing, notAsked };
}

function questionsOf(obligations: readonly ObligationResult[]): {
  readonly questions: readonly Question[];
  readonly notAsked: readonly string[];
} {
  const byQuery = new Map<string, Question & { readonly ids: string[] }>();
  const notAsked: string[] = [];
  for (const { id, query, verdict, expects } of obligations) {
    if (query === "" || verdict === "unknown") {
      notAsked.push(id);
      continue;
    }
    const ours = (verdict === "proved") === (expects === "sat") ? "sat" : "unsat";
    // A query has one answer; two obligations that share it and differ in it must both be seen.
    const key = `${ours}\n${query}`;
    const question = byQuery.get(key) ?? { query, ours, ids: [] };
    question.ids.push(id);
    byQuery.set(key, question);
  }
  return { questions: [...byQuery.values()], notAsked };
}

async function askAll(
  questions: readonly Question[],
  name: NativeSolverName,
  program: string,
  jobs: number,
  timeoutMs: number,
  answered: () => void,
): Promise<readonly NativeAnswer[]> {
  const answers: NativeAnswer[] = questions.map(() => "unknown");
  let next = 0;
  const work = async (): Promise<void> => {
    const solver = new NativeSolver(name, program);
    try {
      for (let position = next++; position < questions.length; position = next++) {
        const question = questions[position];
        if (question !== undefined) answers[position] = await ask(solver, question, timeoutMs);
        answered();
      }
    } finally {
      solver.close();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, work));
  return answers;
}

async function ask(solver: NativeSolver, { query, ours }: Question, timeoutMs: number): Promise<NativeAnswer> {
  if (ours === "sat") {
    const dims = [...query.matchAll(/^\(declare-const (dim\.\S+) Int\)$/gm)];
    const small = dims.map(([, dim]) => `(assert (<= ${dim} ${SMALL_DIMENSION}))\n`).join("");
    if ((await solver.ask(`${query}${small}`, timeoutMs)) === "sat") return "sat";
  }
  return solver.ask(query, timeoutMs);
}

function compare(
  name: NativeSolverName,
  version: string,
  questions: readonly Question[],
  answers: readonly NativeAnswer[],
): SolverOpinion {
  let agreed = 0;
  const unknown: string[] = [];
  const disagreed: Disagreement[] = [];
  questions.forEach(({ ours, ids }, position) => {
    const theirs = answers[position] ?? "unknown";
    if (theirs === "unknown") unknown.push(...ids);
    else if (theirs === ours) agreed += ids.length;
    else disagreed.push(...ids.map((id) => ({ id, ours, theirs })));
  });
  return { name, version, agreed, unknown, disagreed };
}
