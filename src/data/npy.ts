/**
 * NumPy's `.npy` format, versions 1.0 to 3.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html):
 * one array of numbers in a file.
 *
 *   "\x93NUMPY" │ major, minor │ length of the header: u16 (1.0) or u32 │ header │ elements
 *   header: {'descr': '<f4', 'fortran_order': False, 'shape': (8034, 96), }
 *
 * Taken are floats and integers of 4 and 8 bytes, little-endian, in C order.
 */

import { readFileSync } from "node:fs";
import { error } from "../support/diagnostic.ts";
import { systemErrorCode } from "../support/durable.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { fileSpan } from "./source-file.ts";

export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array | Int32Array | BigInt64Array;
}

const MAGIC = Buffer.from("\x93NUMPY", "latin1");

const ELEMENTS = {
  "<f4": Float32Array,
  "<f8": Float64Array,
  "<i4": Int32Array,
  "<i8": BigInt64Array,
} as const;
type Descr = keyof typeof ELEMENTS;

/**
 * Reads a file. TK565: it cannot be read; TK566: it is no `.npy` file; TK567: its header is malformed; TK568: its elements
 * are of another kind or order than is taken; TK569: it is cut short, or has bytes too many.
 */
export function readNpy(path: string): Result<NpyArray> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    return refuse(
      error("TK565", fileSpan(path), `the file cannot be read: ${systemErrorCode(cause)}`, "check the path"),
    );
  }
  const no = (code: string, message: string, fix: string) => refuse(error(code, fileSpan(path), message, fix));
  const notNpy = "write it with numpy.save";
  if (!bytes.subarray(0, 6).equals(MAGIC)) return no("TK566", "this is no .npy file", notNpy);
  const [major = 0, minor = 0] = bytes.subarray(6, 8);
  if (major < 1 || major > 3 || minor !== 0)
    return no("TK566", `this is .npy ${major}.${minor}, not 1.0 to 3.0`, notNpy);
  const wide = major > 1;
  const begin = wide ? 12 : 10;
  if (bytes.length < begin) return no("TK569", `the file ends after ${bytes.length} bytes`, "get it again");
  const length = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const start = begin + length;
  if (bytes.length < start) return no("TK569", "the file ends within its header", "get it again");
  const header = parseHeader(bytes.subarray(begin, start).toString(major === 3 ? "utf8" : "latin1"));
  if (header === undefined) return no("TK567", "the header is not one that numpy.save writes", notNpy);
  const { descr, fortran, shape } = header;
  if (!isDescr(descr)) {
    const fix = `save x.astype("<f4"), or "<i4" for classes`;
    return no(
      "TK568",
      `the elements are ${JSON.stringify(descr)}, not one of ${Object.keys(ELEMENTS).join(", ")}`,
      fix,
    );
  }
  if (fortran && shape.length > 1)
    return no("TK568", "the array is in Fortran order", "save numpy.ascontiguousarray(x)");
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const size = ELEMENTS[descr].BYTES_PER_ELEMENT;
  const data = bytes.length - start;
  if (!Number.isSafeInteger(elements * size) || data !== elements * size) {
    const message = `the file has ${data} bytes of data, and ${descr} [${shape.join(", ")}] takes ${elements * size}`;
    return no("TK569", message, "get it again");
  }
  // A copy, so that the elements are aligned.
  const copy = new ArrayBuffer(data);
  bytes.copy(new Uint8Array(copy), 0, start);
  return ok({ shape, values: new ELEMENTS[descr](copy) });
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** The dictionary that `numpy.save` writes, whose keys may stand in any order; `undefined` for anything else. */
function parseHeader(text: string): Header | undefined {
  const dictionary = /^\{(.*)\}\s*$/s.exec(text)?.[1];
  if (dictionary === undefined) return undefined;
  const entry = /\s*'(descr|fortran_order|shape)':\s*('[^']*'|True|False|\([\d,\s]*\))\s*(?:,|$)/y;
  const found = new Map<string, string>();
  while (dictionary.slice(entry.lastIndex).trim() !== "") {
    const [, key, value] = entry.exec(dictionary) ?? [];
    if (key === undefined || value === undefined || found.has(key)) return undefined;
    found.set(key, value);
  }
  const [descr, fortran, shape] = [found.get("descr"), found.get("fortran_order"), found.get("shape")];
  if (!descr?.startsWith("'") || !shape?.startsWith("(") || (fortran !== "True" && fortran !== "False"))
    return undefined;
  const extents = shape
    .slice(1, -1)
    .split(",")
    .map((extent) => extent.trim());
  if (extents.at(-1) === "") extents.pop();
  if (!extents.every((extent) => /^\d{1,15}$/.test(extent))) return undefined;
  return { descr: descr.slice(1, -1), fortran: fortran === "True", shape: extents.map(Number) };
}

function isDescr(text: string): text is Descr {
  return Object.hasOwn(ELEMENTS, text);
}
