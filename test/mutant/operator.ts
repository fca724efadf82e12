/** What a mutation operator is, and how one is made of a rule for a node. */

import type { Kernel } from "../../src/ir/kernel/types.ts";
import {
  type Change,
  changesInStmt,
  changesOfBlock,
  type ExprRule,
  mapChange,
  type StmtRule,
  withBody,
} from "./change.ts";

/** Makes a kernel wrong in one way, in each place where that can be done. Several may share a name. */
export interface Operator {
  readonly name: string;
  readonly mutate: (kernel: Kernel) => readonly Change<Kernel>[];
}

export function onKernel(name: string, mutate: Operator["mutate"]): Operator {
  return { name, mutate };
}

/** Applies to every statement of the body. */
export function onStmts(name: string, rule: StmtRule): Operator {
  return {
    name,
    mutate: (kernel) =>
      changesOfBlock(kernel.body, rule).map((change) => mapChange(change, (body) => withBody(kernel, body))),
  };
}

/** Applies to every expression that the machine evaluates in the body. */
export function onExprs(name: string, rule: ExprRule): Operator {
  return onStmts(name, (stmt) => changesInStmt(stmt, rule));
}
