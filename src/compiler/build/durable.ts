/**
 * Files that survive a crash: content in, a file that is whole or absent out.
 *
 * The content is written to a temporary name beside the target, flushed to the disk and renamed; POSIX renames atomically.
 */

import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The name under which `path` is written before it is renamed. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

/** Writes `path` as a whole; `temporary` must be on the same file system, and nobody else's. Throws the system's errors. */
export function writeDurably(path: string, content: string | Uint8Array, temporary = temporaryPath(path)): void {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  const file = openSync(temporary, "w", 0o644);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Makes the renames and removals in a folder survive a crash. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The system's code (`ENOENT`, `EACCES`) when `cause` is a failed system call; anything else is thrown on. */
export function systemErrorCode(cause: unknown): string {
  if (cause instanceof Error && "syscall" in cause && "code" in cause && typeof cause.code === "string")
    return cause.code;
  throw cause;
}
