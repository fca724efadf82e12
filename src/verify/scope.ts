/**
 * Scope: the symbols of a kernel's symbolic execution, and the facts that define them.
 *
 * - A symbol belongs to the launch (dimensions, scalars), to a block (block indices), or to a thread (thread indices,
 *   loop counters, values read from memory). A query about two threads renames those of the second thread, and those of
 *   its block where the blocks differ.
 * - A fact holds in every model: it defines symbols (`t = c·q + r`) and assumes nothing of the kernel.
 * - A product of two unknowns is a symbol of its own; `products` says what it stands for. Queries add ground lemmas.
 */

import type { Term } from "./term.ts";
import { add, and, eq, implies, le, lt, numeral, numeralValue, printTerm, scale, visitAtoms } from "./term.ts";

export type Owner = "launch" | "block" | "thread";

export interface SymbolInfo {
  readonly name: string;
  readonly sort: "Int" | "Bool";
  readonly owner: Owner;
  /** How a witness names it: `B`, `thread.x`, `k0`; absent for symbols that only the solver sees. */
  readonly display?: string;
}

/** An uninterpreted function: the contents of an integer input tensor, by index. */
export interface FunctionInfo {
  readonly name: string;
  readonly tensor: string;
  readonly arity: number;
}

export interface Fact {
  /** The symbols that the fact defines; it matters to a query only when one of them does. */
  readonly defines: readonly string[];
  readonly term: Term;
}

export interface Product {
  readonly symbol: string;
  readonly left: Term;
  readonly right: Term;
}

export interface Scope {
  readonly symbols: Map<string, SymbolInfo>;
  readonly functions: Map<string, FunctionInfo>;
  readonly facts: Fact[];
  readonly products: Product[];
  /** Definitions made so far, by the text of what they define: the same division is divided once. */
  readonly memo: Map<string, Term>;
}

export function newScope(): Scope {
  return { symbols: new Map(), functions: new Map(), facts: [], products: [], memo: new Map() };
}

export function declare(scope: Scope, info: SymbolInfo): Term {
  scope.symbols.set(info.name, info);
  return info.name;
}

/** A symbol with a number appended, so that it is new. */
export function fresh(scope: Scope, stem: string, sort: "Int" | "Bool", owner: Owner, display?: string): Term {
  let ordinal = 1;
  while (scope.symbols.has(`${stem}.${ordinal}`)) ordinal++;
  return declare(scope, { name: `${stem}.${ordinal}`, sort, owner, ...(display !== undefined && { display }) });
}

/** The narrowest owner of a term's symbols: a value that depends on a thread index belongs to the thread. */
export function ownerOf(scope: Scope, ...terms: readonly Term[]): Owner {
  let owner: Owner = "launch";
  for (const term of terms) {
    visitAtoms(term, (atom) => {
      const found = scope.symbols.get(atom)?.owner;
      if (found === "thread" || (found === "block" && owner === "launch")) owner = found;
    });
  }
  return owner;
}

/** `left · right`, linear where one side is a numeral, else a named product. */
export function multiply(scope: Scope, left: Term, right: Term): Term {
  const [a, b] = [numeralValue(left), numeralValue(right)];
  if (a !== undefined) return scale(a, right);
  if (b !== undefined) return scale(b, left);
  const [first, second] = [printTerm(left), printTerm(right)].sort();
  const key = `${first} * ${second}`;
  const known = scope.memo.get(key);
  if (known !== undefined) return known;
  const symbol = fresh(scope, "product", "Int", ownerOf(scope, left, right));
  scope.memo.set(key, symbol);
  scope.products.push({ symbol: printTerm(symbol), left, right });
  return symbol;
}

/**
 * `⌊dividend / divisor⌋` and the remainder, as symbols q and r with `divisor > 0 ⇒ dividend = divisor·q + r ∧ 0 ≤ r <
 * divisor`. For a divisor ≤ 0 nothing is known of them, so that the fact can never be contradictory.
 */
export function divide(
  scope: Scope,
  dividend: Term,
  divisor: Term,
): { readonly quotient: Term; readonly remainder: Term } {
  const key = `${printTerm(dividend)} div ${printTerm(divisor)}`;
  const owner = ownerOf(scope, dividend, divisor);
  const known = scope.memo.get(key);
  const knownRemainder = scope.memo.get(`${key} remainder`);
  if (known !== undefined && knownRemainder !== undefined) return { quotient: known, remainder: knownRemainder };
  const quotient = fresh(scope, "quotient", "Int", owner);
  const remainder = fresh(scope, "remainder", "Int", owner);
  scope.memo.set(key, quotient);
  scope.memo.set(`${key} remainder`, remainder);
  const product = multiply(scope, divisor, quotient);
  scope.facts.push({
    defines: [printTerm(quotient), printTerm(remainder)],
    term: implies(
      lt("0", divisor),
      and(eq(dividend, add(product, remainder)), le("0", remainder), lt(remainder, divisor)),
    ),
  });
  return { quotient, remainder };
}

/** An element of an integer input tensor: the same index gives the same value to every thread. */
export function inputElement(
  scope: Scope,
  tensor: string,
  index: readonly Term[],
  range: { readonly min: bigint; readonly max: bigint },
): Term {
  const name = `input.${tensor}`;
  scope.functions.set(name, { name, tensor, arity: index.length });
  const application: Term = index.length === 0 ? name : [name, ...index];
  const key = `element ${printTerm(application)}`;
  const known = scope.memo.get(key);
  if (known !== undefined) return known;
  // The element gets a name, so that a witness can show it and the fact can be found by it.
  const symbol = fresh(scope, `element.${tensor}`, "Int", ownerOf(scope, ...index));
  scope.memo.set(key, symbol);
  scope.facts.push({
    defines: [printTerm(symbol)],
    term: and(eq(symbol, application), le(numeral(range.min), symbol), le(symbol, numeral(range.max))),
  });
  return symbol;
}
