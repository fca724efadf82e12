/**
 * Counterexamples: a satisfiable claim → a witness on small shapes that the interpreter has confirmed, or the reason
 * why there is none.
 *
 * 1. Minimise: the smallest bound on all dimensions that is still satisfiable, then each dimension by itself, then the
 *    block and thread indices. Once the dimensions are fixed, products are linear and asked for exactly.
 * 2. Replay: the interpreter runs the witness's blocks on sparse tensors. Integer inputs hold what the model says; the
 *    model knows nothing of floats, so that several fillings are tried.
 * 3. What no run confirms is not refuted: the solver has invented a state that the kernel cannot be in.
 */

import type { Fault } from "../ir/kernel/interpret.ts";
import type { Kernel, Triple } from "../ir/kernel/types.ts";
import { type Claim, queryOptionsOf } from "./claim.ts";
import { contentsOf, fillingsOf } from "./contents.ts";
import { type FunctionTable, type Model, parseModel } from "./model.ts";
import type { Witness } from "./obligation.ts";
import { buildQuery, type Query } from "./query.ts";
import { type IntegerValues, runForFault, type Shown, scalarsOf, searchSmallSizes } from "./replay.ts";
import type { Filling } from "./replay-record.ts";
import type { Scope } from "./scope.ts";
import type { Session } from "./session.ts";
import { eq, le, numeral, type Term } from "./term.ts";

export type Confirmation =
  | { readonly kind: "confirmed"; readonly witness: Witness }
  | { readonly kind: "unconfirmed"; readonly reason: string };

/** Beyond this many iterations only those of the witness are run. */
const LONG_LOOP = 4_096n;

/** One run on contents that the model did not choose. */
const ALLOWED_STEPS = 200_000;

/** Significant bits of a double. */
const DOUBLE_BITS = 53;

const SMALL_EXPONENT = 8n;
/** No dimension is larger (`SIZE_LIMITS`). */
const LARGEST_EXPONENT = 40n;
/** One question of the search for a small counterexample; where it is not answered, a larger one will do. */
const MINIMISE_STEPS = 2_000_000;
/** After so many without an answer the search ends: each has taken seconds, and the next ones are of the same kind. */
const MOST_UNANSWERED = 2;

/** What a claim is about: the symbols, the dimensions, and the kernel to replay it on (a plan's claims need none). */
export interface Subject {
  readonly name: string;
  readonly scope: Scope;
  readonly dims: readonly string[];
  readonly kernel?: Kernel;
}

export async function confirm(subject: Subject, claim: Claim, session: Session): Promise<Confirmation> {
  const found = await minimise(subject, claim, session);
  if (found === undefined) {
    return { kind: "unconfirmed", reason: "the counterexample does not survive exact products of its sizes" };
  }
  const { query, model } = found;
  const dims = Object.fromEntries(subject.dims.map((dim) => [dim, integer(model, `dim.${dim}`)]));
  const text = describeWitness(claim, query, model, dims);
  if (claim.replay.faults.length === 0) {
    if (subject.kernel !== undefined && !isLaunched(subject.kernel, claim, model, dims)) {
      const reason = "no contents were found that meet the conditions on data at these sizes";
      return { kind: "unconfirmed", reason: `not confirmed: ${text}; ${reason}` };
    }
    return { kind: "confirmed", witness: { dims, text, replayed: "the sizes alone are the counterexample" } };
  }
  const shown = subject.kernel && replay(subject.kernel, claim, model, dims);
  if (shown !== undefined) {
    const { fault, record } = shown;
    const seen = describeWitness(claim, query, model, dims, claim.replay.element && fault);
    const replayed = `the interpreter ${fault.message}`;
    return { kind: "confirmed", witness: { dims, text: seen, replayed, replay: record } };
  }
  // The model's state may be out of reach at its sizes, and a like one in reach at others.
  const witness = subject.kernel && searchSmallSizes(subject.kernel, claim);
  if (witness !== undefined) return { kind: "confirmed", witness };
  return { kind: "unconfirmed", reason: `not confirmed by a run: ${text}; ${inventedState(query, claim)}` };
}

interface Counterexample {
  readonly query: Query;
  readonly model: Model;
}

async function minimise({ scope, dims }: Subject, claim: Claim, session: Session): Promise<Counterexample | undefined> {
  const fixed: Term[] = [];
  let unanswered = 0;
  let last: Counterexample | undefined;
  const ask = async (...extra: readonly Term[]): Promise<Counterexample | undefined> => {
    if (unanswered >= MOST_UNANSWERED) return undefined;
    const query = buildQuery({
      scope,
      hypotheses: [...claim.hypotheses, ...fixed, ...extra],
      ...queryOptionsOf(claim),
      exact: true,
      show: claim.replay.show.map(({ term }) => term),
    });
    const answer = await session.solve(query.text, { steps: MINIMISE_STEPS });
    if (answer.result === "unknown") unanswered++;
    const model = answer.result === "sat" && answer.model !== undefined ? parseModel(answer.model) : undefined;
    if (model !== undefined) last = { query, model };
    return model && last;
  };
  const symbols = dims.map((dim) => `dim.${dim}`);
  const within = async (limit: bigint): Promise<boolean> =>
    (await ask(...symbols.map((symbol) => le(symbol, numeral(limit))))) !== undefined;
  const bound = await smallestBound(within);
  if (bound === undefined) return undefined;
  fixed.push(...symbols.map((symbol) => le(symbol, numeral(bound))));
  for (const symbol of symbols) {
    const value = numeral(
      await smallest(bound, async (limit) => (await ask(le(symbol, numeral(limit)))) !== undefined),
    );
    // Only where every smaller value was refused, not where one was left open, has no counterexample a smaller one.
    fixed.push(unanswered === 0 ? eq(symbol, value) : le(symbol, value));
  }
  // Small positions read better: each index that can be 0 is 0.
  for (const of of ["block", "thread"]) {
    for (const axis of ["x", "y", "z"]) {
      const zero = eq(`${of}.${axis}`, "0");
      if (await ask(zero)) fixed.push(zero);
    }
  }
  // The last one found meets all that is fixed: each was fixed because one was found with it.
  return (unanswered === 0 ? await ask() : undefined) ?? last;
}

/**
 * The least power of two, or 0, that bounds all dimensions of some counterexample. Most are small, and small sizes are
 * quick to ask; where none is, the exponent is bisected, since a bound that a counterexample meets is met by larger ones.
 */
async function smallestBound(holds: (limit: bigint) => Promise<boolean>): Promise<bigint | undefined> {
  for (let limit = 0n; limit <= 2n ** SMALL_EXPONENT; limit = limit * 2n || 1n) if (await holds(limit)) return limit;
  if (!(await holds(2n ** LARGEST_EXPONENT))) return undefined;
  let [low, high] = [SMALL_EXPONENT + 1n, LARGEST_EXPONENT];
  while (low < high) {
    const middle = (low + high) / 2n;
    if (await holds(2n ** middle)) high = middle;
    else low = middle + 1n;
  }
  return 2n ** high;
}

/** The least value up to `high` for which `holds`, by bisection; `holds(high)` is known. */
async function smallest(high: bigint, holds: (limit: bigint) => Promise<boolean>): Promise<bigint> {
  let [low, top] = [0n, high];
  while (low < top) {
    const middle = (low + top) / 2n;
    if (await holds(middle)) top = middle;
    else low = middle + 1n;
  }
  return top;
}

function integer(model: Model, symbol: string): bigint {
  const value = model.values.get(symbol);
  return typeof value === "bigint" ? value : 0n;
}

/** The blocks that the model's threads are in: one, or two for a claim across blocks. */
function blocksOf(claim: Claim, model: Model): readonly Triple<number>[] {
  const at = (rename: (symbol: string) => string): Triple<number> => {
    const axis = (name: string): number => Number(integer(model, rename(`block.${name}`)));
    return [axis("x"), axis("y"), axis("z")];
  };
  const first = at((symbol) => symbol);
  const second = claim.renaming ? at(claim.renaming) : first;
  return first.join() === second.join() ? [first] : [first, second];
}

/** The iterations of the witness, for loops that are too long to run whole. */
function iterationsOf(claim: Claim, model: Model): Readonly<Record<string, readonly number[]>> {
  const iterations: Record<string, readonly number[]> = {};
  for (const { counter, symbol } of claim.replay.loops) {
    const values = [symbol, claim.renaming?.(symbol) ?? symbol].map((name) => integer(model, name));
    if (values.every((value) => value <= LONG_LOOP)) continue;
    iterations[counter] = [...new Set([...(iterations[counter] ?? []), ...values.map(Number)])].sort((a, b) => a - b);
  }
  return iterations;
}

function replay(kernel: Kernel, claim: Claim, model: Model, dims: Readonly<Record<string, bigint>>): Shown | undefined {
  const contents: IntegerValues = {
    integer: (name) => tableFilling(model.functions.get(`input.${name}`)),
    scalar: (name) => numberOf(integer(model, `scalar.${name}`)),
  };
  const iterations = iterationsOf(claim, model);
  const restriction = {
    blocks: blocksOf(claim, model),
    ...(Object.keys(iterations).length > 0 && { iterations }),
  };
  const partOf = claim.replay.whole === true ? {} : restriction;
  const shown = runForFault(kernel, claim, dims, contents, partOf);
  if (shown !== undefined || kernel.dataRequires.length === 0) return shown;
  // The model meets conditions on data at its own elements alone. Where it breaks them at others, the identity may do.
  const identity: IntegerValues = { ...contents, integer: () => ({ kind: "first-index" }) };
  return runForFault(kernel, claim, dims, identity, partOf) ?? replayAllowed(kernel, claim, dims, contents);
}

/** Whether the kernel's conditions on data let such a launch pass, where the claim is about one. */
function isLaunched(kernel: Kernel, { replay }: Claim, model: Model, dims: Readonly<Record<string, bigint>>): boolean {
  const { contents } = replay;
  if (contents === undefined || kernel.dataRequires.length === 0) return true;
  const scalars = scalarsOf(kernel, (name) => numberOf(integer(model, `scalar.${name}`)));
  return contentsOf(kernel, { dims, scalars }).some(contents);
}

/** Runs the whole kernel on contents that meet its conditions on data, at the witness's sizes. */
function replayAllowed(
  kernel: Kernel,
  claim: Claim,
  dims: Readonly<Record<string, bigint>>,
  { scalar }: Pick<IntegerValues, "scalar">,
): Shown | undefined {
  const scalars = scalarsOf(kernel, scalar);
  for (const allowed of contentsOf(kernel, { dims, scalars })) {
    const integer = fillingsOf(kernel, { dims, scalars }, allowed);
    const shown = runForFault(kernel, claim, dims, { integer, scalar }, {}, ALLOWED_STEPS);
    if (shown !== undefined) return shown;
  }
  return undefined;
}

/** What the model says of a tensor's contents; where it says nothing, 0. */
function tableFilling(table: FunctionTable | undefined): Filling {
  if (table === undefined) return { kind: "constant", value: 0 };
  const { entries, otherwise } = table;
  return {
    kind: "table",
    entries: entries.map(({ args, value }) => ({ index: args.map(Number), value: numberOf(value) })),
    otherwise: numberOf(otherwise),
  };
}

/**
 * The integer as a double; where none is equal, the next one towards 0: rounded away from it, the largest i64 would be a
 * value that i64 does not have, and the run would show a fault that no contents can cause.
 */
function numberOf(value: bigint): number {
  const size = value < 0n ? -value : value;
  const excess = BigInt(Math.max(0, size.toString(2).length - DOUBLE_BITS));
  const kept = Number((size >> excess) << excess);
  return value < 0n ? -kept : kept;
}

/** `B = 1, K = 1; block (0, 0), thread (1, 0), k0 = 0: index 1, length 1`; with `seen`, its threads and its element. */
function describeWitness(
  claim: Claim,
  query: Query,
  model: Model,
  dims: Readonly<Record<string, bigint>>,
  seen?: Fault,
): string {
  const parts: string[] = [];
  const sizes = Object.entries(dims).map(([name, value]) => `${name} = ${value}`);
  const scalars = query.symbols
    .filter(({ name }) => name.startsWith("scalar."))
    .map(({ name, info }) => `${info.display ?? name} = ${integer(model, name)}`);
  if (sizes.length + scalars.length > 0) parts.push([...sizes, ...scalars].join(", "));
  if (seen?.otherBlock !== undefined && seen.otherThread !== undefined) {
    const place = (block: Triple<number>, thread: Triple<number>): string =>
      `block (${block.join(", ")}), thread (${thread.join(", ")})`;
    parts.push(`${place(seen.otherBlock, seen.otherThread)} and ${place(seen.block, seen.thread)}`);
  } else if (claim.replay.faults.length > 0) {
    const first = describeThread(claim, query, model, (symbol) => symbol);
    const second = claim.renaming && describeThread(claim, query, model, claim.renaming);
    parts.push(second === undefined ? first : `${first} and ${second}`);
  }
  const shown = claim.replay.show.flatMap(({ label }, ordinal) => {
    const value = seen?.index?.[ordinal] ?? model.values.get(`shown.${ordinal}`);
    return value === undefined ? [] : [`${label} ${value}`];
  });
  return `${parts.join("; ")}${shown.length > 0 ? `: ${shown.join(", ")}` : ""}`;
}

function describeThread(claim: Claim, query: Query, model: Model, rename: (symbol: string) => string): string {
  const triple = (of: string): string =>
    `${of} (${["x", "y", "z"].map((axis) => integer(model, rename(`${of}.${axis}`))).join(", ")})`;
  const inLoops = new Set(claim.replay.loops.map(({ symbol }) => rename(symbol)));
  const counters = query.symbols
    .filter(({ name }) => inLoops.has(name))
    .map(({ name, info }) => `${info.display ?? name} = ${integer(model, name)}`);
  return [triple("block"), triple("thread"), ...counters].join(", ");
}

/** Names what the solver was free to choose, which is where an invariant is missing. */
function inventedState(query: Query, claim: Claim): string {
  const free = query.symbols.filter(({ name }) => /^(loop|read|float-compare)\./.test(name));
  const names = [...new Set(free.map(({ info }) => info.display ?? "a comparison of floats"))];
  if (names.length === 0) return `the proof of ${claim.kind} needs a stronger invariant`;
  return `the solver chose ${names.join(", ")} freely; an invariant(...) may say what they can be`;
}
