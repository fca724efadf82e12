/** Vector units of CPUs. */

import { notRun } from "./not-run.ts";

/** The vector unit of the instance. */
export interface Simd {
  /** Elements of `f32` in one of its registers: 16 or 8. */
  readonly lanes: number;
}

export const simd: Simd = {
  get lanes(): number {
    return notRun("simd.lanes");
  },
};
