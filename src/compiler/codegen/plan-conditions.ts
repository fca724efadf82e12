/**
 * When a program checks the conditions on data of its launches.
 *
 * A condition that a producer's `ensures` proves is not checked. One that reads nothing but what the caller passes in is
 * checked before anything runs; any other waits for the launches that make its data.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import type { Launch, Plan, PlanTensor } from "../../ir/plan.ts";
import { tensorsRead } from "../data-check.ts";
import { kernelOf, type LibrarySpec } from "./library.ts";

export interface ConditionTimes {
  /** Ordinals of the kernel's conditions. */
  readonly before: readonly number[];
  readonly between: readonly number[];
}

export function conditionTimes(plan: Plan, launch: Launch, kernel: Kernel, spec: LibrarySpec): ConditionTimes {
  const proved = spec.discharged?.get(plan.name)?.get(launch.label);
  const given = new Set(plan.params.filter(({ role }) => isGiven(role)).map(({ name }) => name));
  const checked = kernel.dataRequires.flatMap((condition, ordinal) => {
    if (proved?.has(ordinal) === true) return [];
    const early = [...tensorsRead(condition)].every((param) => given.has(launch.args[param]?.buffer ?? ""));
    return [{ ordinal, early }];
  });
  const ordinals = (wanted: boolean): readonly number[] =>
    checked.flatMap(({ ordinal, early }) => (early === wanted ? [ordinal] : []));
  return { before: ordinals(true), between: ordinals(false) };
}

/** Whether the contents are the caller's for as long as the plan runs. */
function isGiven(role: PlanTensor["role"]): boolean {
  return role === "input" || role === "weight";
}

/** Whether a call of the program can be refused after some of its launches have run. */
export function checksBetweenLaunches(plan: Plan, spec: LibrarySpec): boolean {
  return plan.launches.some(
    (launch) => conditionTimes(plan, launch, kernelOf(spec, launch.kernel), spec).between.length > 0,
  );
}
