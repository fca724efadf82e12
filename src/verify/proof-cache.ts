/**
 * The proof cache: a key that stands for everything that decides an answer in, the answer out.
 *
 * One file holds all entries and is read at once: a run asks for hundreds of them. Each line is an entry,
 *
 *   key, SHA-256 of format, key and value; value        (the value without line breaks)
 *
 * so that it says itself what it answers and whether it is whole. A line that is cut off, altered, of another format or
 * under another key's hash counts as absent, and is gone when the file is next written. The file is written aside and
 * renamed. Two runs that save at the same time both leave a whole file; the later one has read the earlier one's entries,
 * or they are solved again.
 *
 * The file holds at most `MAX_BYTES`: entries that no run has used since others were added stand first, and go first.
 *
 * This guards against corruption and stale entries. It does not guard against someone who may write the user's files: the
 * hash has no secret, so that whoever can write there can make an entry that is believed.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../support/hash.ts";

/** Part of every key and of every entry's hash: raise it when the meaning of keys or values changes. */
const FORMAT = "tokitai proofs 1";
const FILE = "answers";
const MAX_BYTES = 8 * 1024 * 1024;
const HASH_LENGTH = 64;

export interface ProofCache {
  /** How many entries were found; 0 where nothing can be answered without a solver. */
  readonly size: number;
  /** The value that was put under the key, or `undefined`. */
  readonly get: (key: string) => string | undefined;
  readonly put: (key: string, value: string) => void;
  /** Writes what was put; the remark says why this or the reading before it failed. Nothing depends on its success. */
  readonly save: () => string | undefined;
}

/** The key of an answer that these parts decide; the order counts, and no two lists of parts have a key in common. */
export function proofKey(...parts: readonly string[]): string {
  return sha256(JSON.stringify([FORMAT, ...parts]));
}

/** Opens the cache in `folder`; one that cannot be read is empty. */
export function openProofCache(folder: string): ProofCache {
  const path = join(folder, FILE);
  const found = read(path);
  const entries = found.entries;
  const used = new Set<string>();
  let altered = found.damaged;
  return {
    size: entries.size,
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const value = valueIn(key, entry);
      if (value !== undefined) {
        used.add(key);
        return value;
      }
      entries.delete(key);
      altered = true;
      return undefined;
    },
    put: (key, value) => {
      const line = lineOf(key, value);
      if (line.includes("\n") || entries.get(key) === line) return;
      entries.set(key, line);
      used.add(key);
      altered = true;
    },
    save: () => {
      if (found.remark !== undefined || !altered) return found.remark;
      // What another run has added meanwhile stays; of what both have, this run's is known to be whole.
      const others = [...read(path).entries].filter(([key, line]) => valueIn(key, line) !== undefined);
      const merged = new Map([...others, ...entries]);
      for (const key of used) {
        const line = merged.get(key);
        if (line === undefined) continue;
        merged.delete(key);
        merged.set(key, line);
      }
      const remark = write(folder, path, within(MAX_BYTES, [...merged.values()]));
      altered = remark !== undefined;
      return remark;
    },
  };
}

interface Found {
  readonly entries: Map<string, string>;
  /** Whether something in the file is no entry. */
  readonly damaged: boolean;
  readonly remark?: string;
}

function read(path: string): Found {
  const entries = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === "ENOENT") return { entries, damaged: false };
    return { entries, damaged: false, remark: `the proof cache ${path} cannot be read (${code})` };
  }
  const [header, ...lines] = text.split("\n");
  if (header !== FORMAT) return { entries, damaged: true };
  // The last line ends in a line break, or it was cut off.
  const damaged = lines.pop() !== "";
  for (const line of lines) entries.set(line.slice(0, HASH_LENGTH), line);
  return { entries, damaged };
}

function lineOf(key: string, value: string): string {
  return `${key} ${sha256(`${FORMAT}\n${key}\n${value}`)} ${value}`;
}

/** The value of a line, if the line is whole and the key's. */
function valueIn(key: string, line: string): string | undefined {
  const value = line.slice(2 * (HASH_LENGTH + 1));
  return line === lineOf(key, value) ? value : undefined;
}

/** The last lines that fit. */
function within(bytes: number, lines: readonly string[]): readonly string[] {
  let left = bytes;
  const first = lines.findLastIndex((line) => {
    left -= Buffer.byteLength(line) + 1;
    return left < 0;
  });
  return lines.slice(first + 1);
}

function write(folder: string, path: string, lines: readonly string[]): string | undefined {
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    sweep(folder);
    writeFileSync(temporary, `${[FORMAT, ...lines].join("\n")}\n`, { flush: true });
    renameSync(temporary, path);
    return undefined;
  } catch (cause) {
    return `the proof cache ${path} cannot be written (${systemErrorCode(cause)})`;
  }
}

/** Removes what a killed run has left: files named after a process that is gone. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^answers\.(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(folder, name), { force: true });
  }
}

/** The code (`ENOENT`, `EACCES`) of a failed system call; anything else is thrown on. */
function systemErrorCode(cause: unknown): string {
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  throw cause;
}
