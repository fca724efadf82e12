/** A limit on unrolling: registers have no addresses, so that each round of a loop over them is code of its own. */

import type { ts } from "ts-morph";
import type { Stmt } from "../../ir/kernel/types.ts";
import { nestedBlocks } from "../../ir/kernel/walk.ts";
import { quote, type Scope } from "./scope.ts";

/** A tile of 16 by 16 accumulators over 16 steps; beyond, registers are long spent. */
const MAX_ROUNDS = 4096n;

/** Reports TK151 for the innermost loop that unrolls to too many rounds, those of unrolled loops inside it included. */
export function checkUnrolling(loop: Stmt, name: ts.Identifier, scope: Scope): void {
  if (!isUnrolled(loop)) return;
  const rounds = roundsOf(loop);
  if (rounds <= MAX_ROUNDS || roundsInside(loop) > MAX_ROUNDS) return;
  const fact = `the loop over ${quote(name)} unrolls to ${rounds} rounds, and ${MAX_ROUNDS} are the most`;
  const fix = "give each thread fewer registers, or keep the array in shared(…)";
  scope.reporter.report("TK151", name, fact, fix);
}

function isUnrolled(stmt: Stmt): boolean {
  return stmt.kind === "steps" || (stmt.kind === "for" && stmt.unroll);
}

function roundsInside(stmt: Stmt): bigint {
  let sum = 0n;
  for (const inner of nestedBlocks(stmt).flat()) sum += roundsOf(inner);
  return sum;
}

function roundsOf(stmt: Stmt): bigint {
  const inside = roundsInside(stmt);
  return isUnrolled(stmt) ? tripsOf(stmt) * (inside > 1n ? inside : 1n) : inside;
}

function tripsOf(stmt: Stmt): bigint {
  if (stmt.kind === "steps") return BigInt(stmt.values.length);
  if (stmt.kind !== "for" || stmt.lo.kind !== "int" || stmt.hi.kind !== "int") return 1n;
  const span = stmt.hi.value - stmt.lo.value;
  return span <= 0n ? 0n : (span + stmt.step - 1n) / stmt.step;
}
