/**
 * Explanations: an obligation by its id → what it says, what it assumes and where each assumption comes from, what would
 * refute it, the verdict, and the SMT-LIB text.
 *
 * Terms are shown with the names of the source (`term-text.ts`); those of other threads have a prime: `thread.x'`.
 */

import { distance } from "fastest-levenshtein";
import type { Kernel } from "../ir/kernel/types.ts";
import type { Plan } from "../ir/plan.ts";
import { type Diagnostic, error, renderExcerpt, type SourceLookup } from "../support/diagnostic.ts";
import { type Result, refuse } from "../support/result.ts";
import { formatPlace, NO_SPAN, type Span } from "../support/span.ts";
import { type Claim, queryOptionsOf } from "./claim.ts";
import { equivalenceOf } from "./kinds/equivalence.ts";
import type { ObligationKind, ObligationResult } from "./obligation.ts";
import { planClaims } from "./plan.ts";
import { type Assertion, buildQuery, type Query } from "./query.ts";
import { smt2Text } from "./report.ts";
import type { Origin, Scope } from "./scope.ts";
import type { Session } from "./session.ts";
import { and, printTerm, rename, type Term } from "./term.ts";
import { printerOf } from "./term-text.ts";
import { collectClaims, settleClaim } from "./verify.ts";
import type { Subject } from "./witness.ts";

/** What can be asked about: the kernels with their check kernels, and the plans that launch them. */
export interface Explicable {
  readonly kernels: readonly Kernel[];
  readonly plans: readonly Plan[];
}

export interface Explanation {
  readonly obligation: ObligationResult;
  /** Whether the kernel does without where it is not proved: its 32-bit instance, or a check that launchers then make. */
  readonly optional: boolean;
  readonly text: string;
}

const DUTY: Readonly<Record<ObligationKind, string>> = {
  shape: "every use of a tensor agrees with its declared dimensions",
  bounds: "every index stays within its axis, on every path that reaches the access",
  race: "no two threads touch one element with at least one write, unless a barrier orders them",
  divergence: "every barrier is reached by all threads of its block",
  overflow: "every integer that the machine evaluates fits its width, and every divisor is positive",
  init: "whatever is read has been written before, in every run",
  coverage: "every element of an output is written, by one thread only",
  alignment: "a vector access starts at a multiple of its width",
  coalesced: "the threads of a wave access a tensor side by side",
  "conflict-free": "the threads of a wave access one word of each bank of shared memory",
  launch: "the launch stays within the limits of the target, and an empty grid leaves nothing to write",
  contract: "assumptions can be met, and every invariant and ensures holds",
  equivalence: "the kernel computes what it claims",
  plan: "buffers that live at the same time do not overlap",
};

const NEAREST = 3;
/** Conditions on data have an instance per element that the obligation mentions; the SMT-LIB text has them all. */
const MOST_SHOWN = 12;

interface Found {
  readonly subject: Subject;
  readonly claim: Claim;
  readonly optional: boolean;
}

/** TK002 where no obligation has that id. */
export async function explainObligation(
  subjects: Explicable,
  id: string,
  session: Session,
  sources: SourceLookup,
): Promise<Result<Explanation>> {
  const equivalence = await explainEquivalence(subjects, id, session);
  if (equivalence !== undefined) return { ok: true, value: equivalence };
  const all = everyClaim(subjects, id);
  const found = all.find(({ claim }) => claim.id === id);
  if (found === undefined) return refuse(unknownId(id, all));
  const { subject, claim, optional } = found;
  const obligation = await settleClaim(subject, claim, session, true);
  const query = buildQuery({ scope: subject.scope, hypotheses: claim.hypotheses, ...queryOptionsOf(claim) });
  const text = explanationText(subject.scope, claim, obligation, query, sources);
  return { ok: true, value: { obligation, optional, text } };
}

/** What no solver is asked: `undefined` where the id is another's. */
async function explainEquivalence(
  { kernels }: Explicable,
  id: string,
  session: Session,
): Promise<Explanation | undefined> {
  const [owner, kind] = id.split("/");
  const kernel = kind === "equivalence" ? kernels.find(({ name }) => name === owner) : undefined;
  const results = kernel === undefined ? [] : await equivalenceOf([kernel], session)(kernel);
  const obligation = results.find((result) => result.id === id);
  if (obligation === undefined) return undefined;
  const { statement, verdict, shapes, span, witness, reason } = obligation;
  const lines = [
    `${id}: ${verdict}`,
    "",
    `equivalence: ${DUTY.equivalence}`,
    `  ${statement}, over the reals`,
    `  at ${formatPlace(span)}`,
    "",
    "how it is decided",
    "  The kernel is executed with expressions in place of floats, and each element's normal form compared with that of the",
    "  definition. No solver is asked. docs/trust.md says what this leaves open.",
    "",
    `shapes    ${shapes ?? "up to the counterexample"}`,
    ...(witness === undefined ? [] : [`witness   ${witness.text}`, `replayed  ${witness.replayed}`]),
    ...(reason === undefined ? [] : [`reason    ${reason}`]),
  ];
  return { obligation, optional: false, text: lines.join("\n") };
}

/** The claims of the kernel or program that the id names; of all where it names none. */
function everyClaim({ kernels, plans }: Explicable, id: string): readonly Found[] {
  const [owner] = id.split("/");
  const owns = ({ name }: { readonly name: string }): boolean => name === owner;
  const known = kernels.some(owns) || plans.some(owns);
  const asked = <T extends { readonly name: string }>(all: readonly T[]): readonly T[] =>
    known ? all.filter(owns) : all;
  const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  return [
    ...asked(kernels).flatMap((kernel): readonly Found[] => {
      const { summary, common, byWidth } = collectClaims(kernel);
      const subject: Subject = { name: kernel.name, scope: summary.scope, dims: kernel.dims, kernel };
      const narrow = kernel.indexWidth === "auto";
      return [
        ...[...common, ...byWidth[64]].map((claim) => ({ subject, claim, optional: false })),
        ...byWidth[32].map((claim) => ({ subject, claim, optional: narrow })),
      ];
    }),
    ...asked(plans).flatMap((plan): readonly Found[] => {
      const { scope, claims, handovers } = planClaims(plan, byName);
      const subject: Subject = { name: plan.name, scope, dims: plan.dims };
      // What no launch proves, the launchers check.
      return [
        ...claims.map((claim) => ({ subject, claim, optional: false })),
        ...handovers.map(({ claim }) => ({ subject, claim, optional: true })),
      ];
    }),
  ];
}

function unknownId(id: string, all: readonly Found[]): Diagnostic {
  const ids = all.map(({ claim }) => claim.id);
  if (ids.length === 0) return error("TK002", undefined, `no obligation has the id ${id}`, "name a kernel's file");
  const nearest = ids
    .map((other) => ({ other, changes: distance(id, other) }))
    .sort((a, b) => a.changes - b.changes)
    .slice(0, NEAREST)
    .map(({ other }) => other);
  return error("TK002", undefined, `no obligation has the id ${id}`, `the nearest are ${nearest.join(", ")}`);
}

function explanationText(
  scope: Scope,
  claim: Claim,
  obligation: ObligationResult,
  query: Query,
  sources: SourceLookup,
): string {
  const { id, kind, span, statement } = obligation;
  const show = printerOf(scope, new Set(query.symbols.map(({ name }) => name)));
  const { assumed, denied } = splitHypotheses(scope, claim);
  const place = span === NO_SPAN ? [] : [`  ${formatPlace(span)}`, ...renderExcerpt(span, sources)];
  const parts = [
    [`${id}: ${statement}`, ...place],
    [`${kind}: ${DUTY[kind]}`],
    ["assumed", ...groupedByOrigin(assumed, show)],
    section(
      "by definition",
      shownOf(query, "definition", (term) => show(withoutTautologies(term, show))),
    ),
    dataSection(scope, claim, query, show),
    productSection(scope, claim, query, show),
    claim.expects === "sat"
      ? ["proved by values that meet all of this"]
      : section(
          "refuted by values that meet all of this, and",
          denied.map((term) => show(term)),
        ),
    verdictLines(obligation),
    ["SMT-LIB", ...smt2Text(obligation).trimEnd().split("\n").map(indent)],
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

interface Assumed {
  readonly term: Term;
  readonly origin: Origin;
}

/** What has an origin is assumed; the rest is the negated goal, of which there is at least the last hypothesis. */
function splitHypotheses(
  scope: Scope,
  { hypotheses, expects }: Claim,
): { readonly assumed: readonly Assumed[]; readonly denied: readonly Term[] } {
  const assumed = new Map<string, Assumed>();
  const denied = new Map<string, Term>();
  hypotheses.forEach((term, position) => {
    if (term === "true") return;
    const origin = originOf(scope, term);
    const goal = expects !== "sat" && position === hypotheses.length - 1;
    if (origin === undefined || (goal && denied.size === 0)) denied.set(printTerm(term), term);
    else assumed.set(printTerm(term), { term, origin });
  });
  const conditions = [...denied.values()];
  if (expects !== "sat") return { assumed: [...assumed.values()], denied: conditions };
  const origin = { origin: "on the way there" };
  return { assumed: [...assumed.values(), ...conditions.map((term) => ({ term, origin }))], denied: [] };
}

/** Of the term, of the same term for the first thread, or of what holds once a branch was taken. */
function originOf(scope: Scope, term: Term): Origin | undefined {
  const own = scope.origins.get(printTerm(term)) ?? scope.origins.get(printTerm(rename(term, firstThread)));
  if (own !== undefined || typeof term === "string" || term[0] !== "=>" || term[2] === undefined) return own;
  return originOf(scope, term[2]);
}

function firstThread(symbol: string): string {
  return symbol.replace(/![^!]*$/, "");
}

function groupedByOrigin(assumed: readonly Assumed[], show: (term: Term) => string): readonly string[] {
  const groups = new Map<string, { readonly origin: Origin; readonly terms: string[] }>();
  for (const { term, origin } of assumed) {
    const key = `${origin.origin} ${origin.span === undefined ? "" : formatPlace(origin.span)}`;
    const group = groups.get(key) ?? { origin, terms: [] };
    groups.set(key, group);
    const text = show(term);
    // Quotients of two threads may stand for the same.
    if (!group.terms.includes(text)) group.terms.push(text);
  }
  return [...groups.values()].flatMap(({ origin, terms }) => [
    `  ${origin.origin}${placeText(origin.span)}`,
    ...terms.map((text) => `    ${text}`),
  ]);
}

function placeText(span: Span | undefined): string {
  return span === undefined || span === NO_SPAN ? "" : `, ${formatPlace(span)}`;
}

function shownOf(query: Query, kind: Assertion["kind"], show: (term: Term) => string): readonly string[] {
  const texts = query.assertions.flatMap((assertion) => (assertion.kind === kind ? [show(assertion.term)] : []));
  return [...new Set(texts)];
}

/** An element of an input is defined by itself: that part says nothing. */
function withoutTautologies(term: Term, show: (term: Term) => string): Term {
  if (typeof term === "string" || term[0] !== "and") return term;
  const [, ...parts] = term;
  const says = (part: Term): boolean => {
    const [op, left = "", right = ""] = typeof part === "string" ? [] : part;
    return op !== "=" || show(left) !== show(right);
  };
  return and(...parts.filter(says));
}

function dataSection(scope: Scope, claim: Claim, query: Query, show: (term: Term) => string): readonly string[] {
  const instances = shownOf(query, "data", show);
  if (instances.length === 0) return [];
  const more = instances.length - MOST_SHOWN;
  return [
    "conditions on data and lemmas about sums and counts, at the elements above",
    ...(claim.clauses ?? scope.data).map(({ text, source }) => `  requires ${text}${placeText(source.span)}`),
    ...instances.slice(0, MOST_SHOWN).map((text) => `    ${text}`),
    ...(more > 0 ? [`    and ${more} more, in the SMT-LIB text`] : []),
  ];
}

/** The products of unknowns: known by lemmas alone, but to claims that `expect` a model. */
function productSection(scope: Scope, { exact }: Claim, query: Query, show: (term: Term) => string): readonly string[] {
  const lemmas = query.assertions.filter(({ kind }) => kind === "lemma").length;
  if (lemmas === 0) return [];
  const named = new Set(scope.products.map(({ symbol }) => symbol));
  const products = query.symbols.filter(({ name }) => named.has(firstThread(name))).map(({ name }) => show(name));
  const heading = exact === true ? "products" : `products, known by ${lemmas} lemmas that hold of all integers`;
  return section(heading, [...new Set(products)]);
}

function verdictLines(obligation: ObligationResult): readonly string[] {
  const { verdict, code, failure, witness, reason, fix, shapes } = obligation;
  const said = {
    proved: shapes === undefined ? "" : ` at shapes ${shapes}`,
    refuted: ` (${code}): ${failure}`,
    unknown: "",
  };
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["verdict", `${verdict}${said[verdict]}`],
    ["witness", witness?.text],
    ["replayed", witness?.replayed],
    ["reason", reason],
    ["fix", fix],
  ];
  return lines.flatMap(([name, text]) => (text === undefined ? [] : [`${name.padEnd(9)} ${text}`]));
}

function section(heading: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`)];
}

function indent(line: string): string {
  return `  ${line}`;
}
