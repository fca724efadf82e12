/**
 * Files as bytes, and the places of bytes in them.
 *
 * In: a path. Out: the bytes of a UTF-8 file, or why it cannot be read; and byte ranges as spans. Lines end in LF or
 * CRLF and columns count UTF-16 units, as editors and the diagnostic renderer count. A byte-order mark has no column.
 */

import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import type { Span } from "../support/span.ts";

export interface SourceFile {
  readonly file: string;
  readonly bytes: Buffer;
  /** Number of bytes of the byte-order mark: 3 or 0. */
  readonly start: number;
}

/** The first column of the first line, for what concerns the whole file. */
export function fileSpan(file: string): Span {
  return { file, line: 1, column: 1, endLine: 1, endColumn: 1 };
}

/**
 * Reads a file that must be UTF-8.
 *
 * @param unreadable the code of the refusal when it cannot be read
 * @param notText the code of the refusal when it is not UTF-8
 */
export function readSourceFile(path: string, unreadable: string, notText: string): Result<SourceFile> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (failure) {
    const reason = systemReason(failure);
    if (reason === undefined) throw failure;
    return refuse(error(unreadable, fileSpan(path), `the file cannot be read: ${reason}`, "check the path"));
  }
  const start = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
  const source: SourceFile = { file: path, bytes, start };
  if (isUtf8(bytes)) return ok(source);
  const at = firstInvalidByte(bytes);
  const byte = (bytes[at] ?? 0).toString(16).padStart(2, "0");
  return refuse(
    error(notText, spanner(source)(at, at + 1), `the file is not UTF-8: byte 0x${byte}`, "save the file as UTF-8"),
  );
}

/** A function from half-open byte ranges to spans; it finds the lines once. */
export function spanner({ file, bytes, start }: SourceFile): (from: number, to: number) => Span {
  const lines = [start];
  for (let at = bytes.indexOf(10, start); at >= 0; at = bytes.indexOf(10, at + 1)) lines.push(at + 1);
  const locate = (offset: number): { line: number; column: number } => {
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((lines[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: bytes.subarray(lines[low] ?? 0, offset).toString("utf8").length + 1 };
  };
  return (from, to) => {
    const { line, column } = locate(from);
    const { line: endLine, column: endColumn } = locate(to);
    return { file, line, column, endLine, endColumn };
  };
}

function systemReason(failure: unknown): string | undefined {
  if (!(failure instanceof Error) || !("code" in failure)) return undefined;
  switch (failure.code) {
    case "ENOENT":
      return "there is no such file";
    case "ENOTDIR":
      return "a part of its path is not a folder";
    case "EISDIR":
      return "it is a folder";
    case "EACCES":
      return "permission denied";
    default:
      return undefined;
  }
}

/** The bytes before it are UTF-8; a sequence that is cut short counts from its first byte. */
function firstInvalidByte(bytes: Buffer): number {
  let line = 0;
  for (;;) {
    // No byte of a multi-byte sequence is a line feed, so the first bad line holds the first bad byte.
    const end = bytes.indexOf(10, line);
    const stop = end < 0 ? bytes.length : end;
    if (!isUtf8(bytes.subarray(line, stop))) {
      for (let at = line; at < stop; at++) {
        const length = [1, 2, 3, 4].find((count) => at + count <= stop && isUtf8(bytes.subarray(at, at + count)));
        if (length === undefined) return at;
        at += length - 1;
      }
    }
    if (end < 0) return bytes.length;
    line = end + 1;
  }
}
