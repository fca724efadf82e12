/**
 * The safetensors format (https://github.com/huggingface/safetensors): tensors by name in one file.
 *
 *   length of the header, 8 bytes, little-endian │ header, JSON │ data
 *   header: { "__metadata__": { text: text }, name: { "dtype", "shape", "data_offsets": [begin, end] } }
 *
 * Offsets count from the start of the data, elements are little-endian and row-major. The data of the tensors fill it
 * without holes or overlaps. In: a file. Out: every tensor in the order of its data, or why the file is none; nothing of
 * a file that breaks a rule is returned.
 */

import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { z } from "zod";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import { systemErrorCode } from "../support/durable.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";
import { readJsonSource } from "./json-source.ts";
import { fileSpan } from "./source-file.ts";

/** Bytes of an element. */
const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

/** What a tensor must be, or is. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

export interface StoredTensor extends TensorSpec {
  /** Its elements, little-endian and row-major. */
  readonly bytes: Uint8Array;
}

export interface Safetensors {
  /** In the order of their data in the file; tensors without elements at the same place are in the order of the header. */
  readonly tensors: readonly StoredTensor[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
/** A header's deepest part is a number in a list in a tensor in the header. */
const MAX_DEPTH = 3;
const METADATA = "__metadata__";

const size = z.int().nonnegative();
const entry = z.strictObject({ dtype: z.string(), shape: z.array(size), data_offsets: z.tuple([size, size]) });
const metadataEntry = z.record(z.string(), z.string());

/** An f32 tensor of these values, which are not copied where the machine is little-endian. */
export function f32Tensor(name: string, shape: readonly number[], values: Float32Array): StoredTensor {
  requireLittleEndian();
  return { name, dtype: "F32", shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** The values of an f32 tensor; TK574 where it is of another dtype. */
export function f32Values(tensor: StoredTensor, file: string): Result<Float32Array> {
  requireLittleEndian();
  if (tensor.dtype !== "F32")
    return refuse(
      error("TK574", fileSpan(file), `${quote(tensor.name)} is ${tensor.dtype} and must be F32`, "convert it to F32"),
    );
  const { buffer, byteOffset, byteLength } = tensor.bytes;
  return ok(
    byteOffset % 4 === 0
      ? new Float32Array(buffer, byteOffset, byteLength / 4)
      : new Float32Array(tensor.bytes.slice().buffer),
  );
}

/**
 * A file of these tensors as pieces to be written one after the other: the header, then each tensor's bytes.
 * Throws `InternalError` where a name occurs twice or is `__metadata__`, or the bytes are not those of the shape.
 */
export function encodeSafetensors(
  tensors: readonly StoredTensor[],
  metadata: ReadonlyMap<string, string>,
): readonly Uint8Array[] {
  // A map, since an object would put names that are numbers first.
  const parts = new Map<string, unknown>();
  if (metadata.size > 0) parts.set(METADATA, Object.fromEntries(metadata));
  let begin = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    if (name === METADATA || parts.has(name))
      throw new InternalError(`the tensor name ${quote(name)} cannot be stored`);
    if (byteLength({ dtype, shape }) !== bytes.byteLength)
      throw new InternalError(
        `${quote(name)} has ${bytes.byteLength} bytes, which is not ${dtype} ${showShape(shape)}`,
      );
    const end = begin + bytes.byteLength;
    parts.set(name, { dtype, shape, data_offsets: [begin, end] });
    begin = end;
  }
  const text = [...parts].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  const json = Buffer.from(`{${text}}`, "utf8");
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) throw new InternalError(`a header of ${length} bytes cannot be stored`);
  const head = Buffer.alloc(8 + length, " ");
  head.writeBigUInt64LE(BigInt(length), 0);
  json.copy(head, 8);
  return [head, ...tensors.map(({ bytes }) => bytes)];
}

/**
 * Reads a file. TK570: it cannot be read; TK571: it is cut short, or its header's length is wrong; TK572: the header is
 * malformed; TK573: data overlap, leave a hole or lie outside the file; TK574: unknown dtype; TK575: a tensor's length
 * is not that of its shape.
 */
export function readSafetensors(path: string): Result<Safetensors> {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    const reason = systemErrorCode(cause);
    return refuse(error("TK570", fileSpan(path), `the file cannot be read: ${reason}`, "check the path"));
  }
  try {
    return readOpen(file, path);
  } catch (cause) {
    const reason = systemErrorCode(cause);
    return refuse(error("TK570", fileSpan(path), `the file cannot be read: ${reason}`, "check the path and the disk"));
  } finally {
    closeSync(file);
  }
}

/** TK576: the tensors that are missing, not asked for, of another dtype or of another shape; empty where all agree. */
export function compareTensors(
  expected: readonly TensorSpec[],
  actual: readonly TensorSpec[],
  file: string,
): readonly Diagnostic[] {
  const found = new Map(actual.map((tensor) => [tensor.name, tensor]));
  const wanted = new Set(expected.map(({ name }) => name));
  const fault = (message: string): Diagnostic =>
    error("TK576", fileSpan(file), message, "give the weights of the same model and size");
  const faults = expected.flatMap((want) => {
    const have = found.get(want.name);
    const type = `${want.dtype} ${showShape(want.shape)}`;
    if (have === undefined) return [fault(`${quote(want.name)} is missing; it must be ${type}`)];
    const actualType = `${have.dtype} ${showShape(have.shape)}`;
    return actualType === type ? [] : [fault(`${quote(want.name)} is ${actualType} and must be ${type}`)];
  });
  const extra = actual.filter(({ name }) => !wanted.has(name));
  return [...faults, ...extra.map(({ name }) => fault(`${quote(name)} is no tensor of the model`))];
}

function readOpen(file: number, path: string): Result<Safetensors> {
  const no = (code: string, message: string) =>
    refuse(error(code, fileSpan(path), message, "the file is damaged or no safetensors file: get it again"));
  const stat = fstatSync(file);
  if (!stat.isFile()) return no("TK570", "it is no regular file");
  const prefix = readAt(file, 0, Math.min(8, stat.size));
  if (prefix === undefined || prefix.length < 8) return no("TK571", `the file ends after ${stat.size} of 8 bytes`);
  const length = prefix.readBigUInt64LE(0);
  if (length > BigInt(MAX_HEADER_BYTES)) return no("TK571", `the header would be ${length} bytes, more than 100 MB`);
  const start = 8 + Number(length);
  if (start > stat.size)
    return no("TK571", `the header would be ${length} bytes, and the file has ${stat.size - 8} more`);
  const bytes = readAt(file, 8, Number(length));
  if (bytes === undefined) return no("TK571", "the file ends within its header");
  const header = parseHeader(bytes);
  if (typeof header === "string") return no("TK572", header);

  const { metadata, entries } = header;
  const specs: { readonly spec: TensorSpec; readonly begin: number; readonly end: number }[] = [];
  for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
    if (!isDtype(dtype)) return no("TK574", `${quote(name)} has the unknown dtype ${quote(dtype)}`);
    const [begin, end] = offsets;
    const expected = byteLength({ dtype, shape });
    if (end < begin) return no("TK573", `${quote(name)} ends at ${end}, before its begin at ${begin}`);
    if (end > stat.size - start)
      return no("TK573", `${quote(name)} ends at ${end}, and the file has ${stat.size - start} bytes of data`);
    if (expected !== end - begin)
      return no(
        "TK575",
        `${quote(name)} has ${end - begin} bytes, and ${dtype} ${showShape(shape)} takes ${expected ?? "too many"}`,
      );
    specs.push({ spec: { name, dtype, shape }, begin, end });
  }
  specs.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { spec, begin, end } of specs) {
    if (begin < at) return no("TK573", `${quote(spec.name)} begins at ${begin}, within the tensor before it`);
    if (begin > at) return no("TK573", `nothing is at ${at} to ${begin}, before ${quote(spec.name)}`);
    at = end;
  }
  if (start + at !== stat.size) return no("TK573", `${stat.size - start - at} bytes follow the last tensor`);

  const tensors: StoredTensor[] = [];
  for (const { spec, begin, end } of specs) {
    const data = readAt(file, start + begin, end - begin);
    if (data === undefined) return no("TK571", `the file ends within ${quote(spec.name)}`);
    tensors.push({ ...spec, bytes: data });
  }
  return ok({ tensors, metadata });
}

interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: readonly (readonly [string, z.infer<typeof entry>])[];
}

/** The header's parts, or what is wrong with it. */
function parseHeader(bytes: Buffer): Header | string {
  if (!isUtf8(bytes)) return "the header is not UTF-8";
  const text = bytes.toString("utf8");
  if (!text.startsWith("{")) return "the header does not begin with {";
  if (isDeeper(text, MAX_DEPTH)) return "the header is nested deeper than a tensor's description";
  const source = readJsonSource(text);
  if (!source.ok) return `the header is not JSON at character ${source.offset}: expected ${source.expected}`;
  const metadata = new Map<string, string>();
  const entries: [string, z.infer<typeof entry>][] = [];
  for (const [name, value] of Object.entries(z.record(z.string(), z.unknown()).parse(source.value))) {
    if (name === METADATA) {
      const parsed = metadataEntry.safeParse(value);
      if (!parsed.success) return `${METADATA} must hold texts only`;
      for (const [key, item] of Object.entries(parsed.data)) metadata.set(key, item);
      continue;
    }
    const parsed = entry.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return `${quote(name)}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "malformed"}`;
    }
    entries.push([name, parsed.data]);
  }
  return { metadata, entries };
}

/** Whether brackets outside texts nest deeper than `limit`; the reader of JSON goes as deep as they do. */
function isDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/gs)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    if (depth > limit) return true;
  }
  return false;
}

/** `undefined` where the file ends before. */
function readAt(file: number, position: number, length: number): Buffer | undefined {
  // Memory of its own: a piece of Node's pool need not be aligned.
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let read = 0; read < length; ) {
    const count = readSync(file, bytes, read, Math.min(length - read, 2 ** 30), position + read);
    if (count === 0) return undefined;
    read += count;
  }
  return bytes;
}

/** `undefined` where it is no safe integer. */
function byteLength({ dtype, shape }: Pick<TensorSpec, "dtype" | "shape">): number | undefined {
  const bytes = shape.reduce((product, extent) => product * BigInt(extent), BigInt(DTYPE_BYTES[dtype]));
  return bytes <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bytes) : undefined;
}

function isDtype(text: string): text is Dtype {
  return Object.hasOwn(DTYPE_BYTES, text);
}

function requireLittleEndian(): void {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1) throw new InternalError("the machine is not little-endian");
}

function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
