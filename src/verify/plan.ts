/**
 * Verification of a launch plan: every launch binds the dimensions of its kernel consistently.
 *
 * For each argument of each launch the kernel's declared shape, under the launch's dimensions, is the shape of the view,
 * and the view lies within its buffer; and each launch meets what its kernel requires. Dimensions of the plan stay
 * symbolic. (The launchers check all of it again at run time; here it is known before anything runs.)
 */

import { SIZE_LIMITS } from "../ir/kernel/limits.ts";
import { printExpr } from "../ir/kernel/print.ts";
import type { Expr, Kernel } from "../ir/kernel/types.ts";
import type { BufferView, Launch, Plan } from "../ir/plan.ts";
import { InternalError } from "../support/result.ts";
import { NO_SPAN } from "../support/span.ts";
import { type Claim, type GiveId, idGiver, NO_REPLAY } from "./claim.ts";
import { asGhost, type Execution, evaluateTerm, newExecution } from "./evaluate.ts";
import { declare, multiply, newScope, type Scope } from "./scope.ts";
import { add, and, eq, FALSE, le, not, numeral, type Term } from "./term.ts";

export interface PlanClaims {
  readonly scope: Scope;
  readonly claims: readonly Claim[];
}

interface PlanContext {
  readonly plan: Plan;
  readonly run: Execution;
  readonly assumptions: readonly Term[];
  readonly giveId: GiveId;
}

export function planClaims(plan: Plan, kernels: ReadonlyMap<string, Kernel>): PlanClaims {
  const scope = newScope();
  const dims = new Map(plan.dims.map((name) => [name, declare(scope, symbolOf(name))]));
  const run = newExecution({ scope, arrays: new Map(), dims, scalars: new Map() });
  const tensors = [...plan.params, ...plan.buffers];
  const { maxDim, maxElements } = SIZE_LIMITS[64];
  const assumptions = [
    ...plan.dims.map((name) => and(le("0", `dim.${name}`), le(`dim.${name}`, numeral(maxDim)))),
    ...tensors.map(({ shape }) => le(elements(run, shape), numeral(maxElements))),
  ];
  const context: PlanContext = { plan, run, assumptions, giveId: idGiver(plan.name) };
  const claims = plan.launches.flatMap((launch) => {
    const kernel = kernels.get(launch.kernel);
    if (kernel === undefined) throw new InternalError(`the plan ${plan.name} launches an unknown ${launch.kernel}`);
    return launchClaims(context, launch, kernel);
  });
  return { scope, claims };
}

function symbolOf(name: string): { name: string; sort: "Int"; owner: "launch"; display: string } {
  return { name: `dim.${name}`, sort: "Int", owner: "launch", display: name };
}

function launchClaims(context: PlanContext, launch: Launch, kernel: Kernel): readonly Claim[] {
  const { run, giveId, assumptions, plan } = context;
  const size = (expr: Expr): Term => asGhost(run, () => evaluateTerm(run, expr));
  const bound = newExecution({
    scope: run.scope,
    arrays: new Map(),
    dims: new Map(Object.entries(launch.dims).map(([name, value]) => [name, size(value)])),
    scalars: new Map(
      Object.entries(launch.scalars).flatMap(([name, value]) =>
        typeof value === "bigint" ? [[name, numeral(value)] as const] : [],
      ),
    ),
  });
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
    const axes = param.shape.map((extent, axis) => {
      const declared = asGhost(bound, () => evaluateTerm(bound, extent));
      return eq(declared, size(view.shape[axis] ?? extent));
    });
    return [claim("shape", param.name, statement, and(...axes, insideBuffer(context, view)))];
  });
  const contract = kernel.requires.map((condition) =>
    claim(
      "contract",
      "requires",
      `${launch.label} meets ${printExpr(condition)} of ${kernel.name}`,
      asGhost(bound, () => evaluateTerm(bound, condition)),
    ),
  );
  return [...shapes, ...contract];
}

function insideBuffer({ plan, run }: PlanContext, view: BufferView): Term {
  const buffer = [...plan.params, ...plan.buffers].find(({ name }) => name === view.buffer);
  if (buffer === undefined) return FALSE;
  const offset = asGhost(run, () => evaluateTerm(run, view.offset));
  return and(le("0", offset), le(add(offset, elements(run, view.shape)), elements(run, buffer.shape)));
}

function elements(run: Execution, shape: readonly Expr[]): Term {
  const extents = asGhost(run, () => shape.map((extent) => evaluateTerm(run, extent)));
  return extents.reduce<Term>((product, extent) => multiply(run.scope, product, extent), "1");
}

function describeView(view: BufferView | undefined): string {
  if (view === undefined) return "nothing";
  const start = printExpr(view.offset);
  return `${view.buffer}${start === "0" ? "" : ` from ${start}`} [${view.shape.map(printExpr).join(", ")}]`;
}
