/**
 * Handover: a launch's condition on data follows from what the launches before it ensure.
 *
 * Each tensor of integers has a *version* per launch that writes it: its contents are a function of that version, as
 * they are an input's. A producer's `ensures`, and what it required itself, are clauses on the versions that it was given
 * and made; the consumer's condition is asked of the versions that it is given. Of a view that is not
 * the one that the producer wrote nothing is known.
 *
 * A handover that is not proved is no error: the launcher then checks the condition on the data.
 */

import type { BufferView } from "../../ir/plan.ts";
import { NO_SPAN } from "../../support/span.ts";
import { dataClause } from "../assume.ts";
import { type Claim, NO_REPLAY } from "../claim.ts";
import type { DataClause } from "../data-clause.ts";
import { type ArrayInfo, asGhost, type Execution, evaluateTerm, newExecution } from "../evaluate.ts";
import { bindLaunch, type PlanContext, type Step, sizeTerm, viewsOf } from "../plan-terms.ts";
import { not, printTerm } from "../term.ts";
import { anyValues } from "./data.ts";

export interface Handover {
  readonly claim: Claim;
  /** The launch that requires it, and the condition's position in its kernel's `dataRequires`. */
  readonly label: string;
  readonly condition: number;
  /** The launches whose `ensures` may establish it. */
  readonly producers: readonly string[];
}

/** Everything that is looked at for one plan. */
interface Handovers {
  readonly context: PlanContext;
  readonly steps: readonly Step[];
  /** The name of each version's function, by version and view: what is said of one view is not said of another. */
  readonly names: Map<string, string>;
}

export function handoverClaims(context: PlanContext, steps: readonly Step[]): readonly Handover[] {
  const all: Handovers = { context, steps, names: new Map() };
  return steps.flatMap((step, position) => {
    const { launch, kernel } = step;
    if (kernel.dataRequires.length === 0) return [];
    const known: Known = { clauses: [], producers: new Set(), seen: new Set() };
    gather(all, step, position, known);
    if (known.clauses.length === 0) return [];
    const run = executionAt(all, step, position, "before");
    return kernel.dataRequires.map((source, condition): Handover => {
      const clause = dataClause(run, source);
      const { values, guards } = anyValues(context.run.scope, clause);
      const statement = `${launch.label} is given what ${kernel.name} requires: ${clause.text}`;
      const claim: Claim = {
        id: context.giveId("contract", `${launch.label}.data`),
        kind: "contract",
        span: NO_SPAN,
        statement,
        failure: `not for all data: ${statement}`,
        code: "TK311",
        hypotheses: [...context.assumptions, ...guards, not(clause.instance(values))],
        clauses: known.clauses,
        replay: NO_REPLAY,
      };
      return { claim, label: launch.label, condition, producers: [...known.producers] };
    });
  });
}

interface Known {
  readonly clauses: DataClause[];
  readonly producers: Set<string>;
  readonly seen: Set<number>;
}

/** The clauses on everything that the step is given, back to the plan's own parameters. */
function gather(all: Handovers, step: Step, position: number, known: Known): void {
  for (const view of Object.values(step.launch.args)) {
    const changed = lastChange(all, view, position);
    const producer = all.steps[changed];
    if (producer === undefined || known.seen.has(changed)) continue;
    known.seen.add(changed);
    const { kernel, launch } = producer;
    if (kernel.ensures.length > 0) {
      known.producers.add(launch.label);
      // What a producer required has been proved or checked before it ran.
      const [before, after] = (["before", "after"] as const).map((when) => executionAt(all, producer, changed, when));
      if (before === undefined || after === undefined) continue;
      known.clauses.push(
        ...kernel.ensures.map((source) => dataClause(after, source)),
        ...kernel.dataRequires.map((source) => dataClause(before, source)),
      );
    }
    gather(all, producer, changed, known);
  }
}

/** The last launch before `position` that wrote the view's buffer, or a part of it; −1 for what the plan was given. */
function lastChange({ steps }: Handovers, view: BufferView, position: number): number {
  const writes = steps
    .slice(0, position)
    .map((step) => viewsOf(step, "write").some(({ buffer }) => buffer === view.buffer));
  return writes.lastIndexOf(true);
}

function viewText({ context }: Handovers, { buffer, offset, shape }: BufferView): string {
  return [buffer, ...[offset, ...shape].map((expr) => printTerm(sizeTerm(context, expr)))].join(" ");
}

/** The kernel's contract under the launch's sizes, on the versions that it is given, or leaves behind. */
function executionAt(all: Handovers, step: Step, position: number, when: "before" | "after"): Execution {
  const { context, names } = all;
  const bound = bindLaunch(context, step);
  const arrays = new Map<string, ArrayInfo>();
  for (const param of step.kernel.params) {
    const view = param.kind === "tensor" ? step.launch.args[param.name] : undefined;
    if (param.kind !== "tensor" || view === undefined) continue;
    const made = when === "after" && param.role !== "input";
    const version = made ? position : lastChange(all, view, position);
    const key = `${version} ${viewText(all, view)}`;
    const contents = names.get(key) ?? `contents${names.size + 1}`;
    names.set(key, contents);
    const extent = asGhost(bound, () => param.shape.map((size) => evaluateTerm(bound, size)));
    arrays.set(param.name, { element: param.element, extent, constant: true, contents });
  }
  return newExecution({ scope: bound.scope, dims: bound.dims, scalars: bound.scalars, arrays });
}
