/**
 * `nthOccurrence` in `covers`: that a kernel which sorts tokens by expert writes each place is proved, and is not of kernels
 * that skip a token or a place, nor with a witness that is not the writer or need not be there.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { collectClaims, settleClaim } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const HEADER = `import { block, ceilDiv, covers, div, ensures, forall, i32, input, invariant, kernel, mod, nthOccurrence, occurrences, output, requires, thread } from "tokitai/dsl";\n`;

const SORTED = `kernel(
  { ids: input(i32, ["T"]), offsets: input(i32, ["E+1"]), expert: input(i32, ["T"]), source: output(i32, ["T"]) },
  { index: "i32", grid: ({ E }) => [ceilDiv(E, 4)], block: [4] },
  ({ ids, offsets, expert, source }, { T, E }) => {
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    requires(forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]));
    ensures(forall([T], (p) => 0 <= source[p] && source[p] < T && ids[source[p]] === expert[p]));
    covers(source, (p) => ({
      block: [div(expert[p], 4)],
      thread: [mod(expert[p], 4)],
      t: nthOccurrence(ids, T, expert[p], p - offsets[expert[p]]),
    }));
    const e = block.x * 4 + thread.x;
    if (e >= E) return;
    let next = offsets[e];
    for (let t = 0; t < T; t++) {
      invariant(next === offsets[e] + occurrences(ids, t, e));
      if (ids[t] === e) {
        source[next] = t;
        next += 1;
      }
    }
  },
);`;

interface Change {
  /** What stands in the kernel, and what takes its place. */
  readonly edits: readonly (readonly [string, string])[];
  /** The claims about what is written, and by whom, that are not proved then. */
  readonly open: readonly string[];
}

const [WRITTEN, ONCE, BOUNDS, RACE] = [
  "coverage/source#1",
  "coverage/source.once#1",
  "bounds/source#1",
  "race/source#2",
];

const CHANGES: Readonly<Record<string, Change>> = {
  nothing: { edits: [], open: [] },
  // The witness is not the writer.
  witness_one_later: { edits: [["p - offsets[expert[p]])", "p - offsets[expert[p]] + 1)"]], open: [WRITTEN] },
  witness_one_earlier: { edits: [["p - offsets[expert[p]])", "p - offsets[expert[p]] - 1)"]], open: [WRITTEN] },
  witness_from_zero: { edits: [["p - offsets[expert[p]])", "p)"]], open: [WRITTEN] },
  witness_of_the_next_expert: {
    edits: [["nthOccurrence(ids, T, expert[p],", "nthOccurrence(ids, T, expert[p] + 1,"]],
    open: [WRITTEN],
  },
  witness_in_another_array: { edits: [["nthOccurrence(ids,", "nthOccurrence(expert,"]], open: [WRITTEN] },
  witness_by_another_thread: {
    edits: [["thread: [mod(expert[p], 4)]", "thread: [mod(expert[p] + 1, 4)]"]],
    open: [WRITTEN, ONCE],
  },
  // The witness need not be there: n is negative, or as large as the count or larger.
  witness_before_the_last: { edits: [["nthOccurrence(ids, T,", "nthOccurrence(ids, T - 1,"]], open: [WRITTEN] },
  witness_among_none: { edits: [["nthOccurrence(ids, T,", "nthOccurrence(ids, 0,"]], open: [WRITTEN] },
  places_without_end: { edits: [[" && p < offsets[expert[p] + 1]", ""]], open: [WRITTEN, ONCE] },
  places_without_start: { edits: [["offsets[expert[p]] <= p && ", ""]], open: [WRITTEN, ONCE] },
  counts_without_relation: {
    edits: [["requires(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));", ""]],
    open: [BOUNDS, RACE, WRITTEN, ONCE],
  },
  // The kernel leaves a place out.
  first_place_left_out: {
    edits: [
      ["let next = offsets[e];", "let next = offsets[e] + 1;"],
      ["next === offsets[e] +", "next === offsets[e] + 1 +"],
    ],
    open: [BOUNDS, WRITTEN, ONCE],
  },
  last_token_skipped: { edits: [["t < T; t++", "t < T - 1; t++"]], open: [WRITTEN] },
  place_not_counted: {
    edits: [
      ["next += 1;", ""],
      [" + occurrences(ids, t, e));", ");"],
    ],
    open: [WRITTEN],
  },
  nothing_written: { edits: [["if (ids[t] === e) {", "if (ids[t] === e && t < 0) {"]], open: [WRITTEN] },
  // Two experts write one place.
  counts_of_fewer_tokens: {
    edits: [["offsets[e] + occurrences(ids, T, e)", "offsets[e] + occurrences(ids, T - 1, e)"]],
    open: [BOUNDS, RACE, ONCE],
  },
  offsets_in_no_order: {
    edits: [["requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));", ""]],
    open: [BOUNDS, RACE, ONCE],
  },
  all_tokens_written: { edits: [["if (ids[t] === e) {", "if (ids[t] <= e) {"]], open: [BOUNDS, RACE, ONCE] },
  experts_from_zero: {
    edits: [
      ["let next = offsets[e];", "let next = 0;"],
      ["next === offsets[e] +", "next ==="],
    ],
    open: [RACE, WRITTEN, ONCE],
  },
};

const pool = new SolverPool({ processes: 1 });
afterAll(() => pool.close());
const session = openSession(pool);
let kernels: ReadonlyMap<string, Kernel>;

beforeAll(() => {
  const all = Object.entries(CHANGES);
  kernels = kernelsFrom(HEADER + all.map(([name, change]) => `export const ${name} = ${changed(change)}\n`).join(""));
});

function changed({ edits }: Change): string {
  return edits.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`the kernel has not one ${from}`);
    return text.replace(from, to);
  }, SORTED);
}

/** The claims of these kinds that the solver does not prove; no counterexample is searched. */
async function openClaims(kernel: Kernel): Promise<readonly string[]> {
  const { summary, common } = collectClaims(kernel);
  const subject = { name: kernel.name, scope: summary.scope, dims: kernel.dims, kernel };
  const claims = common.filter(({ kind }) => kind === "bounds" || kind === "race" || kind === "coverage");
  const results = await Promise.all(claims.map((claim) => settleClaim(subject, claim, session, false)));
  return results.filter(({ verdict }) => verdict !== "proved").map(({ id }) => id.slice(kernel.name.length + 1));
}

describe("a place that nthOccurrence names", () => {
  it.each(Object.entries(CHANGES))("%s", async (name, { open }) => {
    const kernel = kernels.get(name);
    if (kernel === undefined) throw new Error(`no kernel ${name}`);
    expect(await openClaims(kernel)).toEqual(open);
  });
});
