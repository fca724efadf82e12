/** Claims that share a query: which do, what an answer says of them, and that none is proved by another's facts. */

import { afterAll, describe, expect, it } from "vitest";
import { NO_SPAN } from "../../src/support/span.ts";
import { type Claim, NO_REPLAY } from "../../src/verify/claim.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { buildQuery } from "../../src/verify/query.ts";
import { declare, newScope, type Scope } from "../../src/verify/scope.ts";
import { openSession, type Session } from "../../src/verify/session.ts";
import { GAVE_UP } from "../../src/verify/solver-protocol.ts";
import { and, eq, le, lt, not, numeral, or, type Term } from "../../src/verify/term.ts";
import { askTogether } from "../../src/verify/together.ts";
import { settleClaim } from "../../src/verify/verify.ts";

const pool = new SolverPool({ processes: 1 });
afterAll(() => pool.close());

/** A session that keeps the texts that it is asked. */
function listening(): { readonly session: Session; readonly asked: string[] } {
  const asked: string[] = [];
  const session = openSession(pool);
  const solve: Session["solve"] = (text, limit) => {
    asked.push(text);
    return session.solve(text, limit);
  };
  return { asked, session: { ...session, solve } };
}

function overflowClaim(id: string, hypotheses: readonly Term[], more: Partial<Claim> = {}): Claim {
  const texts = { statement: id, failure: id, code: "TK305" };
  return { id, kind: "overflow", span: NO_SPAN, ...texts, hypotheses, factors: true, replay: NO_REPLAY, ...more };
}

/** a, b and q, with a fact about q that is wrong, as none of a kernel's is: it says that b is positive, whatever it is. */
function scopeOfQuotient(): Scope {
  const scope = newScope();
  for (const name of ["a", "b", "q"]) declare(scope, { name, sort: "Int", owner: "launch" });
  scope.facts.push({ defines: ["q"], term: and(lt("0", "b"), le(["*", "2", "q"], "a")) });
  return scope;
}

const RANGE = [le("0", "a"), le("a", numeral(100n))];
const fits = (term: Term, most: bigint): Term => le(term, numeral(most));

async function verdicts(scope: Scope, claims: readonly Claim[], session: Session): Promise<readonly string[]> {
  const together = askTogether(scope, claims, session);
  const subject = { name: "k", scope, dims: [] };
  const results = await Promise.all(
    claims.map((claim) => settleClaim(subject, claim, session, false, together.get(claim))),
  );
  return results.map(({ verdict }) => verdict);
}

describe("claims that rest on the same facts", () => {
  it("are proved by one query, and keep their own texts", async () => {
    const scope = scopeOfQuotient();
    const claims = [100n, 101n, 102n].map((most) => overflowClaim(`${most}`, [...RANGE, not(fits("a", most))]));
    const { session, asked } = listening();
    expect(await verdicts(scope, claims, session)).toEqual(["proved", "proved", "proved"]);
    expect(asked).toHaveLength(1);
    const [own] = claims;
    const answers = askTogether(scope, claims, session);
    const first = own && (await answers.get(own));
    expect(first?.text).toBe(buildQuery({ scope, hypotheses: own?.hypotheses ?? [], factors: true }).text);
  });

  it("are asked one by one where not all of them hold", async () => {
    const claims = [100n, 99n].map((most) => overflowClaim(`${most}`, [...RANGE, not(fits("a", most))]));
    const { session, asked } = listening();
    expect(await verdicts(scopeOfQuotient(), claims, session)).toEqual(["proved", "unknown"]);
    expect(asked).toHaveLength(3);
  });

  it.each([
    [`${GAVE_UP}it took more than 5 steps`, ["proved", "proved"], 3],
    ["the solver process ended (SIGKILL)", ["unknown", "unknown"], 1],
  ])(
    "are asked one by one where the solver gives up, and are open where it fails: %s",
    async (reason, expected, count) => {
      const claims = [100n, 101n].map((most) => overflowClaim(`${most}`, [...RANGE, not(fits("a", most))]));
      const { session, asked } = listening();
      const solve: Session["solve"] = (text, limit) => {
        const answer = session.solve(text, limit);
        return asked.length === 1 ? Promise.resolve({ result: "unknown", reason, milliseconds: 0 }) : answer;
      };
      expect(await verdicts(scopeOfQuotient(), claims, { ...session, solve })).toEqual(expected);
      expect(asked).toHaveLength(count);
    },
  );

  it("may assume different things", async () => {
    const claims = [
      overflowClaim("small", [...RANGE, le("a", numeral(5n)), not(fits("a", 5n))]),
      overflowClaim("large", [...RANGE, not(fits("a", 5n))]),
    ];
    expect(await verdicts(scopeOfQuotient(), claims, listening().session)).toEqual(["proved", "unknown"]);
  });
});

describe("a claim with facts of its own", () => {
  // Nothing but the fact about q says that b is positive.
  const wrong = overflowClaim("wrong", [...RANGE, not(lt("0", "b"))]);
  const right = overflowClaim("right", [...RANGE, not(fits("q", 50n))]);

  it("would prove others where a fact is wrong, if it shared a query with them", async () => {
    const goals = [wrong, right].map(({ hypotheses }) => and(...hypotheses));
    const { text } = buildQuery({ scope: scopeOfQuotient(), hypotheses: [or(...goals)], factors: true });
    expect((await openSession(pool).solve(text)).result).toBe("unsat");
  });

  it("shares none", async () => {
    const { session, asked } = listening();
    expect(askTogether(scopeOfQuotient(), [wrong, right], session).size).toBe(0);
    expect(asked).toEqual([]);
    expect(await verdicts(scopeOfQuotient(), [wrong, right], session)).toEqual(["unknown", "proved"]);
  });
});

it.each<readonly [string, Partial<Claim>]>([
  ["a claim that expects a model", { expects: "sat" }],
  ["a claim about two threads", { renaming: (symbol) => `${symbol}!2` }],
  ["a claim with its own conditions on data", { clauses: [] }],
  ["a claim of another kind", { kind: "bounds" }],
])("%s is asked alone", (_, more) => {
  const claims = [1n, 2n].map((most) => overflowClaim(`${most}`, [eq("a", "1"), not(fits("a", most))], more));
  expect(askTogether(scopeOfQuotient(), claims, listening().session).size).toBe(0);
});
