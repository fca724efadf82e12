/**
 * Judgement: what the verifier says of a mutant.
 *
 * It is *refuted* when one obligation is, with a witness that the interpreter has replayed; *unknown* when some obligation
 * is not proved and none is refuted; *certified* when the verifier proves it all, which makes it a survivor.
 *
 * The verifier itself gives every certificate. A mutant that has an unproved claim cannot get one, so that the search
 * stops at the first claim that is refuted: small sizes are run first, which takes no solver, and the counterexamples of
 * the solver are minimised and replayed only where that shows nothing.
 */

import { InternalError } from "../../src/support/result.ts";
import type { Claim } from "../../src/verify/claim.ts";
import type { ObligationKind, Witness } from "../../src/verify/obligation.ts";
import { searchSmallSizes } from "../../src/verify/replay.ts";
import type { Session } from "../../src/verify/session.ts";
import { askClaim, collectClaims, verifyKernels } from "../../src/verify/verify.ts";
import { confirm, type Subject } from "../../src/verify/witness.ts";
import type { Mutant } from "./mutants.ts";
import { renamingSession } from "./renaming-session.ts";
import { weakenedClaims } from "./size-condition.ts";

export type MutantVerdict = "refuted" | "unknown" | "certified";

export interface Judgement {
  readonly mutant: Mutant;
  readonly verdict: MutantVerdict;
  /** The obligation that kills it, or that is not proved. */
  readonly by?: { readonly id: string; readonly kind: ObligationKind };
  readonly witness?: Witness;
  /** Why an unknown one is. */
  readonly reason?: string;
}

interface OpenClaim {
  readonly claim: Claim;
  /** A counterexample, one that has no model to show (assumptions that cannot be met), or no answer. */
  readonly answer: "counterexample" | "unmet" | "unknown";
  readonly reason: string;
}

export async function judge(mutant: Mutant, session: Session): Promise<Judgement> {
  const { kernel } = mutant;
  const collected = collectClaims(kernel);
  const { summary, common, byWidth } = collected;
  const owed =
    mutant.weakened === undefined
      ? [...common, ...byWidth[64], ...(kernel.indexWidth === "i32" ? byWidth[32] : [])]
      : weakenedClaims(kernel, collected, mutant.weakened);
  const subject: Subject = { name: kernel.name, scope: summary.scope, dims: kernel.dims, kernel };
  const renamed = renamingSession(session);
  const open = await unproved(subject, owed, renamed);
  if (open.length > 0) return refute(mutant, subject, open, session);
  return mutant.weakened === undefined ? verdictOf(mutant, renamed) : { mutant, verdict: "certified" };
}

async function unproved(subject: Subject, claims: readonly Claim[], session: Session): Promise<readonly OpenClaim[]> {
  const answered = await Promise.all(
    claims.map(async (claim): Promise<readonly OpenClaim[]> => {
      const { answer } = await askClaim(subject, claim, session);
      const { result, reason = "the solver gave no reason" } = answer;
      if (result === (claim.expects ?? "unsat")) return [];
      if (result === "unknown") return [{ claim, answer: "unknown", reason }];
      return [{ claim, answer: result === "sat" ? "counterexample" : "unmet", reason: "" }];
    }),
  );
  return answered.flat();
}

async function refute(
  mutant: Mutant,
  subject: Subject,
  open: readonly OpenClaim[],
  session: Session,
): Promise<Judgement> {
  const { kernel } = mutant;
  const refuted = (claim: Claim, witness: Witness): Judgement => ({
    mutant,
    verdict: "refuted",
    by: { id: claim.id, kind: claim.kind },
    witness,
  });
  const unmet = open.find(({ answer }) => answer === "unmet");
  if (unmet) {
    const witness = { dims: {}, text: "no sizes, block and thread meet them all", replayed: "the solver found none" };
    return refuted(unmet.claim, witness);
  }
  const shown = distinct(open.filter(({ answer }) => answer === "counterexample").map(({ claim }) => claim));
  const replayed = shown.filter(({ replay }) => replay.faults.length > 0);
  const sizesAlone = shown.filter(({ replay }) => replay.faults.length === 0);
  for (const claim of mutant.weakened === undefined ? replayed : []) {
    const witness = searchSmallSizes(kernel, claim);
    if (witness !== undefined) return refuted(claim, witness);
  }
  let reason = open[0]?.reason ?? "";
  for (const claim of [...sizesAlone, ...replayed]) {
    const confirmation = await confirm(subject, claim, session);
    if (confirmation.kind === "confirmed") return refuted(claim, confirmation.witness);
    reason = confirmation.reason;
  }
  const [first] = open;
  if (first === undefined) throw new InternalError("nothing to refute");
  return { mutant, verdict: "unknown", by: { id: first.claim.id, kind: first.claim.kind }, reason };
}

/** One claim of those that the same faults confirm. */
function distinct(claims: readonly Claim[]): readonly Claim[] {
  const byFaults = new Map<string, Claim>();
  for (const claim of claims) {
    const { faults, array = `line ${claim.span.line}`, width } = claim.replay;
    const key = [claim.kind, faults.join(), array, width].join(" ");
    if (!byFaults.has(key)) byFaults.set(key, claim);
  }
  return [...byFaults.values()];
}

/** The verifier's own word, where all claims are proved: it may owe more than claims. */
async function verdictOf(mutant: Mutant, session: Session): Promise<Judgement> {
  const [report] = await verifyKernels([mutant.kernel], session);
  if (report === undefined) throw new InternalError("the verifier gave no report");
  if (report.certificate !== undefined) return { mutant, verdict: "certified" };
  const failed =
    report.obligations.find(({ verdict }) => verdict === "refuted") ??
    report.obligations.find(({ verdict }) => verdict === "unknown");
  if (failed === undefined) throw new InternalError(`${mutant.id} has no certificate and no failed obligation`);
  const { id, kind, witness, reason } = failed;
  return {
    mutant,
    verdict: failed.verdict === "refuted" ? "refuted" : "unknown",
    by: { id, kind },
    ...(witness && { witness }),
    ...(reason !== undefined && { reason }),
  };
}
