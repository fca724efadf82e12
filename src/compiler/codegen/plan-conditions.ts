/**
 * When a program checks the conditions on data of its launches.
 *
 * A condition that a producer's `ensures` proves is not checked. One that reads nothing but what the caller passes in is
 * checked before anything runs; any other waits for the launches that make its data.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import type { Launch, Plan } from "../../ir/plan.ts";
import { tensorsRead } from "../data-check.ts";
import { kernelOf, type LibrarySpec } from "./library.ts";

export interface ConditionTimes {
  /** Ordinals of the kernel's conditions. */
  readonly before: readonly number[];
  readonly between: readonly number[];
}

export function conditionTimes(plan: Plan, launch: Launch, kernel: Kernel, spec: LibrarySpec): ConditionTimes {
  const proved = spec.discharged?.get(plan.name)?.get(launch.label);
  const given = new Set(plan.params.filter(({ role }) => role !== "output").map(({ name }) => name));
  const checked = kernel.dataRequires.flatMap((condition, ordinal) => {
    if (proved?.has(ordinal) === true) return [];
    const early = [...tensorsRead(condition)].every((param) => given.has(launch.args[param]?.buffer ?? ""));
    return [{ ordinal, early }];
  });
  const ordinals = (wanted: boolean): readonly number[] =>
    checked.flatMap(({ ordinal, early }) => (early === wanted ? [ordinal] : []));
  return { before: ordinals(true), between: ordinals(false) };
}

/** Whether a call of the program can be refused after some of its launches have run. */
export function checksBetweenLaunches(plan: Plan, spec: LibrarySpec): boolean {
  return plan.launches.some(
    (launch) => conditionTimes(plan, launch, kernelOf(spec, launch.kernel), spec).between.length > 0,
  );
}
