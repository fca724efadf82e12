/**
 * Claims that are asked together: those that rest on the same facts → one query, whose unsatisfiability proves them all.
 *
 *   H ∧ D ∧ (¬g₁ ∨ … ∨ ¬gₙ) is unsatisfiable  ⇔  each H ∧ D ∧ ¬gᵢ is
 *
 * H are the hypotheses that all have in common, and D the definitions of symbols and the contents of tensors that a query
 * adds. D is the same for each, so that no claim is proved with a fact that its own query would not have: that facts hold in
 * every model (`scope.ts`) is needed for each claim by itself, and for no more here. Products add lemmas, which hold of all
 * integers. Where the solver finds a model or gives up, each is asked by itself.
 */

import { type Claim, queryOptionsOf } from "./claim.ts";
import { buildQuery, type Query } from "./query.ts";
import type { Scope } from "./scope.ts";
import type { Session } from "./session.ts";
import type { SolverAnswer } from "./solver.ts";
import { GAVE_UP } from "./solver-protocol.ts";
import { and, or, type Term, termFacets } from "./term.ts";

/** One goal that does not hold makes all of its query be asked alone. */
const MOST_TOGETHER = 16;

export interface AskedTogether {
  /** The query of the claim alone. */
  readonly text: string;
  readonly answer: SolverAnswer;
}

interface Member {
  readonly claim: Claim;
  readonly query: Query;
}

/** For each claim that shares a query with others: its answer, or `undefined` where it has to be asked alone. */
export function askTogether(
  scope: Scope,
  claims: readonly Claim[],
  session: Session,
): ReadonlyMap<Claim, Promise<AskedTogether | undefined>> {
  const answers = new Map<Claim, Promise<AskedTogether | undefined>>();
  for (const [facts, members] of groupsOf(scope, claims)) {
    const text = jointText(scope, members, facts);
    if (text === undefined) continue;
    const answer = session.solve(text);
    for (const member of members) {
      answers.set(
        member.claim,
        answer.then((joint) => shareOf(joint, member, members.length)),
      );
    }
  }
  return answers;
}

function shareOf(joint: SolverAnswer, { query }: Member, members: number): AskedTogether | undefined {
  const { result, reason } = joint;
  // What a process was at that failed is open, for every claim that it was about.
  const isOpen = result === "unknown" && reason?.startsWith(GAVE_UP) !== true;
  if (result !== "unsat" && !isOpen) return undefined;
  return { text: query.text, answer: { ...joint, milliseconds: joint.milliseconds / members } };
}

/** Claims that integers fit a width: by far the most, and each about one integer of a statement. */
function mayShare({ kind, factors, expects, renaming, others, clauses, unordered, exact }: Claim): boolean {
  const plain = [expects, renaming, others, clauses, unordered, exact].every((option) => option === undefined);
  return kind === "overflow" && factors === true && plain;
}

/** Claims with the same facts, in groups of at most `MOST_TOGETHER`; none of a single claim. */
function groupsOf(scope: Scope, claims: readonly Claim[]): readonly (readonly [string, readonly Member[]])[] {
  const byFacts = new Map<string, Member[][]>();
  for (const claim of claims.filter(mayShare)) {
    const query = buildQuery({ scope, hypotheses: claim.hypotheses, ...queryOptionsOf(claim) });
    const facts = factsOf(query);
    const groups = byFacts.get(facts) ?? [];
    byFacts.set(facts, groups);
    const last = groups.at(-1);
    if (last === undefined || last.length >= MOST_TOGETHER) groups.push([{ claim, query }]);
    else last.push({ claim, query });
  }
  return [...byFacts].flatMap(([facts, groups]) =>
    groups.filter(({ length }) => length > 1).map((members) => [facts, members] as const),
  );
}

/** The query that all members share; `undefined` where it would assert other facts than theirs. */
function jointText(scope: Scope, members: readonly Member[], facts: string): string | undefined {
  const [first, ...others] = members.map(({ claim }) => claim);
  if (first === undefined) return undefined;
  const stated = others.map(({ hypotheses }) => new Set(hypotheses.map(textOf)));
  const common = first.hypotheses.filter((term) => stated.every((texts) => texts.has(textOf(term))));
  const shared = new Set(common.map(textOf));
  const refuted = members.map(
    ({ claim }): Term => and(...claim.hypotheses.filter((term) => !shared.has(textOf(term)))),
  );
  const query = buildQuery({ scope, hypotheses: [...common, or(...refuted)], ...queryOptionsOf(first) });
  return factsOf(query) === facts ? query.text : undefined;
}

const textOf = (term: Term): string => termFacets(term).text;

function factsOf({ assertions }: Query): string {
  return assertions
    .flatMap(({ kind, term }) => (kind === "definition" || kind === "data" ? [textOf(term)] : []))
    .sort()
    .join("\n");
}
