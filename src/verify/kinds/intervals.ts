/**
 * Barrier intervals: which pairs of accesses two threads of one block may perform with no barrier between them.
 *
 * The kernel's structure is walked once, keeping the accesses that are *open*: performed since the last barrier on some
 * way to this point. An access pairs with every open one, itself included (another thread performs it as well).
 *
 * Two threads of a block run an aligned loop (one with a barrier in it) in step, so that within an interval
 *   - both are in the same iteration, or
 *   - the first is behind the last barrier of an iteration, the second before the first barrier of a later one: the next
 *     one, when every iteration is sure to meet a barrier.
 * Loops without barriers are not aligned: each thread has an iteration of its own.
 */

import type { BarrierScope } from "../../ir/kernel/types.ts";
import { InternalError } from "../../support/result.ts";
import type { Access, LoopContext, LoopNode, Node } from "../summary.ts";

export interface Pair {
  readonly first: Access;
  readonly second: Access;
  /** The aligned loops in which both threads are in the same iteration. */
  readonly together: readonly LoopContext[];
  /** The aligned loop in which the second thread is ahead of the first, and whether by one iteration exactly. */
  readonly ahead?: { readonly loop: LoopContext; readonly next: boolean };
}

interface Flow {
  /** Accesses since the last barrier on some way to this point. */
  open: readonly Access[];
  /** Accesses before the first barrier on some way from the start. */
  readonly initial: Access[];
  /** Whether every way from the start to this point has met a barrier. */
  closed: boolean;
  readonly scope: BarrierScope;
}

/**
 * All pairs within one interval, in the order of the walk; a pair may occur more than once. For any two threads of a
 * block, block barriers bound an interval; for two threads of one wave (`scope: "wave"`), wave barriers do too.
 */
export function intervalPairs(nodes: readonly Node[], scope: BarrierScope): readonly Pair[] {
  const pairs: Pair[] = [];
  walk(nodes, { open: [], initial: [], closed: false, scope }, [], pairs);
  return pairs;
}

function walk(nodes: readonly Node[], flow: Flow, together: readonly LoopContext[], pairs: Pair[]): void {
  for (const node of nodes) {
    switch (node.kind) {
      case "access":
        addAccess(node, flow, together, pairs);
        break;
      case "barrier":
        if (node.scope === "wave" && flow.scope === "block") break;
        flow.open = [];
        flow.closed = true;
        break;
      case "branch": {
        const then: Flow = { ...flow };
        walk(node.then, then, together, pairs);
        // Threads of a block may take different branches where no barrier is inside, so that both are concurrent.
        const otherwise: Flow = { ...flow, open: hasBarrier(node.then, flow.scope) ? flow.open : then.open };
        walk(node.else, otherwise, together, pairs);
        flow.open = [...new Set([...then.open, ...otherwise.open])];
        flow.closed = then.closed && otherwise.closed;
        break;
      }
      case "loop":
        if (flow.scope === "wave" ? node.context.waveAligned : node.context.aligned)
          walkAligned(node, flow, together, pairs);
        else walk(node.body, flow, together, pairs);
        break;
      default:
        node satisfies never;
        throw new InternalError("unknown node");
    }
  }
}

function addAccess(access: Access, flow: Flow, together: readonly LoopContext[], pairs: Pair[]): void {
  if (!flow.open.includes(access)) flow.open = [...flow.open, access];
  if (!flow.closed && !flow.initial.includes(access)) flow.initial.push(access);
  for (const other of flow.open) {
    // What was opened outside a loop has no iteration of it to share.
    const common = together.filter((loop) => other.loops.includes(loop) && access.loops.includes(loop));
    pairs.push({ first: other, second: access, together: common });
  }
}

function walkAligned(node: LoopNode, flow: Flow, together: readonly LoopContext[], pairs: Pair[]): void {
  const { context, body } = node;
  const inner: Flow = { open: flow.open, initial: [], closed: false, scope: flow.scope };
  walk(body, inner, [...together, context], pairs);
  const fromBody = inner.open.filter((access) => access.loops.includes(context));
  for (const first of fromBody) {
    for (const second of inner.initial) {
      const common = together.filter((loop) => first.loops.includes(loop) && second.loops.includes(loop));
      pairs.push({ first, second, together: common, ahead: { loop: context, next: inner.closed } });
    }
  }
  if (!flow.closed) flow.initial.push(...inner.initial);
  // The loop may run no iteration: what was open before it stays open.
  flow.open = [...new Set([...flow.open, ...inner.open])];
}

function hasBarrier(nodes: readonly Node[], scope: BarrierScope): boolean {
  return nodes.some((node) => {
    switch (node.kind) {
      case "access":
        return false;
      case "barrier":
        return node.scope === "block" || scope === "wave";
      case "branch":
        return hasBarrier(node.then, scope) || hasBarrier(node.else, scope);
      case "loop":
        return hasBarrier(node.body, scope);
      default:
        node satisfies never;
        throw new InternalError("unknown node");
    }
  });
}
