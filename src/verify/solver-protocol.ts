/** What a solver process and its owner say to each other, over the child's IPC channel. */

import type { SolverAnswer, SolverLimits } from "./solver.ts";

/** Owner → process. One at a time. */
export interface SolverRequest {
  readonly text: string;
  readonly limits: SolverLimits;
}

/** Process → owner: `ready` once after the canary, then one answer per request; `failed` before the process ends. */
export type SolverMessage =
  | { readonly kind: "ready"; readonly version: string }
  | { readonly kind: "answer"; readonly answer: SolverAnswer }
  | { readonly kind: "failed"; readonly reason: string };
