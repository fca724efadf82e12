/**
 * Limits on inlining. A function that uses its argument twice doubles it, so that a short file can stand for more code
 * than any machine holds; such a file is refused.
 */

import type { ts } from "ts-morph";
import type { Expr } from "../../ir/kernel/expr.ts";
import { children } from "../../ir/kernel/walk.ts";
import type { Size } from "./growth.ts";
import { MAX_DEPTH } from "./limits.ts";
import { quote, type Scope } from "./scope.ts";

/** The largest expression in a kernel that people write has some hundred nodes. */
const MAX_NODES = 4096;
const MAX_EXPANSIONS = 4096;

/** Counts the expansion of `node`; false where there have been too many, which is reported once. */
export function mayExpand(node: ts.Node, scope: Scope): boolean {
  const { growth } = scope;
  growth.expansions = scope.expanding.length === 0 ? 1 : growth.expansions + 1;
  if (growth.expansions === MAX_EXPANSIONS + 1) refuseGrowth(node, `${MAX_EXPANSIONS} names and calls`, scope);
  return growth.expansions <= MAX_EXPANSIONS;
}

/** The expression that a call has become, or a report where it is too large. */
export function checkSize(expr: Expr, node: ts.Node, scope: Scope): Expr | undefined {
  const { nodes, depth } = sizeOf(expr, scope.growth.sizes);
  if (nodes > MAX_NODES) return refuseGrowth(node, `${MAX_NODES} operations`, scope);
  return depth > MAX_DEPTH ? refuseGrowth(node, `${MAX_DEPTH} operations inside of each other`, scope) : expr;
}

function refuseGrowth(node: ts.Node, limit: string, scope: Scope): undefined {
  const fix = "keep a part in a local of the kernel, and pass that";
  return scope.reporter.report("TK109", node, `${quote(node)} grows beyond ${limit}`, fix);
}

function sizeOf(expr: Expr, sizes: WeakMap<Expr, Size>): Size {
  const known = sizes.get(expr);
  if (known !== undefined) return known;
  let [nodes, depth] = [1, 0];
  for (const child of children(expr)) {
    const size = sizeOf(child, sizes);
    nodes += size.nodes;
    depth = Math.max(depth, size.depth);
  }
  const size = { nodes, depth: depth + 1 };
  sizes.set(expr, size);
  return size;
}
