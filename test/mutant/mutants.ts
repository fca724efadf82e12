/**
 * Mutants: a kernel → all kernels that differ from it in one place and are still well-formed.
 *
 * An id is kernel, operator and ordinal in source order, as in `linear/guard-dropped#3`. What has the canonical text of
 * the original, or of a mutant before it, is no mutant.
 */

import { checkKernel } from "../../src/ir/kernel/check.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import type { Span } from "../../src/support/span.ts";
import type { Operator } from "./operator.ts";
import { CONTROL_OPERATORS } from "./operators-control.ts";
import { INDEX_OPERATORS } from "./operators-index.ts";
import { VALUE_OPERATORS } from "./operators-value.ts";
import { type WeakenedSize, weakenedSizes } from "./size-condition.ts";

export interface Mutant {
  readonly id: string;
  readonly operator: string;
  readonly description: string;
  readonly span: Span;
  readonly kernel: Kernel;
  /** The mutant is the 32-bit instance of the kernel itself, under a weaker size condition. */
  readonly weakened?: WeakenedSize;
}

export const OPERATORS: readonly Operator[] = [...INDEX_OPERATORS, ...CONTROL_OPERATORS, ...VALUE_OPERATORS];

export const SIZE_OPERATOR = "size-condition-weakened";

/** The names of all operators, in the order of the table. */
export const OPERATOR_NAMES: readonly string[] = [...new Set(OPERATORS.map(({ name }) => name)), SIZE_OPERATOR];

export function mutantsOf(kernel: Kernel): readonly Mutant[] {
  const seen = new Set([printKernel(kernel)]);
  const ordinals = new Map<string, number>();
  const mutants: Mutant[] = [];
  const give = (operator: string, rest: Omit<Mutant, "id" | "operator">): void => {
    const ordinal = (ordinals.get(operator) ?? 0) + 1;
    ordinals.set(operator, ordinal);
    mutants.push({ id: `${kernel.name}/${operator}#${ordinal}`, operator, ...rest });
  };
  for (const { name, mutate } of OPERATORS) {
    for (const { value, description, span } of mutate(kernel)) {
      const text = printKernel(value);
      if (seen.has(text) || checkKernel(value).length > 0) continue;
      seen.add(text);
      give(name, { description, span, kernel: value });
    }
  }
  for (const { description, span, weakened } of weakenedSizes(kernel)) {
    give(SIZE_OPERATOR, { description, span, kernel, weakened });
  }
  return mutants;
}
