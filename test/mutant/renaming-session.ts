/**
 * A session for many kernels that differ little: a query is asked once for all texts that differ in the names of their
 * symbols alone.
 *
 * A change early in a kernel renumbers the symbols of everything after it. Renaming symbols one to one changes neither
 * `sat` nor `unsat`, so that symbols are numbered by their first appearance before the query is asked. A model would have
 * the new names, so that a query which needs its model is asked as it is.
 */

import type { Session } from "../../src/verify/session.ts";

/** Symbols that the verifier declares, with anything in their names that SMT-LIB allows. */
const DECLARATION = /\(declare-(?:const|fun) (\|[^|]*\||[^\s()]+)/g;
const ATOM = /\|[^|]*\||[^\s()]+/g;

export function renameSymbols(text: string): string {
  const names = new Map<string, string>();
  for (const [, name] of text.matchAll(DECLARATION)) {
    if (name !== undefined && !names.has(name)) names.set(name, `s${names.size}`);
  }
  return text.replaceAll(ATOM, (atom) => names.get(atom) ?? atom);
}

/** Answers `solve` by renamed texts, without models. */
export function renamingSession(session: Session): Session {
  return {
    ...session,
    solve: async (text) => {
      const { model: _, ...answer } = await session.solve(renameSymbols(text));
      return answer;
    },
  };
}
