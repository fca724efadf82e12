/**
 * Verification of a kernel: kernel IR → every obligation with its verdict, and the certificate if all are proved.
 *
 *   summarise → claims of each kind → solve, each query once, and claims that rest on the same facts together (`together.ts`)
 *   → confirm what is refuted → certify
 *   beside it, for a kernel that claims an operation: execute symbolically and compare (`kinds/equivalence.ts`)
 */

import type { IndexWidth } from "../ir/kernel/limits.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { Plan } from "../ir/plan.ts";
import { debug } from "../support/debug.ts";
import { sha256 } from "../support/hash.ts";
import { InternalError } from "../support/result.ts";
import { certify, type ProvedKernel } from "./certificate.ts";
import { type Claim, idGiver, queryOptionsOf } from "./claim.ts";
import { summarise } from "./execute.ts";
import { alignmentClaims } from "./kinds/alignment.ts";
import { boundsClaims } from "./kinds/bounds.ts";
import { contractClaims } from "./kinds/contract.ts";
import { coverageClaims } from "./kinds/coverage.ts";
import { dataClaims } from "./kinds/data.ts";
import { divergenceClaims } from "./kinds/divergence.ts";
import { type EquivalenceOf, equivalenceOf } from "./kinds/equivalence.ts";
import { initClaims } from "./kinds/init.ts";
import { launchClaims } from "./kinds/launch.ts";
import { divisorClaims, overflowClaims, rangeClaims } from "./kinds/overflow.ts";
import { performanceClaims } from "./kinds/performance.ts";
import { raceClaims } from "./kinds/race.ts";
import { shapeClaims } from "./kinds/shape.ts";
import { vacuityClaims } from "./kinds/vacuity.ts";
import type { ObligationResult } from "./obligation.ts";
import { planClaims } from "./plan.ts";
import { buildQuery } from "./query.ts";
import type { Scope } from "./scope.ts";
import type { Session } from "./session.ts";
import type { SolverAnswer } from "./solver.ts";
import { GAVE_UP } from "./solver-protocol.ts";
import type { Summary } from "./summary.ts";
import { le, numeral } from "./term.ts";
import { type AskedTogether, askTogether } from "./together.ts";
import { confirm, type Subject } from "./witness.ts";

export interface KernelReport {
  readonly kernel: Kernel;
  /** Without those of a 32-bit instance that was dropped. */
  readonly obligations: readonly ObligationResult[];
  /** Index widths whose overflow obligations are proved. */
  readonly widths: readonly IndexWidth[];
  /** Why the 32-bit instance was dropped, where the kernel does not demand it. */
  readonly dropped?: string;
  /** Present when every obligation is proved. */
  readonly certificate?: ProvedKernel;
}

/** The claims of a kernel: what every instance owes, and what each index width owes. */
export interface KernelClaims {
  readonly summary: Summary;
  readonly common: readonly Claim[];
  readonly byWidth: Readonly<Record<IndexWidth, readonly Claim[]>>;
}

export function collectClaims(kernel: Kernel): KernelClaims {
  const summary = summarise(kernel);
  const giveId = idGiver(kernel.name);
  const common = [
    ...shapeClaims(kernel, summary, giveId),
    ...launchClaims(kernel, summary, giveId),
    ...contractClaims(summary, giveId),
    ...divisorClaims(summary, giveId),
    ...boundsClaims(summary, giveId),
    ...raceClaims(kernel, summary, giveId),
    ...divergenceClaims(kernel, summary, giveId),
    ...rangeClaims(summary, giveId),
    ...initClaims(kernel, summary, giveId),
    ...coverageClaims(kernel, summary, giveId),
    ...alignmentClaims(summary, giveId),
    ...performanceClaims(kernel, summary, giveId),
    ...dataClaims(kernel, summary, giveId),
    ...vacuityClaims(kernel, summary, giveId),
  ];
  const wide = kernel.indexWidth === "i32" ? [] : overflowClaims(summary, 64, giveId);
  return { summary, common, byWidth: { 32: overflowClaims(summary, 32, giveId), 64: wide } };
}

/** The SMT-LIB text of a claim, as the solver gets it. */
function claimText(scope: Scope, claim: Claim): string {
  return buildQuery({
    scope,
    hypotheses: claim.hypotheses,
    ...queryOptionsOf(claim),
  }).text;
}

/** Verifies kernels side by side; reports come in the order of the kernels. */
export function verifyKernels(kernels: readonly Kernel[], session: Session): Promise<readonly KernelReport[]> {
  const equivalence = equivalenceOf(kernels, session);
  return Promise.all(kernels.map((kernel) => verifyKernel(kernel, session, equivalence)));
}

export interface PlanReport {
  readonly obligations: readonly ObligationResult[];
  /** Launch → position of a condition on data → the launches whose `ensures` prove it. All others are checked. */
  readonly discharged: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** The obligations of a plan; `kernels` by name. */
export async function verifyPlan(
  plan: Plan,
  kernels: ReadonlyMap<string, Kernel>,
  session: Session,
): Promise<PlanReport> {
  const { scope, claims, handovers } = planClaims(plan, kernels);
  const subject: Subject = { name: plan.name, scope, dims: plan.dims };
  const [obligations, handed] = await Promise.all([
    Promise.all(claims.map((claim) => settleClaim(subject, claim, session, true))),
    Promise.all(handovers.map(({ claim }) => settleClaim(subject, claim, session, false))),
  ]);
  const discharged = new Map<string, Map<number, string>>();
  handovers.forEach(({ label, condition, producers }, position) => {
    if (handed[position]?.verdict !== "proved") return;
    discharged.set(label, (discharged.get(label) ?? new Map<number, string>()).set(condition, producers.join(", ")));
  });
  return { obligations: [...obligations, ...handed.filter(({ verdict }) => verdict === "proved")], discharged };
}

async function verifyKernel(kernel: Kernel, session: Session, equivalence: EquivalenceOf): Promise<KernelReport> {
  const { summary, common, byWidth } = collectClaims(kernel);
  const subject: Subject = { name: kernel.name, scope: summary.scope, dims: kernel.dims, kernel };
  const settleAll = (claims: readonly Claim[], search: boolean): Promise<readonly ObligationResult[]> => {
    const together = askTogether(summary.scope, claims, session);
    return Promise.all(claims.map((claim) => settleClaim(subject, claim, session, search, together.get(claim))));
  };
  // Without a demand for 32 bits an overflow there only drops the instance, so that no witness is searched.
  const demanded = kernel.indexWidth === "i32";
  const [shared, wide, narrow, equivalent] = await Promise.all([
    settleAll(common, true),
    settleAll(byWidth[64], true),
    settleAll(byWidth[32], demanded),
    equivalence(kernel),
  ]);
  const proved = (results: readonly ObligationResult[]): boolean =>
    results.every(({ verdict }) => verdict === "proved");
  const failed = narrow.find(({ verdict }) => verdict !== "proved");
  const widths: readonly IndexWidth[] = demanded ? (proved(narrow) ? [32] : []) : proved(narrow) ? [32, 64] : [64];
  const obligations = [...shared, ...equivalent, ...wide, ...(demanded || failed === undefined ? narrow : [])];
  const certificate = certify(kernel, widths, obligations);
  return {
    kernel,
    obligations,
    widths,
    ...(!demanded && failed !== undefined && { dropped: `${failed.statement}: ${failed.verdict}` }),
    ...(certificate && { certificate }),
  };
}

/** Bounds of all dimensions, for assumptions of which no model was found among all sizes in so many steps. */
const SMALL_SIZES = [64n, 512n];
const FIRST_STEPS = 2_000_000;

/**
 * Solves a claim; `searchWitness` asks for a confirmed counterexample where it does not hold. `together` is the answer that it
 * shares with other claims, if there is one.
 */
export function settleClaim(
  subject: Subject,
  claim: Claim,
  session: Session,
  searchWitness: boolean,
  together: Promise<AskedTogether | undefined> = Promise.resolve(undefined),
): Promise<ObligationResult> {
  return session.counted(settle(subject, claim, session, searchWitness, together));
}

async function settle(
  subject: Subject,
  claim: Claim,
  session: Session,
  searchWitness: boolean,
  together: Promise<AskedTogether | undefined>,
): Promise<ObligationResult> {
  const { text, answer } = (await together) ?? (await askClaim(subject, claim, session));
  debug(2, () => `${claim.id}: ${answer.result} in ${answer.milliseconds.toFixed(1)} ms`);
  debug(5, () => `${claim.id}\n${text}`);
  const result = {
    id: claim.id,
    kind: claim.kind,
    kernel: subject.name,
    span: claim.span,
    ...(claim.related && { related: claim.related }),
    code: claim.code,
    statement: claim.statement,
    failure: claim.failure,
    solverMs: answer.milliseconds,
    query: text,
    queryHash: sha256(text),
    expects: claim.expects ?? ("unsat" as const),
  };
  if (claim.expects === "sat") return settleSatisfiable(result, claim, answer);
  switch (answer.result) {
    case "unsat":
      return { ...result, verdict: "proved" };
    case "unknown":
      return { ...result, verdict: "unknown", reason: answer.reason ?? "the solver gave no reason" };
    case "sat": {
      if (!searchWitness) return { ...result, verdict: "unknown", reason: "the solver has a counterexample" };
      const confirmation = await confirm(subject, claim, session);
      const fix = claim.fix === undefined ? {} : { fix: claim.fix };
      return confirmation.kind === "confirmed"
        ? { ...result, ...fix, verdict: "refuted", witness: confirmation.witness }
        : { ...result, ...fix, verdict: "unknown", reason: confirmation.reason };
    }
    default:
      answer.result satisfies never;
      throw new InternalError("unknown solver result");
  }
}

export interface Asked {
  readonly text: string;
  readonly answer: SolverAnswer;
}

/** The query that was asked last of the claim, and its answer. */
export function askClaim(subject: Subject, claim: Claim, session: Session): Promise<Asked> {
  return claim.expects === "sat" ? askForModel(subject, claim, session) : ask(claimText(subject.scope, claim), session);
}

async function ask(text: string, session: Session, steps?: number): Promise<Asked> {
  return { text, answer: await session.solve(text, steps === undefined ? {} : { steps }) };
}

/**
 * Whether all that is assumed can be met: asked of all sizes, but only so long; then of small ones, whose products are easier to
 * find, and what meets the bounds as well meets it; then of all sizes again, for as long as any question may take.
 */
async function askForModel({ scope, dims }: Subject, claim: Claim, session: Session): Promise<Asked> {
  const text = claimText(scope, claim);
  const first = await ask(text, session, FIRST_STEPS);
  // A process that was killed or has failed leaves its question open, whatever others would answer.
  if (first.answer.reason?.startsWith(GAVE_UP) !== true) return first;
  for (const limit of SMALL_SIZES) {
    const bounds = dims.map((dim) => le(`dim.${dim}`, numeral(limit)));
    const hypotheses = [...claim.hypotheses, ...bounds];
    const small = await ask(claimText(scope, { ...claim, hypotheses }), session, FIRST_STEPS);
    if (small.answer.result === "sat") return small;
  }
  return ask(text, session);
}

/** A claim that assumptions can be met: a model proves it, and its absence is the refutation. */
function settleSatisfiable(
  result: Omit<ObligationResult, "verdict">,
  claim: Claim,
  answer: SolverAnswer,
): ObligationResult {
  const fix = claim.fix === undefined ? {} : { fix: claim.fix };
  switch (answer.result) {
    case "sat":
      return { ...result, verdict: "proved" };
    case "unknown":
      return { ...result, verdict: "unknown", reason: answer.reason ?? "the solver gave no reason" };
    case "unsat": {
      const witness = { dims: {}, text: "no sizes, block and thread meet them all", replayed: "the solver found none" };
      return { ...result, ...fix, verdict: "refuted", witness };
    }
    default:
      answer.result satisfies never;
      throw new InternalError("unknown solver result");
  }
}
