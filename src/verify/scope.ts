/**
 * Scope: the symbols of a kernel's symbolic execution, and the facts that define them.
 *
 * - A symbol belongs to the launch (dimensions, scalars), to a block (block indices), or to a thread (thread indices,
 *   loop counters, values read from memory). A query about two threads renames those of the second thread, and those of
 *   its block where the blocks differ.
 * - A fact holds in every model: it defines symbols (`t = c·q + r`) and assumes nothing of the kernel.
 * - A product of two unknowns is a symbol of its own; `products` says what it stands for. Queries add ground lemmas.
 */

import type { GhostFunction } from "../ir/kernel/expr.ts";
import type { Span } from "../support/span.ts";
import type { DataClause } from "./data-clause.ts";
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

/** `dividend = divisor · quotient + remainder`, as `divide` has named it. */
export interface Division {
  readonly quotient: string;
  readonly remainder: string;
  readonly dividend: Term;
  readonly divisor: Term;
}

/** The element of an integer input that a symbol names. */
export interface InputElement {
  readonly symbol: string;
  readonly tensor: string;
  readonly index: readonly Term[];
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
  readonly divisions: Division[];
  readonly elements: InputElement[];
  /** Conditions on the contents of inputs; queries assume them at the elements that they mention. */
  readonly data: DataClause[];
  /** Where an assumption comes from, by its printed term. */
  readonly origins: Map<string, Origin>;
  /** Definitions made so far, by the text of what they define: the same division is divided once. */
  readonly memo: Map<string, Term>;
}

/** `requires`, `size limit`, `branch condition`…, with its place in the source where it has one. */
export interface Origin {
  readonly origin: string;
  readonly span?: Span;
}

export function newScope(): Scope {
  return {
    symbols: new Map(),
    functions: new Map(),
    facts: [],
    products: [],
    divisions: [],
    elements: [],
    data: [],
    origins: new Map(),
    memo: new Map(),
  };
}

/** Notes where a term comes from, and returns it. The first origin of a term is the one that counts. */
export function from(scope: Scope, origin: string, term: Term, span?: Span): Term {
  const key = printTerm(term);
  if (!scope.origins.has(key)) scope.origins.set(key, { origin, ...(span && { span }) });
  return term;
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

/** `left · right`: linear where one side is a numeral, a sum where one has a constant part, else a named product. */
export function multiply(scope: Scope, left: Term, right: Term): Term {
  const [a, b] = [numeralValue(left), numeralValue(right)];
  if (a !== undefined) return scale(a, right);
  if (b !== undefined) return scale(b, left);
  const distributed = distribute(scope, left, right) ?? distribute(scope, right, left);
  if (distributed !== undefined) return distributed;
  const [first, second] = [printTerm(left), printTerm(right)].sort();
  const key = `${first} * ${second}`;
  const known = scope.memo.get(key);
  if (known !== undefined) return known;
  const symbol = fresh(scope, "product", "Int", ownerOf(scope, left, right));
  scope.memo.set(key, symbol);
  scope.products.push({ symbol: printTerm(symbol), left, right });
  return symbol;
}

/** `(x ± constant) · factor` as `x·factor ± constant·factor`, so that products of neighbours share a product. */
function distribute(scope: Scope, sum: Term, factor: Term): Term | undefined {
  if (typeof sum === "string") return undefined;
  const [op, first, second, ...more] = sum;
  if (first === undefined || second === undefined || more.length > 0 || (op !== "+" && op !== "-")) return undefined;
  if (numeralValue(first) === undefined && numeralValue(second) === undefined) return undefined;
  const [left, right] = [multiply(scope, first, factor), multiply(scope, second, factor)];
  return add(left, op === "+" ? right : scale(-1n, right));
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
  scope.divisions.push({ quotient: printTerm(quotient), remainder: printTerm(remainder), dividend, divisor });
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

/** An element of an integer input tensor as a bare term, for specifications: no fact is known of it. */
export function inputApplication(scope: Scope, tensor: string, index: readonly Term[]): Term {
  const name = `input.${tensor}`;
  scope.functions.set(name, { name, tensor, arity: index.length });
  return index.length === 0 ? name : [name, ...index];
}

/** A ghost function of an integer input's contents; queries add the lemmas of `instances.ts`. */
export function ghostTerm(scope: Scope, fn: GhostFunction, tensor: string, args: readonly Term[]): Term {
  const name = `${fn}.${tensor}`;
  scope.functions.set(name, { name, tensor, arity: args.length });
  // The lemmas of `below` speak of the elements themselves, and of one that is, or is not, below the value.
  const others = fn === "below" ? [`occurrences.${tensor}`, ...BELOW_WITNESSES.map((kind) => `${kind}.${tensor}`)] : [];
  for (const other of others) scope.functions.set(other, { name: other, tensor, arity: args.length });
  if (fn === "below") inputApplication(scope, tensor, ["0"]);
  // That of a place speaks of the element there, and of those before it.
  if (fn === "nth-occurrence") {
    const count = `occurrences.${tensor}`;
    scope.functions.set(count, { name: count, tensor, arity: 2 });
    inputApplication(scope, tensor, ["0"]);
  }
  return [name, ...args];
}

/** Where an element below a value is, and one that is not: see the lemmas of `instances.ts`. */
export const BELOW_WITNESSES = ["smaller", "not-smaller"] as const;

/** An element of an integer input tensor: the same index gives the same value to every thread. */
export function inputElement(
  scope: Scope,
  tensor: string,
  index: readonly Term[],
  range: { readonly min: bigint; readonly max: bigint },
): Term {
  const application = inputApplication(scope, tensor, index);
  const key = `element ${printTerm(application)}`;
  const known = scope.memo.get(key);
  if (known !== undefined) return known;
  // The element gets a name, so that a witness can show it and the fact can be found by it.
  const symbol = fresh(scope, `element.${tensor}`, "Int", ownerOf(scope, ...index));
  scope.memo.set(key, symbol);
  scope.elements.push({ symbol: printTerm(symbol), tensor, index });
  scope.facts.push({
    defines: [printTerm(symbol)],
    term: and(eq(symbol, application), le(numeral(range.min), symbol), le(symbol, numeral(range.max))),
  });
  return symbol;
}
