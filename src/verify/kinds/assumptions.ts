/** The assumptions that obligations share, put together from their origins. */

import type { IndexWidth } from "../../ir/kernel/limits.ts";
import type { Summary } from "../summary.ts";
import type { Term } from "../term.ts";

/** What holds of sizes before any block runs: the launcher checks it. */
export function launchAssumptions(summary: Summary, width: IndexWidth = summary.widest): readonly Term[] {
  const { sizes, contract, grid } = summary.assumptions;
  return [...sizes[width], ...contract, ...grid];
}

/** What holds in a thread: the above, and its place in the grid. */
export function baseAssumptions(summary: Summary, width: IndexWidth = summary.widest): readonly Term[] {
  return [...launchAssumptions(summary, width), ...summary.assumptions.position];
}
