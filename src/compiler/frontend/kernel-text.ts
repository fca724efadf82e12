/**
 * Kernels as text, for the cache of what was read: kernel IR → one line of JSON → the same kernel IR.
 *
 * - Expressions and statements are rows of tables, and are named by their row: a node that two places share is one node
 *   again when it is read back. A row names earlier rows only, so that no text describes a cycle. Spans that are equal are
 *   one row.
 * - A *codec* writes a value as JSON and reads it back; it takes nothing that is not exactly what it would have written.
 *   A record is the list of its fields' values, in the order of the codec's fields; of a union, its kind stands first.
 *   That is the order in which the front end makes the fields, so that a kernel's JSON does not tell the two apart.
 * - That the parts fit together (types, ranks, names) is not seen here: `checkKernel` tests it.
 */

import type { ScalarType } from "../../ir/kernel/elements.ts";
import type { ArrayRef, Expr } from "../../ir/kernel/expr.ts";
import { FRAGMENT_ROLES, MATRIX_UNITS } from "../../ir/kernel/matrix.ts";
import { SIMD_UNITS } from "../../ir/kernel/simd.ts";
import {
  BUDGETED,
  type Budget,
  type CoversClause,
  type DataCondition,
  type Kernel,
  type LocalArray,
  type Param,
  type Performance,
  type RegisterRow,
  type Segment,
  type Stmt,
  type Triple,
  type WhereClause,
} from "../../ir/kernel/types.ts";
import type { Span } from "../../support/span.ts";

/** The text is not one that `writeKernels` has written. */
class Misread extends Error {}

interface Codec<T> {
  write(value: T): unknown;
  /** Throws `Misread`. */
  read(json: unknown): T;
}

type Fields<T> = { readonly [P in keyof T]-?: Codec<T[P]> };
interface Kinded {
  readonly kind: string;
}
type Kinds<U extends Kinded> = { readonly [K in U["kind"]]: Fields<Omit<Extract<U, { readonly kind: K }>, "kind">> };

/** One line. */
export function writeKernels(kernels: readonly Kernel[]): string {
  const spans: unknown[] = [];
  const exprs: unknown[] = [];
  const stmts: unknown[] = [];
  const written = list(codecs({ spans, exprs, stmts })).write(kernels);
  return JSON.stringify([spans, exprs, stmts, written]);
}

/** The kernels, frozen; `undefined` for a text that no kernels have. */
export function parseKernels(text: string): readonly Kernel[] | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (!Array.isArray(json) || json.length !== 4) return undefined;
    const [spans, exprs, stmts, kernels] = json.map(rowsOf);
    if (spans === undefined || exprs === undefined || stmts === undefined) return undefined;
    return list(codecs({ spans, exprs, stmts })).read(kernels);
  } catch (cause) {
    if (cause instanceof Misread || cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function rowsOf(json: unknown): unknown[] {
  if (!Array.isArray(json)) throw new Misread();
  return json;
}

/** The codec of a kernel whose nodes are, or will be, rows of these tables. */
function codecs(rows: Readonly<Record<"spans" | "exprs" | "stmts", unknown[]>>): Codec<Kernel> {
  const span = table<Span>(
    rows.spans,
    () => record({ file: text, line: count, column: count, endLine: count, endColumn: count }),
    ({ file, line, column, endLine, endColumn }) => `${line} ${column} ${endLine} ${endColumn} ${file}`,
  );
  const arrayRef = record<ArrayRef>({ space: oneOf("global", "shared", "register"), name: text });
  const scalarType = oneOf<ScalarType>("f32", "int", "bool");
  const [int, f32, bool] = [oneOf("int"), oneOf("f32"), oneOf("bool")];

  const expr: Codec<Expr> = table<Expr>(rows.exprs, (self) =>
    union<Expr>({
      int: { type: int, value: whole, span },
      float: { type: f32, value: real, span },
      bool: { type: bool, value: flag, span },
      dim: { type: int, name: text, span },
      scalar: { type: scalarType, name: text, span },
      local: { type: scalarType, name: text, span },
      index: { type: int, of: oneOf("thread", "block"), axis: oneOf(0, 1, 2), span },
      neg: { type: oneOf("int", "f32"), value: self, span },
      not: { type: bool, value: self, span },
      "int-op": {
        type: int,
        op: oneOf("add", "sub", "mul", "div", "mod", "min", "max"),
        left: self,
        right: self,
        span,
      },
      "float-op": { type: f32, op: oneOf("add", "sub", "mul", "div"), left: self, right: self, span },
      compare: { type: bool, op: oneOf("lt", "le", "gt", "ge", "eq", "ne"), left: self, right: self, span },
      logic: { type: bool, op: oneOf("and", "or"), left: self, right: self, span },
      select: { type: scalarType, cond: self, then: self, else: self, span },
      call: {
        type: f32,
        fn: oneOf("exp", "log", "erf", "tanh", "sqrt", "abs", "min", "max", "fma"),
        args: list(self),
        span,
      },
      cast: { type: f32, value: self, span },
      round: { type: f32, to: oneOf("f16", "bf16"), value: self, random: optional(self), span },
      random: { type: int, args: list(self), span },
      load: { type: scalarType, array: arrayRef, index: list(self), span },
      ghost: {
        type: int,
        fn: oneOf("prefix-sum", "occurrences", "below", "nth-occurrence"),
        array: arrayRef,
        args: list(self),
        span,
      },
    }),
  );

  const row = record<RegisterRow>({ array: text, index: list(expr) });
  const stmt: Codec<Stmt> = table<Stmt>(rows.stmts, (self) =>
    union<Stmt>({
      let: { name: text, type: scalarType, mutable: flag, value: expr, span },
      assign: { name: text, type: scalarType, value: expr, span },
      store: { array: arrayRef, index: list(expr), value: expr, span },
      atomic: { op: oneOf("add", "min", "max"), array: arrayRef, index: list(expr), value: expr, span },
      vector: {
        direction: oneOf("load", "store"),
        registers: row,
        lanes: whole,
        array: arrayRef,
        index: list(expr),
        span,
      },
      fragment: { target: row, array: arrayRef, index: list(expr), span },
      mma: { accumulator: row, a: row, b: row, span },
      if: { cond: expr, then: list(self), else: list(self), span },
      for: {
        counter: text,
        lo: expr,
        hi: expr,
        step: whole,
        unroll: flag,
        invariants: list(expr),
        body: list(self),
        span,
      },
      steps: {
        counter: text,
        values: list(whole),
        update: record({ op: oneOf("mul", "div"), factor: whole }),
        body: list(self),
        span,
      },
      barrier: { scope: oneOf("block", "wave"), span },
    }),
  );

  const element = oneOf("f32", "f16", "bf16", "i32", "u32", "i64");
  const param = union<Param>({
    tensor: { name: text, role: oneOf("input", "output", "inout"), element, shape: list(expr), span },
    scalar: { name: text, element: oneOf("f32", "i32", "i64"), span },
  });
  const condition = record<DataCondition>({
    variables: list(record({ name: text, extent: expr })),
    condition: expr,
    span,
  });
  const covers = record<CoversClause>({
    array: text,
    variables: list(text),
    block: optional(list(expr)),
    thread: optional(list(expr)),
    counters: list(record({ name: text, value: expr })),
    span,
  });
  const array = record<LocalArray>({
    space: oneOf("shared", "register"),
    name: text,
    element: oneOf("f32", "f16", "bf16", "i32"),
    shape: list(whole),
    fragment: optional(oneOf(...FRAGMENT_ROLES)),
    span,
  });
  return record<Kernel>({
    name: text,
    doc: text,
    params: list(param),
    dims: list(text),
    requires: list(expr),
    dataRequires: list(condition),
    ensures: list(condition),
    covers: list(covers),
    arrays: list(array),
    body: list(stmt),
    span,
    grid: triple(expr),
    block: triple(whole),
    where: list(record<WhereClause>({ dim: text, value: expr, span })),
    computes: textOrNothing,
    indexWidth: oneOf("i32", "auto"),
    matrix: orNothing(oneOf(...MATRIX_UNITS)),
    simd: orNothing(oneOf(...SIMD_UNITS)),
    performance: orNothing(
      record<Performance>({
        coalesced: list(text),
        segments: list(record<Segment>({ tensor: text, bytes: whole })),
        conflictFree: list(text),
        span,
      }),
    ),
    budget: orNothing(
      record<Budget>({
        limits: list(record<Budget["limits"][number]>({ resource: oneOf(...BUDGETED), most: whole })),
        span,
      }),
    ),
  });
}

const text: Codec<string> = {
  write: (value) => value,
  read: (json) => (typeof json === "string" ? json : misread()),
};

function orNothing<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    write: (value) => (value === undefined ? null : codec.write(value)),
    read: (json) => (json === null ? undefined : codec.read(json)),
  };
}

const textOrNothing: Codec<string | undefined> = orNothing(text);

const flag: Codec<boolean> = {
  write: (value) => value,
  read: (json) => (typeof json === "boolean" ? json : misread()),
};

const count: Codec<number> = {
  write: (value) => value,
  read: (json) => (typeof json === "number" && Number.isSafeInteger(json) ? json : misread()),
};

/** In decimal digits, since JSON has no integers of any size. */
const whole: Codec<bigint> = {
  write: (value) => value.toString(),
  read: (json) => (typeof json === "string" && /^-?\d+$/.test(json) ? BigInt(json) : misread()),
};

/** As text, since JSON has neither infinities nor NaN nor −0. */
const real: Codec<number> = {
  write: (value) => (Object.is(value, -0) ? "-0" : String(value)),
  read: (json) => {
    const value = typeof json === "string" ? Number(json) : misread();
    return real.write(value) === json ? value : misread();
  },
};

function oneOf<T extends string | number>(...choices: readonly T[]): Codec<T> {
  return {
    write: (value) => value,
    read: (json) => choices.find((choice) => choice === json) ?? misread(),
  };
}

function list<T>(part: Codec<T>): Codec<readonly T[]> {
  return {
    write: (values) => values.map((value) => part.write(value)),
    read: (json) => (Array.isArray(json) ? Object.freeze(json.map((each: unknown) => part.read(each))) : misread()),
  };
}

function triple<T>(part: Codec<T>): Codec<Triple<T>> {
  return {
    write: (values) => values.map((value) => part.write(value)),
    read: (json) => {
      if (!Array.isArray(json) || json.length !== 3) return misread();
      const [x, y, z]: readonly unknown[] = json;
      return Object.freeze<Triple<T>>([part.read(x), part.read(y), part.read(z)]);
    },
  };
}

/** Stands for a field that an object does not have. */
const ABSENT = Symbol("absent");

/** A field that may be left out; only as part of a record. */
function optional<T>(part: Codec<T>): Codec<T>;
function optional(part: Codec<unknown>): Codec<unknown> {
  return {
    write: (value) => (value === undefined ? null : part.write(value)),
    read: (json) => (json === null ? ABSENT : part.read(json)),
  };
}

function record<T>(fields: Fields<T>): Codec<T>;
function record(fields: Readonly<Record<string, Codec<unknown>>>): Codec<Readonly<Record<string, unknown>>> {
  const parts = Object.entries(fields);
  return {
    write: (value) => parts.map(([name, codec]) => codec.write(value[name])),
    read: (json) => {
      if (!Array.isArray(json) || json.length !== parts.length) return misread();
      const read = parts.map(([name, codec], position) => [name, codec.read(json[position])] as const);
      return Object.freeze(Object.fromEntries(read.filter(([, value]) => value !== ABSENT)));
    },
  };
}

function union<U extends Kinded>(kinds: Kinds<U>): Codec<U>;
function union(kinds: Readonly<Record<string, Readonly<Record<string, Codec<unknown>>>>>): Codec<Kinded> {
  const byKind = new Map(
    Object.entries(kinds).map(([kind, fields]) => [kind, record<Kinded>({ kind: oneOf(kind), ...fields })]),
  );
  return {
    write: (value) => (byKind.get(value.kind) ?? misread()).write(value),
    read: (json) => {
      const kind: unknown = Array.isArray(json) ? json[0] : undefined;
      return ((typeof kind === "string" ? byKind.get(kind) : undefined) ?? misread()).read(json);
    },
  };
}

/**
 * Values that are rows of a table, and are written as the number of their row. Values of one `identity` are one row; by
 * default each object is its own. `codecOf` gets the codec of references to earlier rows.
 */
function table<T>(
  rows: unknown[],
  codecOf: (self: Codec<T>) => Codec<T>,
  identity: (value: T) => unknown = (value) => value,
): Codec<T> {
  const positions = new Map<unknown, number>();
  const reference: Codec<T> = {
    write: (value) => {
      const known = positions.get(identity(value));
      if (known !== undefined) return known;
      const row = codec.write(value);
      positions.set(identity(value), rows.push(row) - 1);
      return rows.length - 1;
    },
    read: (json) => (typeof json === "number" ? values[json] : undefined) ?? misread(),
  };
  const codec = codecOf(reference);
  // A row can refer to those that are read before it only. For writing there are no rows yet.
  const values: T[] = [];
  for (const row of rows) values.push(codec.read(row));
  return reference;
}

function misread(): never {
  throw new Misread();
}
