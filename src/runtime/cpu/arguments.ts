/**
 * The arguments of a call: what the caller gives → the values of the struct that the launcher takes.
 *
 * The launcher checks what C can see. What it cannot see is checked here: that every name that the function has is given
 * and no other, and that a value survives the conversion to its C type. A name too many or too few is a `TypeError`, a
 * value that does not fit a `LaunchError`; both name the function, the argument and what to pass.
 */

import { InternalError } from "../../support/result.ts";
import type { Abi, AbiField, AbiFunction } from "../abi.ts";

/** Row-major; a `Uint16Array` holds the bits of f16 or of bf16, whichever the parameter has. */
export type TensorData = Float32Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array;

export interface CallArguments {
  /** Row-major, one per tensor parameter; outputs are written in place. */
  readonly tensors: Readonly<Record<string, TensorData>>;
  readonly dims: Readonly<Record<string, number | bigint>>;
  readonly scalars?: Readonly<Record<string, number | bigint>>;
}

/** A condition of a kernel's or program's contract that a call breaks; nothing was computed. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
  /** The C name of the status, such as `TOK_BYTES`. */
  readonly status: string;

  constructor(status: string, message: string) {
    super(message);
    this.status = status;
  }
}

const GROUPS = { tensor: "tensors", dim: "dims", scalar: "scalars" } as const;
type Kind = keyof typeof GROUPS;

const WHAT: Readonly<Record<Kind, string>> = { tensor: "tensor", dim: "dimension", scalar: "scalar" };

/** The struct's fields in order, each with the value that koffi writes. */
export function packArguments(
  description: AbiFunction,
  abi: Abi,
  args: CallArguments,
  workspace: Uint8Array | undefined,
): Readonly<Record<string, unknown>> {
  checkNames(description, "tensor", args.tensors);
  checkNames(description, "dim", args.dims);
  checkNames(description, "scalar", args.scalars ?? {});
  return Object.fromEntries(
    description.fields.map((field) => [field.field, packField(description, field, abi, args, workspace)]),
  );
}

/**
 * The struct itself, as it lies in memory: fields of 8 bytes each, of a tensor three. `addressOf` is that of data with elements; who
 * calls keeps the data alive.
 */
export function packStruct(
  description: AbiFunction,
  packed: Readonly<Record<string, unknown>>,
  addressOf: (data: ArrayBufferView) => bigint,
): BigUint64Array {
  const { fields } = description;
  const words = new BigUint64Array(fields.reduce((count, { kind }) => count + (isMemory(kind) ? 3 : 1), 0));
  const doubles = new Float64Array(words.buffer);
  let at = 0;
  for (const { field } of fields) {
    const value = packed[field];
    if (typeof value === "bigint") words[at++] = BigInt.asUintN(64, value);
    else if (typeof value === "number") doubles[at++] = value;
    else {
      const { data, bytes, dtype } = value as { data: ArrayBufferView | null; bytes: number; dtype: number };
      words[at++] = data === null || data === undefined ? 0n : addressOf(data);
      words[at++] = BigInt(bytes);
      words[at++] = BigInt(dtype);
    }
  }
  return words;
}

function isMemory(kind: AbiField["kind"]): boolean {
  return kind === "tensor" || kind === "workspace";
}

/** The values of the dimensions alone, in the order of the description. */
export function packDims({ name, dims = [] }: AbiFunction, given: CallArguments["dims"]): readonly bigint[] {
  checkGiven(name, "dim", dims, given);
  return dims.map((dim) => integer(name, "dim", dim, given[dim]));
}

function packField(
  { name: call }: AbiFunction,
  { name, kind, element }: AbiField,
  abi: Abi,
  args: CallArguments,
  workspace: Uint8Array | undefined,
): unknown {
  switch (kind) {
    case "tensor":
      return packTensor(call, name, element, abi, args.tensors[name]);
    case "workspace":
      return { data: workspace?.length === 0 ? null : workspace, bytes: workspace?.length ?? 0, dtype: 0 };
    case "dim":
      return integer(call, kind, name, args.dims[name]);
    case "scalar": {
      const value: unknown = args.scalars?.[name];
      if (element !== "f32") return integer(call, kind, name, value);
      if (typeof value === "number" || typeof value === "bigint") return Number(value);
      throw new TypeError(`${call}: the scalar ${name} is ${describe(value)}; pass a number`);
    }
    default:
      kind satisfies never;
      throw new InternalError("unknown field");
  }
}

function packTensor(call: string, name: string, wanted: AbiField["element"], abi: Abi, data: unknown): unknown {
  const element = elementOf(data, wanted);
  if (element === undefined || !ArrayBuffer.isView(data)) {
    const types = "a Float32Array, Uint16Array (bits of f16 or bf16), Int32Array, Uint32Array or BigInt64Array";
    throw new TypeError(`${call}: the tensor ${name} is ${describe(data)}; pass ${types}`);
  }
  return { data: data.byteLength === 0 ? null : data, bytes: data.byteLength, dtype: abi.dtypes[element] };
}

/** Nothing but the parameter tells the bits of one half format from those of the other. */
function elementOf(data: unknown, wanted: AbiField["element"]): keyof Abi["dtypes"] | undefined {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Uint16Array) return wanted === "bf16" ? "bf16" : "f16";
  if (data instanceof Int32Array) return "i32";
  if (data instanceof Uint32Array) return "u32";
  return data instanceof BigInt64Array ? "i64" : undefined;
}

const STATUS = { dim: "TOK_DIM", scalar: "TOK_SCALAR" } as const;

/** A 64-bit integer; the launcher checks narrower limits. */
function integer(call: string, kind: "dim" | "scalar", name: string, value: unknown): bigint {
  const what = `${call}: the ${WHAT[kind]} ${name} is ${describe(value)}`;
  if (typeof value !== "number" && typeof value !== "bigint") throw new TypeError(`${what}; pass an integer`);
  if (typeof value === "number" && !Number.isInteger(value)) {
    throw new LaunchError(STATUS[kind], `${what}, expected an integer`);
  }
  const exact = BigInt(value);
  if (exact !== BigInt.asIntN(64, exact)) throw new LaunchError(STATUS[kind], `${what}, expected a 64-bit integer`);
  return exact;
}

function describe(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? `of type ${value.constructor.name}` : `of type ${typeof value}`;
}

function checkNames({ name: call, fields }: AbiFunction, kind: Kind, given: Readonly<Record<string, unknown>>): void {
  checkGiven(
    call,
    kind,
    fields.filter((field) => field.kind === kind).map(({ name }) => name),
    given,
  );
}

/** Every name of the function is given, and nothing else is. */
function checkGiven(
  call: string,
  kind: Kind,
  names: readonly string[],
  given: Readonly<Record<string, unknown>>,
): void {
  const known = Object.keys(given);
  if (known.length === names.length && names.every((name) => Object.hasOwn(given, name))) return;
  const list = names.length === 0 ? `no ${WHAT[kind]}s` : names.join(", ");
  for (const name of known) {
    if (names.includes(name)) continue;
    const meant = nearest(
      name,
      names.filter((candidate) => !known.includes(candidate)),
    );
    const fix = meant === undefined ? `it takes ${list}` : `did you mean ${meant}?`;
    throw new TypeError(`${call} has no ${WHAT[kind]} ${name}; ${fix}`);
  }
  const missing = names.find((name) => !known.includes(name));
  if (missing === undefined) return;
  throw new TypeError(`${call}: the ${WHAT[kind]} ${missing} is missing; pass ${GROUPS[kind]}.${missing}`);
}

/** The one of the names that differs least, where that is by no more than half of it. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const scored = names
    .map((candidate) => ({ candidate, distance: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance: d }) => d <= Math.max(candidate.length, name.length) / 2)
    .sort((a, b) => a.distance - b.distance);
  return scored[0]?.candidate;
}

/** How many letters to insert, delete or replace (Levenshtein 1966). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
