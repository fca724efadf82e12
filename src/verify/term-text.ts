/**
 * Terms as people read them: an SMT term in, infix text with the names of the source out.
 *
 *   (< (+ (* 16 block.x) thread.x) dim.B)   →   block.x * 16 + thread.x < B
 *
 * - What a symbol stands for is shown in its place: a product, a quotient (`div`), a remainder (`mod`), an element of an
 *   integer input. A symbol of another thread than the first has that thread's mark: `thread.x'`.
 * - A negated comparison is the opposite comparison; powers of two from 2^16 on are written as powers.
 * - Text is for reading: it is never parsed, and no proof rests on it.
 */

import { GHOST_NAMES } from "../ir/kernel/print.ts";
import type { Scope } from "./scope.ts";
import { numeralValue, rename, type Term } from "./term.ts";

/** JavaScript's precedence levels, and an implication below them all. */
const LEVEL = {
  implies: 0,
  select: 1,
  or: 2,
  and: 3,
  equality: 4,
  relation: 5,
  sum: 6,
  product: 7,
  unary: 8,
  power: 9,
  atom: 10,
} as const;

type Printed = readonly [text: string, level: number];

const OPPOSITE: Readonly<Record<string, string>> = { "=": "!==", "<": ">=", "<=": ">", ">": "<=", ">=": "<" };
const FIRST_POWER = 16n;

/** Prints terms of one scope. */
export function termText(scope: Scope, term: Term): string {
  return printerOf(scope)(term);
}

/** As `termText`, for many terms; `declared` are the symbols of their query, which tell what the threads share. */
export function printerOf(scope: Scope, declared?: ReadonlySet<string>): (term: Term) => string {
  const meanings = meaningsOf(scope);
  const displays = new Map([...scope.symbols.values()].map(({ name, display }) => [name, display]));

  const at = (term: Term, level: number): string => {
    const [text, own] = print(term);
    return own < level ? `(${text})` : text;
  };
  const list = (terms: readonly Term[]): string => terms.map((term) => at(term, LEVEL.select)).join(", ");
  const join = (terms: readonly Term[], op: string, level: number): Printed => [
    terms.map((term, position) => at(term, position === 0 ? level : level + 1)).join(` ${op} `),
    level,
  ];

  // Within what a symbol of another thread stands for, the parts that each thread has of its own are that thread's.
  const ofThread = (part: string, thread: string): string => {
    const marked = `${part}!${thread}`;
    const owner = scope.symbols.get(part)?.owner;
    const own = declared === undefined ? owner === "thread" || owner === "block" : declared.has(marked);
    return own ? marked : part;
  };

  const atom = (name: string): Printed => {
    if (/^\d+$/.test(name)) return printNumber(BigInt(name));
    const [, symbol = name, thread = ""] = /^(.*?)(?:!([^!]*))?$/.exec(name) ?? [];
    const mark = markOf(thread);
    const meaning = meanings.get(symbol);
    if (meaning !== undefined) {
      return print(thread === "" ? meaning : rename(meaning, (part) => ofThread(part, thread)));
    }
    return [`${displays.get(symbol) ?? symbol}${mark}`, LEVEL.atom];
  };

  const print = (term: Term): Printed => {
    const value = numeralValue(term);
    if (value !== undefined) return printNumber(value);
    if (typeof term === "string") return atom(term);
    const [head, ...args] = term;
    if (typeof head !== "string") return [`(${term.map((part) => at(part, LEVEL.implies)).join(" ")})`, LEVEL.atom];
    const [first = "true", second = "true", third = "true"] = args;
    switch (head) {
      case "and":
        return join(args, "&&", LEVEL.and);
      case "or":
        return join(args, "||", LEVEL.or);
      case "=>":
        return [`${at(first, LEVEL.implies + 1)} => ${at(second, LEVEL.implies)}`, LEVEL.implies];
      case "not":
        return printNot(first);
      case "=":
        return join(args, "===", LEVEL.equality);
      case "<":
      case "<=":
      case ">":
      case ">=":
        return join(args, head, LEVEL.relation);
      case "+":
        return join(args, "+", LEVEL.sum);
      case "-":
        if (args.length === 1) return [`-${at(first, LEVEL.power)}`, LEVEL.unary];
        return join(args, "-", LEVEL.sum);
      case "*": {
        // A coefficient reads better behind what it multiplies: `block.x * 16`.
        const coefficient = numeralValue(first) !== undefined && numeralValue(second) === undefined;
        return join(coefficient && args.length === 2 ? [second, first] : args, "*", LEVEL.product);
      }
      case "ite":
        return [`${at(first, LEVEL.or)} ? ${at(second, LEVEL.select)} : ${at(third, LEVEL.select)}`, LEVEL.select];
      case "div":
      case "mod":
        return [`${head}(${list(args)})`, LEVEL.atom];
      default:
        return [printApplication(scope, head, args, list), LEVEL.atom];
    }
  };

  const printNot = (term: Term): Printed => {
    const [head, left, right] = typeof term === "string" ? [] : term;
    const opposite = typeof head === "string" && term.length === 3 ? OPPOSITE[head] : undefined;
    if (opposite === undefined || left === undefined || right === undefined) {
      return [`!${at(term, LEVEL.unary)}`, LEVEL.unary];
    }
    return join([left, right], opposite, opposite === "!==" ? LEVEL.equality : LEVEL.relation);
  };

  return (term) => at(term, LEVEL.implies);
}

/** What a symbol stands for, where that says more than its name. */
function meaningsOf({ products, divisions, elements }: Scope): ReadonlyMap<string, Term> {
  const meanings = new Map<string, Term>();
  for (const { symbol, left, right } of products) meanings.set(symbol, ["*", left, right]);
  for (const { quotient, remainder, dividend, divisor } of divisions) {
    meanings.set(quotient, ["div", dividend, divisor]);
    meanings.set(remainder, ["mod", dividend, divisor]);
  }
  for (const { symbol, tensor, index } of elements) meanings.set(symbol, [`input.${tensor}`, ...index]);
  return meanings;
}

/** `counts[i][j]`, `prefixSum(counts, i)`. */
function printApplication(
  scope: Scope,
  name: string,
  args: readonly Term[],
  list: (terms: readonly Term[]) => string,
): string {
  const info = scope.functions.get(name);
  if (info === undefined) return `${name}(${list(args)})`;
  const ghost = Object.entries(GHOST_NAMES).find(([kind]) => name === `${kind}.${info.tensor}`);
  if (ghost !== undefined)
    return `${ghost[1]}(${info.tensor}${args.map((argument) => `, ${list([argument])}`).join("")})`;
  return `${info.tensor}${args.map((argument) => `[${list([argument])}]`).join("")}`;
}

/** The second thread is marked by a prime; further ones by their name. */
function markOf(thread: string): string {
  if (thread === "") return "";
  return thread === "2" ? "'" : `'${thread}`;
}

/** `2**40`, `2**40 - 1`, else decimal digits. */
function printNumber(value: bigint): Printed {
  const sign = value < 0n ? "-" : "";
  const size = value < 0n ? -value : value;
  const power = exponentOf(size);
  if (power !== undefined) return sign === "" ? [`2**${power}`, LEVEL.power] : [`-(2**${power})`, LEVEL.unary];
  const next = exponentOf(size + 1n);
  if (next !== undefined && sign === "") return [`2**${next} - 1`, LEVEL.sum];
  return [`${sign}${size}`, sign === "" ? LEVEL.atom : LEVEL.unary];
}

function exponentOf(value: bigint): number | undefined {
  const digits = value.toString(2);
  return digits.length > Number(FIRST_POWER) && /^10*$/.test(digits) ? digits.length - 1 : undefined;
}
