/**
 * Float scalars of a run: the solver says nothing of floats, so that values are tried until the kernel's contract allows
 * them.
 */

import { brokenConditions, type LaunchValues } from "../ir/kernel/interpret-launch.ts";
import type { IndexWidth, SizeLimits } from "../ir/kernel/limits.ts";
import type { Kernel } from "../ir/kernel/types.ts";

/** In this order, the first that the contract allows. */
export const FLOATS = [0.25, 1, 0.00001, 0, 2, -1];

const MAX_TRIALS = 5_000;

/**
 * The scalars of `at` where the contract allows them; else with the first combination of `FLOATS` that it does allow, or as
 * they are where it allows none.
 */
export function allowedScalars(
  kernel: Kernel,
  at: LaunchValues,
  width: IndexWidth,
  limits?: SizeLimits,
): LaunchValues["scalars"] {
  const isAllowed = (scalars: LaunchValues["scalars"]): boolean =>
    brokenConditions(kernel, { dims: at.dims, scalars }, width, limits).length === 0;
  const names = kernel.params.flatMap(({ kind, name, element }) =>
    kind === "scalar" && element === "f32" ? [name] : [],
  );
  if (names.length === 0 || isAllowed(at.scalars)) return at.scalars;
  const trials = Math.min(FLOATS.length ** names.length, MAX_TRIALS);
  for (let trial = 0; trial < trials; trial++) {
    // The digits of the trial's number in base FLOATS.length choose the values.
    const chosen = names.map((name, digit): readonly [string, number] => {
      const position = Math.floor(trial / FLOATS.length ** digit) % FLOATS.length;
      return [name, FLOATS[position] ?? 0];
    });
    const scalars = { ...at.scalars, ...Object.fromEntries(chosen) };
    if (isAllowed(scalars)) return scalars;
  }
  return at.scalars;
}
