/**
 * Launch plan: a tensor program as a sequence of kernel launches over parameters and one arena.
 *
 *   Plan   ::= name dims params buffers launches
 *   Launch ::= kernel(param = view, …; dim = size, …; scalar = value, …)
 *   View   ::= a contiguous part of a parameter or an arena buffer, starting at `offset` elements
 *
 * Launches run in order. The arena is symbolic: each buffer belongs to a sharing class; classes lie one after another,
 * each as large as its largest buffer, aligned to `ARENA_ALIGNMENT` bytes. The arena's size is a function of the dims.
 */

import type { ElementType } from "./kernel/elements.ts";
import type { Expr } from "./kernel/expr.ts";

export const ARENA_ALIGNMENT = 256n;

export interface PlanTensor {
  readonly name: string;
  /** An `inout` is a weight that the plan changes. */
  readonly role: "input" | "weight" | "inout" | "output";
  readonly element: ElementType;
  /** Integer expressions over the plan's dims and literals. */
  readonly shape: readonly Expr[];
}

export interface ArenaBuffer {
  readonly name: string;
  readonly element: ElementType;
  readonly shape: readonly Expr[];
  /** Sharing class: buffers of one class share memory; their live ranges are disjoint. */
  readonly shareClass: number;
}

export interface BufferView {
  /** The name of a `PlanTensor` or an `ArenaBuffer`. */
  readonly buffer: string;
  /** In elements of the buffer. */
  readonly offset: Expr;
  /** What the view is to the kernel; row-major, contiguous. */
  readonly shape: readonly Expr[];
}

export interface Launch {
  /** What this launch computes in the tensor program, such as `expert2.layer0.linear`. */
  readonly label: string;
  /** The named part of the program that the launch belongs to; a C identifier. */
  readonly part?: string;
  /** The name of a kernel instance. */
  readonly kernel: string;
  /** Instances that run in its place on a CPU with their vector unit, those for the widest unit first. */
  readonly vector?: readonly string[];
  /** One view per tensor parameter of the kernel. */
  readonly args: Readonly<Record<string, BufferView>>;
  /** One size per dimension of the kernel. */
  readonly dims: Readonly<Record<string, Expr>>;
  /** One value per scalar parameter of the kernel. */
  readonly scalars: Readonly<Record<string, number | bigint>>;
}

export interface Plan {
  /** A C identifier: `moe_forward` gives `tok_moe_forward`. */
  readonly name: string;
  readonly dims: readonly string[];
  readonly params: readonly PlanTensor[];
  readonly buffers: readonly ArenaBuffer[];
  readonly launches: readonly Launch[];
}
