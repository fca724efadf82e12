/**
 * The size condition of 32-bit indices, weakened: limits of the 32-bit instance's launch, replaced by those of the 64-bit
 * one. The instance's overflow obligations, which rest on them, must then be refuted.
 *
 * The limits are data (`SIZE_LIMITS`), and not part of a kernel. So it is the obligations that are changed: they assume the
 * weaker limits, and the replay runs under these.
 */

import { SIZE_LIMITS } from "../../src/ir/kernel/limits.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { InternalError } from "../../src/support/result.ts";
import type { Span } from "../../src/support/span.ts";
import type { Claim } from "../../src/verify/claim.ts";
import type { KernelClaims } from "../../src/verify/verify.ts";

/** Which of the limits are weakened: those of dimensions, those of element counts, or all. */
export type WeakenedSize = "dimensions" | "elements" | "all";

export interface SizeMutation {
  readonly weakened: WeakenedSize;
  readonly description: string;
  readonly span: Span;
}

/** Single limits are no mutants: that of one tensor often follows from that of another. */
export function weakenedSizes({ span }: Kernel): readonly SizeMutation[] {
  const { 32: narrow, 64: wide } = SIZE_LIMITS;
  const dims = `dimensions up to ${wide.maxDim} instead of ${narrow.maxDim}`;
  const elements = `tensors up to ${wide.maxElements} elements instead of ${narrow.maxElements}`;
  return [
    { weakened: "all", description: `32-bit indices serve ${dims} and ${elements}`, span },
    { weakened: "elements", description: `32-bit indices serve ${elements}`, span },
    { weakened: "dimensions", description: `32-bit indices serve ${dims}`, span },
  ];
}

/** The overflow obligations of the 32-bit instance under the weaker condition. */
export function weakenedClaims(
  kernel: Kernel,
  { summary, byWidth }: KernelClaims,
  weakened: WeakenedSize,
): readonly Claim[] {
  const { 32: narrow, 64: wide } = summary.assumptions.sizes;
  // The limits of dimensions come first, in the order of `kernel.dims`.
  const weak = (position: number): boolean =>
    weakened === "all" || (weakened === "dimensions") === position < kernel.dims.length;
  const mixed = narrow.map((term, position) => (weak(position) ? (wide[position] ?? term) : term));
  const limits = {
    maxDim: SIZE_LIMITS[weakened === "elements" ? 32 : 64].maxDim,
    maxElements: SIZE_LIMITS[weakened === "dimensions" ? 32 : 64].maxElements,
  };
  return byWidth[32].map((claim) => {
    const rest = claim.hypotheses.slice(narrow.length);
    const assumed = claim.hypotheses.slice(0, narrow.length);
    if (assumed.some((term, position) => term !== narrow[position])) {
      throw new InternalError(`${claim.id} does not begin with the size condition`);
    }
    return { ...claim, hypotheses: [...mixed, ...rest], replay: { ...claim.replay, limits } };
  });
}
