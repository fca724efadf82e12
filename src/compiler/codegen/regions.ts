/**
 * Regions: a kernel's body split at its barriers, so that a CPU can run the threads of a block one after another.
 *
 * - A `threads` region has no barrier: all threads of the block run it before any goes on to what follows.
 * - An `mma` region multiplies the fragments of all waves of the block, after all threads have come to it.
 * - An `if`, `for` or `steps` with a barrier or a collective inside is hoisted out of the loops over threads. All threads decide alike
 *   there (that is its divergence obligation), so that thread (0, 0, 0) decides for all.
 *
 * That a region ends where the kernel has no barrier is harmless: no thread depends on another within a barrier interval
 * (the race obligation).
 *
 * A local that one region makes and another reads is *recomputed* there, where that needs neither memory nor a function
 * nor a mutable local; else it is *stored*, in an array with an element per thread.
 */

import type { Expr } from "../../ir/kernel/expr.ts";
import type { ForStmt, IfStmt, LetStmt, MmaStmt, StepsStmt, Stmt } from "../../ir/kernel/types.ts";
import { runsTogether, visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { InternalError } from "../../support/result.ts";
import { arraysTouched, type Frame, machineExprs, namesIn } from "./expr.ts";

export interface ThreadsRegion {
  readonly kind: "threads";
  readonly stmts: readonly Stmt[];
  /** Whether a hoisted loop may run it again. */
  readonly repeated: boolean;
}

export type Region =
  | ThreadsRegion
  | { readonly kind: "mma"; readonly stmt: MmaStmt }
  | { readonly kind: "if"; readonly stmt: IfStmt; readonly then: readonly Region[]; readonly else: readonly Region[] }
  | { readonly kind: "for"; readonly stmt: ForStmt; readonly body: readonly Region[] }
  | { readonly kind: "steps"; readonly stmt: StepsStmt; readonly body: readonly Region[] };

/** Where the values of a thread live from one region to the next. */
export interface Liveness {
  /** Locals in an array with an element per thread. */
  readonly stored: ReadonlySet<string>;
  /** Locals that any region can compute anew, in the order of their declaration. */
  readonly recomputed: ReadonlyMap<string, LetStmt>;
  /** Register arrays that outlive a region; the others belong to the one region that uses them. */
  readonly keptArrays: ReadonlySet<string>;
}

export function splitRegions(body: readonly Stmt[], repeated = false): readonly Region[] {
  const regions: Region[] = [];
  let stmts: Stmt[] = [];
  const close = (): void => {
    if (stmts.length > 0) regions.push({ kind: "threads", stmts, repeated });
    stmts = [];
  };
  for (const stmt of body) {
    if (stmt.kind === "fragment" || !runsTogether([stmt])) {
      stmts.push(stmt);
      continue;
    }
    close();
    switch (stmt.kind) {
      case "if": {
        const [then, otherwise] = [splitRegions(stmt.then, repeated), splitRegions(stmt.else, repeated)];
        regions.push({ kind: "if", stmt, then, else: otherwise });
        break;
      }
      case "for":
        regions.push({ kind: "for", stmt, body: splitRegions(stmt.body, true) });
        break;
      case "steps":
        regions.push({ kind: "steps", stmt, body: splitRegions(stmt.body, true) });
        break;
      case "barrier":
        break;
      case "mma":
        regions.push({ kind: "mma", stmt });
        break;
      case "let":
      case "assign":
      case "store":
      case "atomic":
      case "vector":
        throw new InternalError(`a barrier inside a ${stmt.kind}`);
      default:
        stmt satisfies never;
        throw new InternalError("unknown statement");
    }
  }
  close();
  return regions;
}

/** The names of locals and arrays that the statements read or write. */
export function namesUsed(stmts: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  visitStmts(stmts, (stmt) => {
    if (stmt.kind === "assign") names.add(stmt.name);
    for (const array of arraysTouched(stmt)) names.add(array);
    for (const expr of machineExprs(stmt)) for (const name of namesIn(expr)) names.add(name);
  });
  return names;
}

interface Uses {
  readonly threads: readonly ThreadsRegion[];
  /** What the conditions and bounds of hoisted statements read. */
  readonly hoisted: ReadonlySet<string>;
  /** Counters of hoisted loops, which every region inside sees. */
  readonly counters: ReadonlySet<string>;
}

export function livenessOf(regions: readonly Region[], frame: Frame): Liveness {
  const { threads, hoisted, counters } = collectUses(regions);
  const usedIn = new Map(threads.map((region) => [region, namesUsed(region.stmts)]));
  const recomputed = new Map<string, LetStmt>();
  const stored = new Set<string>();
  for (const home of threads) {
    for (const stmt of home.stmts) {
      if (stmt.kind !== "let") continue;
      if (isRecomputable(stmt, recomputed, counters)) {
        recomputed.set(stmt.name, stmt);
      } else if (
        hoisted.has(stmt.name) ||
        threads.some((region) => region !== home && usedIn.get(region)?.has(stmt.name) === true)
      ) {
        stored.add(stmt.name);
      }
    }
  }
  const keptArrays = new Set<string>();
  for (const { space, name } of frame.kernel.arrays) {
    if (space !== "register") continue;
    const users = threads.filter((region) => usedIn.get(region)?.has(name));
    if (users.length > 1 || users.some(({ repeated }) => repeated) || hoisted.has(name)) keptArrays.add(name);
  }
  return { stored, recomputed, keptArrays };
}

function collectUses(regions: readonly Region[]): Uses {
  const threads: ThreadsRegion[] = [];
  const hoisted = new Set<string>();
  const counters = new Set<string>();
  const read = (...exprs: readonly Expr[]): void => {
    for (const expr of exprs) for (const name of namesIn(expr)) hoisted.add(name);
  };
  const visitAll = (inner: readonly Region[]): void => {
    for (const region of inner) visit(region);
  };
  const visit = (region: Region): void => {
    switch (region.kind) {
      case "threads":
        threads.push(region);
        return;
      case "mma":
        for (const array of arraysTouched(region.stmt)) hoisted.add(array);
        read(...machineExprs(region.stmt));
        return;
      case "if":
        read(region.stmt.cond);
        visitAll(region.then);
        visitAll(region.else);
        return;
      case "for":
        read(region.stmt.lo, region.stmt.hi);
        counters.add(region.stmt.counter);
        visitAll(region.body);
        return;
      case "steps":
        counters.add(region.stmt.counter);
        visitAll(region.body);
        return;
      default:
        region satisfies never;
        throw new InternalError("unknown region");
    }
  };
  visitAll(regions);
  return { threads, hoisted, counters };
}

function isRecomputable(
  { mutable, value }: LetStmt,
  recomputed: ReadonlyMap<string, LetStmt>,
  counters: ReadonlySet<string>,
): boolean {
  let pure = !mutable;
  visitExpr(value, (inner) => {
    if (inner.kind === "load" || inner.kind === "call") pure = false;
    if (inner.kind === "local" && !recomputed.has(inner.name) && !counters.has(inner.name)) pure = false;
  });
  return pure;
}

/**
 * The statements of a region as its threads run them: first what other regions declared and this one recomputes, then
 * its own without the declarations that only other regions read.
 */
export function regionStmts(region: ThreadsRegion, { recomputed }: Liveness): readonly Stmt[] {
  const needed = new Set<string>();
  const need = (stmt: Stmt): void => {
    for (const name of namesUsed([stmt])) needed.add(name);
  };
  const own = new Set<string>();
  const kept: Stmt[] = [];
  for (const stmt of [...region.stmts].reverse()) {
    const droppable = stmt.kind === "let" && recomputed.has(stmt.name);
    if (droppable && !needed.has(stmt.name)) continue;
    if (stmt.kind === "let") own.add(stmt.name);
    need(stmt);
    kept.unshift(stmt);
  }
  const before: Stmt[] = [];
  for (const [name, stmt] of [...recomputed].reverse()) {
    if (!needed.has(name) || own.has(name)) continue;
    need(stmt);
    before.unshift(stmt);
  }
  return [...before, ...kept];
}
