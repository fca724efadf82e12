/**
 * Certificates: the only way from a kernel to code.
 *
 * `ProvedKernel` is a branded type that `certify` alone makes, and only when every obligation is proved. The code
 * generator takes nothing else, so that emitting unproved code is a type error.
 */

import type { IndexWidth } from "../ir/kernel/limits.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { ObligationResult } from "./obligation.ts";

declare const proved: unique symbol;

export interface ProvedKernel {
  readonly [proved]: true;
  readonly kernel: Kernel;
  /** Index widths whose overflow obligations are proved, narrowest first: [32, 64], [32] or [64]. */
  readonly widths: readonly IndexWidth[];
  readonly obligations: readonly ObligationResult[];
}

/** `undefined` unless there is at least one obligation, one width, and every verdict is `proved`. */
export function certify(
  kernel: Kernel,
  widths: readonly IndexWidth[],
  obligations: readonly ObligationResult[],
): ProvedKernel | undefined {
  if (widths.length === 0 || obligations.length === 0) return undefined;
  if (obligations.some(({ verdict, kernel: name }) => verdict !== "proved" || name !== kernel.name)) return undefined;
  return { kernel, widths, obligations } as ProvedKernel;
}
