/** Operations of training with weights of f16: rounding, dynamic loss scaling, and steps that are left out. */

import type { ValueId } from "./types.ts";

export interface PrecisionFields {
  /** y = x, rounded to the nearest f16. */
  readonly "round-half": { readonly x: ValueId };
  /**
   * y = x, rounded to one of the two f16 around it: to each with the chance that makes the result right on average. The
   * random integers are those of (seed, step) = random, of `stream`, and of the element's row-major number.
   */
  readonly "round-half-by-chance": { readonly x: ValueId; readonly random: ValueId; readonly stream: number };
  /** y = x where condition[0] ≠ 0, else otherwise. */
  readonly choose: { readonly condition: ValueId; readonly x: ValueId; readonly otherwise: ValueId };
  /**
   * The factor from gradients of the scaled loss to those of a step. state = (S, n): the loss is scaled by S, and n steps
   * have passed since S changed. With squares[0], the sum of the squares of all scaled gradients:
   *   scale[0] = min(1, max_norm/(√squares[0]/S))/S where squares[0] is finite in f32, else 0, for a step that is left out.
   */
  readonly "loss-scale-factor": { readonly squares: ValueId; readonly state: ValueId; readonly maxNorm: number };
  /**
   * The state after the step (Micikevicius et al., "Mixed Precision Training", 2018, section 3.2): where squares[0] is not
   * finite, S is halved, down to 1; after `interval` steps in which it was, S is doubled, up to 2²⁴. Both start n anew.
   */
  readonly "loss-scale-state": { readonly squares: ValueId; readonly state: ValueId; readonly interval: number };
}

export type PrecisionKind = keyof PrecisionFields;

/** The range of S: from no scaling at all to where even a gradient of 2⁻¹⁴⁹ is a number that f32 multiplies exactly. */
export const SMALLEST_LOSS_SCALE = 1;
export const LARGEST_LOSS_SCALE = 2 ** 24;
