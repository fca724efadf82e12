/** Rates of one SIMD, out of those of the whole GPU. */

import { simdsPerUnit, type Target } from "../targets.ts";

/** Bytes per clock that the L2 gives to each SIMD when all ask for some. */
export function memoryRate(target: Target): number {
  return target.product.l2BytesPerClock / (target.product.computeUnits * simdsPerUnit(target));
}

/** Operations of vector instructions per clock: a multiplication and an addition per lane, twice where two go in one instruction. */
export function vectorPeak({ waveSize, vectorClocks, dualIssue, packedF32 }: Target): number {
  return ((2 * waveSize) / vectorClocks) * (dualIssue || packedF32 ? 2 : 1);
}
