/**
 * Verification of a launch plan: every launch binds the dimensions of its kernel consistently.
 *
 * For each argument of each launch the kernel's declared shape, under the launch's dimensions, is the shape of the view,
 * the view lies within its buffer, and the buffer holds elements of the parameter's type; and each launch meets what its kernel requires (`kinds/plan-memory.ts`: buffers
 * do not get into each other's way; `kinds/handover.ts`: conditions on data). Dimensions of the plan stay symbolic. (The
 * launchers check shapes and `requires` again at run time; here they are known before anything runs.)
 */

import type { Expr } from "../ir/kernel/expr.ts";
import { holdsOfFloats } from "../ir/kernel/interpret-launch.ts";
import { SIZE_LIMITS } from "../ir/kernel/limits.ts";
import { printExpr } from "../ir/kernel/print.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { BufferView, Launch, Plan } from "../ir/plan.ts";
import { InternalError } from "../support/result.ts";
import { NO_SPAN } from "../support/span.ts";
import { type Claim, idGiver, NO_REPLAY } from "./claim.ts";
import { asGhost, evaluateTerm, newExecution } from "./evaluate.ts";
import { type Handover, handoverClaims } from "./kinds/handover.ts";
import { memoryClaims } from "./kinds/plan-memory.ts";
import { bindLaunch, elementCount, insideBuffer, type PlanContext, type Step } from "./plan-terms.ts";
import { declare, newScope, type Scope } from "./scope.ts";
import { and, eq, FALSE, le, not, numeral, type Term } from "./term.ts";

export interface PlanClaims {
  readonly scope: Scope;
  readonly claims: readonly Claim[];
  /** Conditions on data that launches before may have established; what is not proved is checked at the launch. */
  readonly handovers: readonly Handover[];
}

export function planClaims(plan: Plan, kernels: ReadonlyMap<string, Kernel>): PlanClaims {
  const scope = newScope();
  const dims = new Map(plan.dims.map((name) => [name, declare(scope, symbolOf(name))]));
  const run = newExecution({ scope, arrays: new Map(), dims, scalars: new Map() });
  const tensors = [...plan.params, ...plan.buffers];
  const { maxDim, maxElements } = SIZE_LIMITS[64];
  const assumptions = [
    ...plan.dims.map((name) => and(le("0", `dim.${name}`), le(`dim.${name}`, numeral(maxDim)))),
    ...tensors.map(({ shape }) => le(elementCount(run, shape), numeral(maxElements))),
  ];
  const context: PlanContext = { plan, run, assumptions, giveId: idGiver(plan.name) };
  const steps = plan.launches.map((launch): Step => {
    const kernel = kernels.get(launch.kernel);
    if (kernel === undefined) throw new InternalError(`the plan ${plan.name} launches an unknown ${launch.kernel}`);
    return { launch, kernel };
  });
  const launches = steps.flatMap(({ launch, kernel }) => launchClaims(context, launch, kernel));
  return { scope, claims: [...launches, ...memoryClaims(context, steps)], handovers: handoverClaims(context, steps) };
}

function symbolOf(name: string): { name: string; sort: "Int"; owner: "launch"; display: string } {
  return { name: `dim.${name}`, sort: "Int", owner: "launch", display: name };
}

function launchClaims(context: PlanContext, launch: Launch, kernel: Kernel): readonly Claim[] {
  const { run, giveId, assumptions, plan } = context;
  const size = (expr: Expr): Term => asGhost(run, () => evaluateTerm(run, expr));
  const bound = bindLaunch(context, { launch, kernel });
  const claim = (kind: "shape" | "contract", name: string, statement: string, goal: Term): Claim => ({
    id: giveId(kind, `${launch.label}.${name}`),
    kind,
    span: NO_SPAN,
    statement,
    failure: `not for all sizes: ${statement}`,
    code: "TK311",
    hypotheses: [...assumptions, not(goal)],
    replay: NO_REPLAY,
    fix: `launch ${kernel.name} with sizes that agree, or choose another kernel in ${plan.name}`,
  });
  const shapes = kernel.params.flatMap((param): readonly Claim[] => {
    if (param.kind !== "tensor") return [];
    const view = launch.args[param.name];
    const statement = `${launch.label} binds ${param.name} of ${kernel.name} to ${describeView(view)}`;
    if (view === undefined || view.shape.length !== param.shape.length) {
      return [claim("shape", param.name, statement, FALSE)];
    }
    const held = [...plan.params, ...plan.buffers].find(({ name }) => name === view.buffer)?.element;
    if (held !== param.element) {
      const elements = `${statement}, which holds ${param.element}`;
      return [claim("shape", param.name, elements, FALSE)];
    }
    const axes = param.shape.map((extent, axis) => {
      const declared = asGhost(bound, () => evaluateTerm(bound, extent));
      return eq(declared, size(view.shape[axis] ?? extent));
    });
    return [claim("shape", param.name, statement, and(...axes, insideBuffer(context, view)))];
  });
  const contract = kernel.requires.map((condition) => {
    const statement = `${launch.label} meets ${printExpr(condition)} of ${kernel.name}`;
    // The solver says nothing of floats; a plan's scalars are known numbers.
    const known = holdsOfFloats(condition, launch.scalars);
    const goal =
      known === undefined ? asGhost(bound, () => evaluateTerm(bound, condition)) : known ? not(FALSE) : FALSE;
    return claim("contract", "requires", statement, goal);
  });
  return [...shapes, ...contract];
}

function describeView(view: BufferView | undefined): string {
  if (view === undefined) return "nothing";
  const start = printExpr(view.offset);
  return `${view.buffer}${start === "0" ? "" : ` from ${start}`} [${view.shape.map(printExpr).join(", ")}]`;
}
