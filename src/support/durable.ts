/**
 * Files that survive a crash: content in, a file that is whole or absent out.
 *
 * The content is written to a temporary name beside the target, flushed to the disk and renamed; POSIX renames atomically.
 */

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The name under which `path` is written before it is renamed. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

/** Writes bytes from `offset` and returns how many were written: `writeSync` of node:fs. */
export type Write = (file: number, bytes: Uint8Array, offset: number) => number;

/**
 * Writes `path` as a whole; `temporary` must be on the same file system, and nobody else's. Several pieces are written
 * one after the other. Throws the system's errors, after it has removed the temporary file.
 */
export function writeDurably(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
  temporary = temporaryPath(path),
  write: Write = writeSync,
): void {
  const pieces =
    typeof content === "string" ? [Buffer.from(content, "utf8")] : content instanceof Uint8Array ? [content] : content;
  const file = openSync(temporary, "w", 0o644);
  try {
    try {
      for (const bytes of pieces) {
        for (let written = 0; written < bytes.length; ) written += write(file, bytes, written);
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw cause;
  }
}

/** Makes the renames and removals in a folder survive a crash. */
export function syncFolder(path: string): void {
  flush(path);
}

/** Makes what was appended to a file survive a crash. */
export function syncFile(path: string): void {
  flush(path);
}

function flush(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The system's code (`ENOENT`, `EACCES`) when `cause` is a failed system call; anything else is thrown on. */
export function systemErrorCode(cause: unknown): string {
  if (cause instanceof Error && "syscall" in cause && "code" in cause && typeof cause.code === "string")
    return cause.code;
  throw cause;
}
