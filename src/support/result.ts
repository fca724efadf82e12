/**
 * `Result`: what a phase returns that can refuse its input.
 *
 * User mistakes are diagnostics in a `Result`, collected and returned; they are never thrown.
 * A broken invariant of the compiler itself throws `InternalError` (exit code 6).
 */

import type { Diagnostic } from "./diagnostic.ts";

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function refuse(...diagnostics: readonly Diagnostic[]): {
  readonly ok: false;
  readonly diagnostics: readonly Diagnostic[];
} {
  return { ok: false, diagnostics };
}

/** A defect in tokitai: an invariant that its own code broke. Reported with exit code 6, never swallowed. */
export class InternalError extends Error {
  override readonly name = "InternalError";
}
