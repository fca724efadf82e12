/**
 * Memory of a plan: what one launch leaves for a later one is still there, and was there in the first place.
 *
 * - Live: while a buffer is live (from the first launch that names it to the last), no other live buffer overlaps it in
 *   the arena. Classes lie one after another, each as large as the aligned size of its largest buffer.
 * - Written: every element of a buffer that a launch reads was written by an earlier launch; and a plan's outputs are
 *   written when it ends.
 * - Apart: what a launch writes overlaps nothing else that it is given.
 * - Kept: no launch writes to what the plan is given to read, its inputs and the weights that it does not update.
 */

import { ELEMENT_BYTES } from "../../ir/kernel/limits.ts";
import { ARENA_ALIGNMENT, type ArenaBuffer, type BufferView } from "../../ir/plan.ts";
import { NO_SPAN } from "../../support/span.ts";
import { type Claim, NO_REPLAY } from "../claim.ts";
import { elementCount, type PlanContext, rangeOf, type Step, viewsOf } from "../plan-terms.ts";
import { declare, divide, fresh } from "../scope.ts";
import { add, and, le, lt, not, numeral, or, printTerm, scale, type Term, within } from "../term.ts";

export function memoryClaims(context: PlanContext, steps: readonly Step[]): readonly Claim[] {
  return [
    ...liveClaims(context, steps),
    ...writtenClaims(context, steps),
    ...apartClaims(context, steps),
    ...keptClaims(context, steps),
  ];
}

function memoryClaim(
  { plan, assumptions, giveId }: PlanContext,
  name: string,
  statement: string,
  failure: string,
  hypotheses: readonly Term[],
): Claim {
  return {
    id: giveId("plan", name),
    kind: "plan",
    span: NO_SPAN,
    statement,
    failure,
    code: "TK319",
    hypotheses: [...assumptions, ...hypotheses],
    replay: NO_REPLAY,
    fix: `correct the order of launches or the buffers of ${plan.name}`,
  };
}

function bytesOf({ run }: PlanContext, { element, shape }: ArenaBuffer): Term {
  return scale(ELEMENT_BYTES[element], elementCount(run, shape));
}

/**
 * Classes lie one after another in the order of their numbers, and none is smaller than 0, so that buffers of different
 * classes are apart where each lies within its own. So a buffer's claim is that it does, and that no live buffer of its own
 * class, which starts where it starts, overlaps it.
 */
function liveClaims(context: PlanContext, steps: readonly Step[]): readonly Claim[] {
  const { plan } = context;
  const sizeOf = classSizes(context);
  const ranges = plan.buffers.map(({ name }) => {
    const used = steps.flatMap(({ launch }, position) =>
      Object.values(launch.args).some(({ buffer }) => buffer === name) ? [position] : [],
    );
    return { first: used[0] ?? 0, last: used.at(-1) ?? -1 };
  });
  return plan.buffers.map((buffer, own) => {
    const mine = ranges[own];
    const bytes = bytesOf(context, buffer);
    const overlaps = plan.buffers.flatMap((other, position): readonly Term[] => {
      const theirs = ranges[position];
      if (position === own || other.shareClass !== buffer.shareClass) return [];
      if (mine === undefined || theirs === undefined) return [];
      if (mine.last < theirs.first || theirs.last < mine.first) return [];
      return [and(lt("0", bytes), lt("0", bytesOf(context, other)))];
    });
    return memoryClaim(
      context,
      `live.${buffer.name}`,
      `no live buffer overlaps ${buffer.name} in the arena`,
      `a live buffer may overlap ${buffer.name} in the arena`,
      [or(lt(sizeOf(buffer.shareClass), bytes), ...overlaps)],
    );
  });
}

/** The size of each class in bytes: that of its largest buffer, rounded up. */
function classSizes(context: PlanContext): (shareClass: number) => Term {
  const { plan, run } = context;
  const known = new Map<number, Term>();
  const sizeOf = (shareClass: number): Term => {
    const largest = fresh(run.scope, "largest", "Int", "launch");
    const members = plan.buffers.filter((buffer) => buffer.shareClass === shareClass);
    const sizes = members.map((buffer) => bytesOf(context, buffer));
    run.scope.facts.push({ defines: [printTerm(largest)], term: and(...sizes.map((size) => le(size, largest))) });
    const rounded = add(largest, numeral(ARENA_ALIGNMENT - 1n));
    return scale(ARENA_ALIGNMENT, divide(run.scope, rounded, numeral(ARENA_ALIGNMENT)).quotient);
  };
  return (shareClass) => {
    const size = known.get(shareClass) ?? sizeOf(shareClass);
    known.set(shareClass, size);
    return size;
  };
}

function writtenClaims(context: PlanContext, steps: readonly Step[]): readonly Claim[] {
  const { plan, run } = context;
  const arena = new Set(plan.buffers.map(({ name }) => name));
  const outputs = plan.params.filter(({ role }) => role === "output");
  const undefinedAtStart = new Set([...arena, ...outputs.map(({ name }) => name)]);
  const unwritten = (view: BufferView, before: readonly Step[]): readonly Term[] => {
    const element = declare(run.scope, { name: "at.element", sort: "Int", owner: "launch", display: "element" });
    const written = before
      .flatMap((step) => viewsOf(step, "write"))
      .filter(({ buffer }) => buffer === view.buffer)
      .map((earlier) => rangeOf(context, earlier));
    const { start, end } = rangeOf(context, view);
    return [within(start, element, end), ...written.map((range) => not(within(range.start, element, range.end)))];
  };
  const reads = steps.flatMap((step, position) =>
    viewsOf(step, "read").flatMap((view) =>
      undefinedAtStart.has(view.buffer)
        ? [
            memoryClaim(
              context,
              `written.${step.launch.label}.${view.buffer}`,
              `what ${step.launch.label} reads of ${view.buffer} was written by an earlier launch`,
              `${step.launch.label} may read of ${view.buffer} what no launch has written`,
              unwritten(view, steps.slice(0, position)),
            ),
          ]
        : [],
    ),
  );
  const ends = outputs.map(({ name, shape }) =>
    memoryClaim(
      context,
      `output.${name}`,
      `every element of the output ${name} is written by some launch`,
      `an element of the output ${name} may be written by no launch`,
      unwritten({ buffer: name, offset: { kind: "int", type: "int", value: 0n, span: NO_SPAN }, shape }, steps),
    ),
  );
  return [...reads, ...ends];
}

function apartClaims(context: PlanContext, steps: readonly Step[]): readonly Claim[] {
  return steps.flatMap((step) => {
    const { launch } = step;
    const given = Object.values(launch.args);
    const overlaps = viewsOf(step, "write").flatMap((written) =>
      given.flatMap((other): readonly Term[] => {
        if (other === written || other.buffer !== written.buffer) return [];
        const [a, b] = [rangeOf(context, written), rangeOf(context, other)];
        return [and(lt(a.start, b.end), lt(b.start, a.end))];
      }),
    );
    if (overlaps.length === 0) return [];
    return [
      memoryClaim(
        context,
        `apart.${launch.label}`,
        `what ${launch.label} writes overlaps nothing else that it is given`,
        `${launch.label} may write to what it is also given under another name`,
        [or(...overlaps)],
      ),
    ];
  });
}

/** One claim per parameter that must be left as it is, and that some launch writes to: it is refuted. */
function keptClaims(context: PlanContext, steps: readonly Step[]): readonly Claim[] {
  const given = context.plan.params.filter(({ role }) => role === "input" || role === "weight");
  return given.flatMap(({ name, role }) => {
    const writers = steps.filter((step) => viewsOf(step, "write").some(({ buffer }) => buffer === name));
    return writers.map(({ launch }) =>
      memoryClaim(
        context,
        `kept.${launch.label}.${name}`,
        `${launch.label} does not write to the ${role} ${name}`,
        `${launch.label} writes to the ${role} ${name}`,
        [],
      ),
    );
  });
}
