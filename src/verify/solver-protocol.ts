/**
 * What a solver process and its owner say to each other, over the child's IPC channel.
 *
 * Requests carry a number that is never used twice; a process answers them in order, each once. Whatever comes from a
 * process is read by `readMessage`, which takes nothing on trust: a message that is not one of these is `undefined`.
 */

import type { SolverAnswer, SolverLimits } from "./solver.ts";

/** Owner → process: one or more at a time, to be answered in this order. */
export interface SolverRequest {
  readonly id: number;
  readonly text: string;
  readonly limits: SolverLimits;
}

/** Process → owner: `ready` once, then one answer per request; `failed` before the process ends. */
export type SolverMessage =
  | { readonly kind: "ready"; readonly version: string }
  | { readonly kind: "answer"; readonly id: number; readonly answer: SolverAnswer }
  | { readonly kind: "failed"; readonly reason: string };

export function readMessage(message: unknown): SolverMessage | undefined {
  if (!isRecord(message)) return undefined;
  const { kind, version, id, answer, reason } = message;
  switch (kind) {
    case "ready":
      return typeof version === "string" ? { kind, version } : undefined;
    case "failed":
      return typeof reason === "string" ? { kind, reason } : undefined;
    case "answer": {
      const read = readAnswer(answer);
      return typeof id === "number" && read !== undefined ? { kind, id, answer: read } : undefined;
    }
    default:
      return undefined;
  }
}

/** An answer of which every part is there: `sat` has a model, `unsat` has none, `unknown` has a reason. */
export function readAnswer(answer: unknown): SolverAnswer | undefined {
  if (!isRecord(answer)) return undefined;
  const { result, model, reason, milliseconds } = answer;
  if (typeof milliseconds !== "number" || !Number.isFinite(milliseconds) || milliseconds < 0) return undefined;
  if (result === "sat" && typeof model === "string") return { result, model, milliseconds };
  if (result === "unsat" && model === undefined) return { result, milliseconds };
  if (result === "unknown" && typeof reason === "string") return { result, reason, milliseconds };
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How the reason begins where the solver itself has found no answer, and neither a process nor the query had failed. */
export const GAVE_UP = "Z3 gave up: ";
