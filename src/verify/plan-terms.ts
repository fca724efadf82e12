/** What the obligations of a plan share: its sizes as terms, and a kernel's contract under a launch's sizes. */

import type { Expr } from "../ir/kernel/expr.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { BufferView, Launch, Plan } from "../ir/plan.ts";
import type { GiveId } from "./claim.ts";
import { asGhost, type Execution, evaluateTerm, newExecution } from "./evaluate.ts";
import { multiply } from "./scope.ts";
import { add, and, FALSE, le, numeral, type Term } from "./term.ts";

export interface PlanContext {
  readonly plan: Plan;
  /** Evaluates expressions over the plan's dimensions. */
  readonly run: Execution;
  /** Limits of the plan's sizes, which its entry point checks. */
  readonly assumptions: readonly Term[];
  readonly giveId: GiveId;
}

/** A launch with its kernel. */
export interface Step {
  readonly launch: Launch;
  readonly kernel: Kernel;
}

export function sizeTerm({ run }: PlanContext, expr: Expr): Term {
  return asGhost(run, () => evaluateTerm(run, expr));
}

/** An execution in which the kernel's dimensions and scalars are those of the launch. */
export function bindLaunch(context: PlanContext, { launch }: Step): Execution {
  return newExecution({
    scope: context.run.scope,
    arrays: new Map(),
    dims: new Map(Object.entries(launch.dims).map(([name, value]) => [name, sizeTerm(context, value)])),
    scalars: new Map(
      Object.entries(launch.scalars).flatMap(([name, value]) =>
        typeof value === "bigint" ? [[name, numeral(value)] as const] : [],
      ),
    ),
  });
}

export function elementCount(run: Execution, shape: readonly Expr[]): Term {
  const extents = asGhost(run, () => shape.map((extent) => evaluateTerm(run, extent)));
  return extents.reduce<Term>((product, extent) => multiply(run.scope, product, extent), "1");
}

/** The elements of the buffer that a view is: from `start` to before `end`. */
export function rangeOf(context: PlanContext, view: BufferView): { readonly start: Term; readonly end: Term } {
  const start = sizeTerm(context, view.offset);
  return { start, end: add(start, elementCount(context.run, view.shape)) };
}

export function insideBuffer(context: PlanContext, view: BufferView): Term {
  const { plan, run } = context;
  const buffer = [...plan.params, ...plan.buffers].find(({ name }) => name === view.buffer);
  if (buffer === undefined) return FALSE;
  const { start, end } = rangeOf(context, view);
  return and(le("0", start), le(end, elementCount(run, buffer.shape)));
}

/** The views that a launch reads, and those that it writes; an `inout` is both. */
export function viewsOf({ launch, kernel }: Step, access: "read" | "write"): readonly BufferView[] {
  return kernel.params.flatMap((param) => {
    if (param.kind !== "tensor" || param.role === (access === "read" ? "output" : "input")) return [];
    const view = launch.args[param.name];
    return view === undefined ? [] : [view];
  });
}
