/**
 * Dimensions that are computed from a name: `2*B` assignments of two experts to each of B rows, `E+1` ends of E groups.
 *
 *   Dim ::= integer | [integer *] name [+ integer]
 *
 * A dimension has one spelling, without blanks, a factor of 1 or an addend of 0, so that equal texts are equal sizes.
 */

import { InternalError } from "../../support/result.ts";
import type { Dim } from "./types.ts";

/** factor·name + addend, with factor ≥ 1 and addend ≥ 0. */
interface NamedDim {
  readonly factor: number;
  readonly name: string;
  readonly addend: number;
}

const NAMED = /^(?:([1-9][0-9]*)\*)?([A-Za-z_][A-Za-z0-9_]*)(?:\+([1-9][0-9]*))?$/;

/** Whether it is a size from 0, or in the one spelling of a size that is computed from a name. */
export function isDim(dim: Dim): boolean {
  if (typeof dim === "number") return Number.isSafeInteger(dim) && dim >= 0;
  const named = parse(dim);
  return named !== undefined && spell(named) === dim;
}

/** The name that the size is computed from; `undefined` for an integer. */
export function nameOfDim(dim: Dim): string | undefined {
  return typeof dim === "number" ? undefined : parsed(dim).name;
}

/** factor·dim, for an integer factor ≥ 0. */
export function scaledDim(factor: number, dim: Dim): Dim {
  if (typeof dim === "number") return factor * dim;
  if (factor === 0) return 0;
  const named = parsed(dim);
  return spell({ factor: factor * named.factor, name: named.name, addend: factor * named.addend });
}

/** dim + 1 */
export function nextDim(dim: Dim): Dim {
  if (typeof dim === "number") return dim + 1;
  const named = parsed(dim);
  return spell({ ...named, addend: named.addend + 1 });
}

/** dim − 1; `undefined` where nothing says that the size is 1 or more. */
export function previousDim(dim: Dim): Dim | undefined {
  if (typeof dim === "number") return dim >= 1 ? dim - 1 : undefined;
  const named = parsed(dim);
  return named.addend >= 1 ? spell({ ...named, addend: named.addend - 1 }) : undefined;
}

/** A dimension in another arithmetic; operations that change nothing are left out. */
export function foldDim<T>(
  dim: Dim,
  {
    integer,
    named,
    add,
    multiply,
  }: {
    readonly integer: (value: number) => T;
    readonly named: (name: string) => T;
    readonly add: (a: T, b: T) => T;
    readonly multiply: (a: T, b: T) => T;
  },
): T {
  if (typeof dim === "number") return integer(dim);
  const { factor, name, addend } = parsed(dim);
  const scaled = factor === 1 ? named(name) : multiply(integer(factor), named(name));
  return addend === 0 ? scaled : add(scaled, integer(addend));
}

/** The size where the names are bound; `undefined` where one is not. */
export function sizeOfDim(dim: Dim, sizes: Readonly<Record<string, number>>): number | undefined {
  const size = foldDim(dim, {
    integer: (value) => value,
    named: (name) => sizes[name] ?? Number.NaN,
    add: (a, b) => a + b,
    multiply: (a, b) => a * b,
  });
  return Number.isNaN(size) ? undefined : size;
}

function parse(dim: string): NamedDim | undefined {
  const [, factor, name, addend] = NAMED.exec(dim) ?? [];
  if (name === undefined) return undefined;
  const found = { factor: Number(factor ?? 1), name, addend: Number(addend ?? 0) };
  return Number.isSafeInteger(found.factor) && Number.isSafeInteger(found.addend) ? found : undefined;
}

function parsed(dim: string): NamedDim {
  const found = parse(dim);
  if (found === undefined) throw new InternalError(`${JSON.stringify(dim)} is no dimension`);
  return found;
}

function spell({ factor, name, addend }: NamedDim): string {
  return `${factor === 1 ? "" : `${factor}*`}${name}${addend === 0 ? "" : `+${addend}`}`;
}
