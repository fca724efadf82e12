/**
 * Collects the mistakes of a data file.
 *
 * A file with a wrong column has as many mistakes as rows. All are counted, the first 20 are shown, and one last
 * diagnostic (TK549) says how many were left out.
 */

import { type Diagnostic, error } from "../support/diagnostic.ts";
import { InternalError } from "../support/result.ts";

const SHOWN = 20;

export interface Faults {
  readonly shown: Diagnostic[];
  count: number;
}

export function noFaults(): Faults {
  return { shown: [], count: 0 };
}

/** The diagnostic is built only when it will be shown: finding its place may cost a second reading of the file. */
export function addFault(faults: Faults, build: () => Diagnostic): void {
  faults.count++;
  if (faults.shown.length < SHOWN) faults.shown.push(build());
}

/** The shown diagnostics, in the order found; the note on the rest stands at the place of the last one shown. */
export function faultDiagnostics({ shown, count }: Faults): readonly Diagnostic[] {
  if (count <= shown.length) return shown;
  const last = shown.at(-1);
  if (!last) throw new InternalError("faults were counted but none was kept");
  return [...shown, error("TK549", last.span, `and ${count - shown.length} more`, "correct these and run again")];
}
