/** Where a statement stands in a kernel, as far as it matters to what may stand there. */

import { ts } from "ts-morph";
import type { LocalArray, Stmt } from "../../ir/kernel/types.ts";
import type { Scope } from "./scope.ts";

export interface Place {
  /** In the kernel's own block, or in what follows an early return there. */
  readonly top: boolean;
  readonly inLoop: boolean;
  /** How many statements it stands inside of, in the IR. */
  readonly depth: number;
  readonly arrays: LocalArray[];
  /** The boolean local that a return sets to false, where something around this place still has to be skipped. */
  readonly running?: string;
}

/** Lowers the statements of a block. */
export type LowerStatements = (statements: readonly ts.Statement[], place: Place, scope: Scope) => readonly Stmt[];

/** The statements of a block, or the one statement that stands for it. */
export function blockOf(statement: ts.Statement): readonly ts.Statement[] {
  return ts.isBlock(statement) ? statement.statements : [statement];
}

/** The place of what is nested in a statement at this place. */
export function inside(place: Place): Place {
  return { ...place, top: false, depth: place.depth + 1 };
}
