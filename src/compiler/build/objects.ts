/** What a compiler makes of each file of a library for the CPU, kept for other libraries that have the same file. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SimdUnit } from "../../ir/kernel/simd.ts";
import { sha256 } from "../../support/hash.ts";
import { ok, type Result } from "../../support/result.ts";
import type { SourcePart } from "../codegen/library.ts";
import { UNIT_FEATURES } from "../codegen/support-lanes.ts";
import { lookUp, store } from "./cache.ts";
import { withLock } from "./lock.ts";
import type { Tool } from "./toolchain.ts";

export interface SourceText {
  /** A plain file name. `.cpp` is compiled; anything else lies beside it, to be included. */
  readonly name: string;
  readonly text: string;
  /** Whether it computes, or checks and calls; the first unless told. */
  readonly part?: SourcePart;
  /** The vector unit of CPUs that it is compiled for. */
  readonly unit?: SimdUnit;
}

/** Part of every key: entries made under other rules are not found. */
export const CACHE_FORMAT = "tokitai build 3";

/** Runs the compiler in the scratch folder; what it said when it succeeds. */
export type Invoke = (args: readonly string[]) => Promise<Result<string>>;

export interface ObjectWork {
  readonly compiler: Tool;
  /** What all files are compiled with. */
  readonly flags: readonly string[];
  /** What files that check and call are compiled with after that. */
  readonly launcherFlags: readonly string[];
  readonly sources: readonly SourceText[];
  /** See `cacheDirectory`. */
  readonly cache: string;
  /** A folder that holds the sources. */
  readonly scratch: string;
  /** As `performance.now()` counts. */
  readonly deadline: number;
  readonly invoke: Invoke;
}

/**
 * Puts the object of one file into the scratch folder, and gives back what the compiler said of it. A file is compiled by itself, so
 * that each core has one to compile; what is made of it is kept, since libraries share files of kernels; and who wants what another
 * process is compiling waits for that.
 */
export async function compileObject(unit: SourceText, work: ObjectWork): Promise<Result<string>> {
  const { sources, cache, compiler, flags, launcherFlags, scratch, deadline, invoke } = work;
  const all = [...flags, ...(unit.part === "launchers" ? launcherFlags : []), ...unitFlags(unit.unit)];
  const files = [unit, ...includedBy(unit, sources)];
  const key = sha256(JSON.stringify([CACHE_FORMAT, [compiler.path, compiler.identity], all, files.map(keyOf)]));
  const object = join(scratch, objectName(unit));
  const reuse = (): Result<string> | undefined => {
    const hit = lookUp(cache, key, "o");
    if (hit === undefined) return undefined;
    writeFileSync(object, hit.bytes);
    return ok(hit.warnings);
  };
  const make = async (): Promise<Result<string>> => {
    const own = [seedOf(key), `-ffile-prefix-map=${scratch}=.`, "-c", unit.name, "-o", objectName(unit)];
    const said = await invoke([...all, ...own]);
    if (said.ok) store(cache, key, "o", readFileSync(object), said.value, scratch);
    return said;
  };
  const kept = reuse();
  if (kept !== undefined) return kept;
  // Whoever has it for longer than half of the time that is left is not waited for.
  const patience = (deadline - performance.now()) / 2;
  const made = await withLock(`${cache}\n${key}`, patience, async () => reuse() ?? make());
  return made ?? make();
}

/** The files that a file can include, since it names them, and those that they name, in the order of the sources. */
function includedBy(unit: SourceText, sources: readonly SourceText[]): readonly SourceText[] {
  const found = new Set<SourceText>();
  const visit = ({ text }: SourceText): void => {
    for (const source of sources) {
      if (isUnit(source) || found.has(source) || !text.includes(source.name)) continue;
      found.add(source);
      visit(source);
    }
  };
  visit(unit);
  return sources.filter((source) => found.has(source));
}

export function isUnit({ name }: SourceText): boolean {
  return name.endsWith(".cpp");
}

export function objectName({ name }: SourceText): string {
  return `${name}.o`;
}

/** What decides the code of a file, besides flags and what it includes. */
export function keyOf({ name, text, part = "kernels", unit }: SourceText): readonly string[] {
  return [name, text, part, unit ?? ""];
}

/** In place of random numbers. */
export function seedOf(key: string): string {
  return `-frandom-seed=${key.slice(0, 16)}`;
}

/** What a file for a vector unit is compiled with, on machines that may have it. */
function unitFlags(unit: SimdUnit | undefined): readonly string[] {
  if (unit === undefined || process.arch !== "x64") return [];
  const wide = unit === "avx512" ? ["-mprefer-vector-width=512"] : [];
  return [...UNIT_FEATURES[unit].map((feature) => `-m${feature}`), ...wide];
}
