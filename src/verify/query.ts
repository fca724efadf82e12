/**
 * Queries: hypotheses → one self-contained SMT-LIB 2 text whose unsatisfiability proves an obligation.
 *
 * The hypotheses state what is assumed and the negation of the goal. The query adds the facts that define the symbols
 * they mention, and for each product of two unknowns ground lemmas of the integers:
 *
 *   a ≥ 0 ∧ b ≥ 0 ⇒ ab ≥ 0        a ≥ 0 ∧ b ≥ 1 ⇒ ab ≥ a        a = 0 ∨ b = 0 ⇒ ab = 0        b = 1 ⇒ ab = a
 *   n ≥ 0 ∧ a ≤ −1 ⇒ an + n ≤ 0
 *   n ≥ 0 ∧ a + 1 ≤ b ⇒ an + n ≤ bn        a = b ⇒ an = bn        (for products with a common factor n)
 *   a ≥ 0 ∧ b ≤ c ⇒ ab ≤ ca        for c = 2¹⁶ − 1, 2³¹ − 1, 2³² − 1        (with `factors`)
 *
 * and what the kernel's clauses say of the contents of index tensors (`instances.ts`). Beyond the lemmas a product is unknown, so that an unsatisfiable query is unsatisfiable for the true products as well.
 * `exact` adds their definitions instead: for witnesses, where the dimensions are fixed and the products linear.
 */

import type { DataClause } from "./data-clause.ts";
import { instancesFor } from "./instances.ts";
import type { Fact, FunctionInfo, Product, Scope, SymbolInfo } from "./scope.ts";
import {
  add,
  and,
  eq,
  implies,
  le,
  lt,
  numeral,
  or,
  printTerm,
  rename,
  scale,
  type Term,
  termFacets,
  visitAtoms,
} from "./term.ts";

export interface Query {
  readonly text: string;
  /** The symbols declared in the text, with the thread that they belong to. */
  readonly symbols: readonly QuerySymbol[];
  readonly functions: readonly FunctionInfo[];
  /** What the text asserts, in its order. */
  readonly assertions: readonly Assertion[];
}

/** A hypothesis of the claim, or what the query adds: definitions of symbols, conditions on data, lemmas about products. */
export interface Assertion {
  readonly kind: "hypothesis" | "definition" | "data" | "lemma";
  readonly term: Term;
}

/** With the term's text. */
interface Stated extends Assertion {
  readonly text: string;
}

export interface QuerySymbol {
  /** As in the text. */
  readonly name: string;
  readonly info: SymbolInfo;
  /** 0 for the first thread and whatever all share, 1 for what the second thread has of its own, and so on. */
  readonly thread: number;
}

/** Maps symbols of the summary to those of another thread; the identity for what the threads share. */
export type Renaming = (symbol: string) => string;

/**
 * The renaming for a second thread: of the same block, or of another one. `shared` are thread symbols that the two have
 * in common, such as the counter of an aligned loop.
 */
export function secondThread(scope: Scope, sameBlock: boolean, shared: ReadonlySet<string> = new Set()): Renaming {
  return otherThread(scope, sameBlock, "2", shared);
}

/** As `secondThread`, for the thread of the given name: its symbols end in `!name`. */
export function otherThread(
  scope: Scope,
  sameBlock: boolean,
  name: string,
  shared: ReadonlySet<string> = new Set(),
): Renaming {
  return (symbol) => {
    const owner = scope.symbols.get(symbol)?.owner;
    const own = owner === "thread" || (owner === "block" && !sameBlock);
    return own && !shared.has(symbol) ? `${symbol}!${name}` : symbol;
  };
}

export interface QueryOptions {
  readonly scope: Scope;
  readonly hypotheses: readonly Term[];
  /** For queries about more than one thread: the others. */
  readonly renamings?: readonly Renaming[];
  readonly exact?: boolean;
  /** The clauses on data that may be assumed; default: all of the scope's. */
  readonly clauses?: readonly DataClause[];
  /** Whether the order of sums (`instances.ts`) is left out. */
  readonly unordered?: boolean;
  /** Whether products are bounded by those of their factors' usual bounds: for claims that a result fits a width. */
  readonly factors?: boolean;
  /** Terms whose values the model is to give, as `shown.0`, `shown.1`, …. */
  readonly show?: readonly Term[];
}

export function buildQuery(options: QueryOptions): Query {
  const {
    scope,
    hypotheses,
    renamings = [],
    exact = false,
    clauses = scope.data,
    unordered = false,
    factors = false,
    show = [],
  } = options;
  const copies: readonly Renaming[] = [(symbol) => symbol, ...renamings];
  const shown = show.map((term, ordinal): Term => ["=", `shown.${ordinal}`, term]);
  const assertions = [...hypotheses.filter((term) => term !== "true"), ...shown];
  const atoms = new Set<string>();
  for (const term of assertions) for (const atom of termFacets(term).atoms) atoms.add(atom);

  const products = new Map<string, Product>();
  const asserted = new Set<string>();
  const facts: Stated[] = [];
  const include = (kind: Assertion["kind"], term: Term, text = printTerm(term)): void => {
    if (asserted.has(text)) return;
    asserted.add(text);
    facts.push({ kind, term, text });
    visitAtoms(term, (atom) => atoms.add(atom));
  };
  const included = copies.map(() => new Set<Fact>());
  const close = (): void => {
    for (let before = -1; before !== atoms.size; ) {
      before = atoms.size;
      for (const [thread, copy] of copies.entries()) {
        for (const fact of scope.facts) {
          if (included[thread]?.has(fact) || !fact.defines.some((symbol) => atoms.has(copy(symbol)))) continue;
          included[thread]?.add(fact);
          include("definition", rename(fact.term, copy));
        }
        for (const { symbol, left, right } of scope.products) {
          const name = copy(symbol);
          if (!atoms.has(name) || products.has(name)) continue;
          const product = { symbol: name, left: rename(left, copy), right: rename(right, copy) };
          products.set(name, product);
          for (const term of [product.left, product.right]) visitAtoms(term, (atom) => atoms.add(atom));
        }
      }
    }
  };
  close();
  // Clauses without variables hold of fixed elements, whether the query mentions them or not.
  if (clauses.length > 0 || scope.functions.size > 0) {
    const mentioned = [...assertions, ...facts.map(({ term }) => term)];
    for (const [text, term] of instancesFor(clauses, mentioned, !unordered)) include("data", term, text);
    close();
  }
  const lemmas = exact
    ? [...products.values()].map(({ symbol, left, right }) => eq(symbol, ["*", left, right]))
    : [...productLemmas([...products.values()]), ...(factors ? factorLemmas([...products.values()]) : [])];
  const all = assertions.map((term): Stated => ({ kind: "hypothesis", term, text: termFacets(term).text }));
  for (const fact of facts) all.push(fact);
  for (const term of lemmas) all.push({ kind: "lemma", term, text: printTerm(term) });
  return printQuery(scope, copies, atoms, all, shown.length);
}

function printQuery(
  scope: Scope,
  copies: readonly Renaming[],
  atoms: ReadonlySet<string>,
  assertions: readonly Stated[],
  shown: number,
): Query {
  const symbols: QuerySymbol[] = [];
  const seen = new Set<string>();
  for (const info of scope.symbols.values()) {
    copies.forEach((copy, thread) => {
      const name = copy(info.name);
      if (!atoms.has(name) || seen.has(name)) return;
      seen.add(name);
      symbols.push({ name, info, thread });
    });
  }
  const functions = [...scope.functions.values()].filter(({ name }) => atoms.has(name));
  const lines = [
    ...Array.from({ length: shown }, (_, ordinal) => `(declare-const shown.${ordinal} Int)`),
    ...symbols.map(({ name, info }) => `(declare-const ${name} ${info.sort})`),
    ...functions.map(({ name, arity }) => `(declare-fun ${name} (${Array(arity).fill("Int").join(" ")}) Int)`),
    ...assertions.map(({ text }) => `(assert ${text})`),
  ];
  // A goal that is false outright leaves nothing to assert; the solver is asked all the same.
  if (assertions.length === 0) lines.push("(declare-const refuted Bool)", "(assert refuted)");
  return { text: `${lines.join("\n")}\n`, symbols, functions, assertions };
}

/** The ground lemmas above, for each product and for each pair with a common factor. */
export function productLemmas(products: readonly Product[]): readonly Term[] {
  const lemmas: Term[] = [];
  for (const { symbol, left, right } of products) {
    lemmas.push(
      implies(and(le("0", left), le("0", right)), le("0", symbol)),
      implies(and(le("0", left), le("1", right)), le(left, symbol)),
      implies(and(le("1", left), le("0", right)), le(right, symbol)),
      implies(or(eq(left, "0"), eq(right, "0")), eq(symbol, "0")),
      implies(eq(left, "1"), eq(symbol, right)),
      implies(eq(right, "1"), eq(symbol, left)),
      implies(and(le("0", right), lt(left, "0")), le(add(symbol, right), "0")),
      implies(and(le("0", left), lt(right, "0")), le(add(symbol, left), "0")),
    );
  }
  products.forEach((first, position) => {
    for (const second of products.slice(position + 1)) {
      for (const [a, n] of factorings(first)) {
        for (const [b, m] of factorings(second)) {
          if (printTerm(n) !== printTerm(m)) continue;
          lemmas.push(
            implies(and(le("0", n), lt(a, b)), le(add(first.symbol, n), second.symbol)),
            implies(and(le("0", n), lt(b, a)), le(add(second.symbol, n), first.symbol)),
            implies(eq(a, b), eq(first.symbol, second.symbol)),
          );
        }
      }
    }
  });
  return lemmas;
}

/** Bounds of factors that the language gives: extents of a grid, scalars and elements of 32 bits, threads of a launch. */
const FACTOR_BOUNDS = [2n ** 16n - 1n, 2n ** 31n - 1n, 2n ** 32n - 1n];

/** A product with a factor of at most c ≥ 0 is at most c times the other, where that is at least 0. */
function factorLemmas(products: readonly Product[]): readonly Term[] {
  return products.flatMap((product) =>
    factorings(product).flatMap(([a, b]) =>
      FACTOR_BOUNDS.map((bound) =>
        implies(and(le("0", a), le(b, numeral(bound))), le(product.symbol, scale(bound, a))),
      ),
    ),
  );
}

/** A product as (co-factor, factor), both ways. */
function factorings({ left, right }: Product): readonly (readonly [Term, Term])[] {
  return [
    [left, right],
    [right, left],
  ];
}
