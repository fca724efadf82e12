/**
 * Conditions on data: what `ensures` says holds of the index tensors that a kernel leaves behind, and what conditions on
 * data rest on.
 *
 * - `ensures`: each written element that the condition reads has been given its value by some store of some thread
 *   (coverage: each element of an output has one; an `inout` may also hold what it held). A query takes one such store
 *   per element, whichever it is, and asks for values of the condition's variables that break it. So it does not matter
 *   which store came last. An array that is changed atomically or by vectors holds anything.
 * - A condition reads only elements that are there, else it says nothing.
 * - Where sums of an index tensor are compared, its elements are at least 0: the order of sums rests on it.
 */

import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import { statementExprs, visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { type Claim, type GiveId, NO_REPLAY, type Replay } from "../claim.ts";
import type { DataClause, ElementTerms } from "../data-clause.ts";
import { otherThread, type Renaming } from "../query.ts";
import { declare, inputApplication, type Scope } from "../scope.ts";
import { type Access, pathTerms, type StoredValue, type Summary } from "../summary.ts";
import { and, eq, FALSE, implies, lt, not, or, rename, type Term, TRUE, within } from "../term.ts";
import { launchAssumptions } from "./assumptions.ts";

export function dataClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  const { data } = summary.scope;
  return [
    ...data.map((clause) => readsClaim(summary, clause, "requires", giveId)),
    ...summary.ensures.map((clause) => readsClaim(summary, clause, "ensures", giveId)),
    ...summedArrays(kernel).map((param) => premiseClaim(summary, param, giveId)),
    ...summary.ensures.map((clause) => ensuresClaim(kernel, summary, clause, giveId)),
  ];
}

interface AnyValues {
  readonly values: readonly Term[];
  readonly guards: readonly Term[];
  /** The values under their variables' names, for a witness. */
  readonly show: Replay["show"];
}

/** Fresh values for a clause's variables, within their extents. */
export function anyValues(scope: Scope, { source, extents }: DataClause): AnyValues {
  const values = source.variables.map(({ name }) =>
    declare(scope, { name: `any.${name}`, sort: "Int", owner: "launch", display: name }),
  );
  return {
    values,
    guards: values.map((value, position) => within("0", value, extents[position] ?? "0")),
    show: values.map((term, position) => ({ label: source.variables[position]?.name ?? "", term })),
  };
}

function readsClaim(summary: Summary, clause: DataClause, of: "requires" | "ensures", giveId: GiveId): Claim {
  const { values, guards, show } = anyValues(summary.scope, clause);
  const outside = clause.reads(values).map(({ path, index, extent }) => {
    const inside = index.map((term, axis) => within("0", term, extent[axis] ?? "0"));
    return and(...pathTerms(path), not(and(...inside)));
  });
  return {
    id: giveId("contract", `${of}.reads`),
    kind: "contract",
    span: clause.source.span,
    statement: `${of} ${clause.text} reads elements that are there`,
    failure: `${of} ${clause.text} may read an element that is not there`,
    code: "TK320",
    hypotheses: [...launchAssumptions(summary), ...guards, or(...outside)],
    // The launcher evaluates a condition before any other is known to hold.
    ...(of === "requires" && { clauses: [] }),
    replay: {
      faults: ["bounds"],
      places: [clause.source.span],
      width: 64,
      loops: [],
      whole: true,
      show,
    },
    fix: "guard the index within the condition, as in 0 <= s[p] && s[p] < T && t[s[p]] === p",
  };
}

/** The arrays whose sums some specification of the kernel mentions. */
function summedArrays(kernel: Kernel): readonly TensorParam[] {
  const names = new Set<string>();
  const note = (expr: Parameters<typeof visitExpr>[0]): void =>
    visitExpr(expr, (part) => {
      if (part.kind === "ghost" && part.fn === "prefix-sum") names.add(part.array.name);
    });
  for (const { condition } of [...kernel.dataRequires, ...kernel.ensures]) note(condition);
  visitStmts(kernel.body, (stmt) => {
    if (stmt.kind === "for") for (const invariant of stmt.invariants) note(invariant);
    for (const expr of statementExprs(stmt)) note(expr);
  });
  return kernel.params.filter((param): param is TensorParam => param.kind === "tensor" && names.has(param.name));
}

function premiseClaim(summary: Summary, { name, span }: TensorParam, giveId: GiveId): Claim {
  const { scope } = summary;
  const position = declare(scope, { name: `any.${name}`, sort: "Int", owner: "launch", display: "index" });
  const extent = summary.extents.get(name)?.[0] ?? "0";
  const element = inputApplication(scope, name, [position]);
  return {
    id: giveId("contract", `sums.${name}`),
    kind: "contract",
    span,
    statement: `the elements of ${name}, whose sums are compared, are at least 0`,
    failure: `an element of ${name}, whose sums are compared, may be negative`,
    code: "TK321",
    hypotheses: [...launchAssumptions(summary), within("0", position, extent), lt(element, "0")],
    unordered: true,
    replay: {
      ...NO_REPLAY,
      contents: (contents) => contents.get(name)?.some((value) => value < 0) ?? false,
      show: [{ label: "element", term: element }],
    },
    fix: `add requires(forall([…], (i) => 0 <= ${name}[i]))`,
  };
}

function ensuresClaim(kernel: Kernel, summary: Summary, clause: DataClause, giveId: GiveId): Claim {
  const { scope } = summary;
  const { values, guards, show } = anyValues(scope, clause);
  const written = new Map(
    kernel.params.flatMap((param) => (param.kind === "tensor" && param.role !== "input" ? [[param.name, param]] : [])),
  );
  // Each element of a written array that is read gets a value of its own, in its place in the condition too.
  const elements: ElementTerms = (array, _, ordinal) =>
    written.has(array)
      ? declare(scope, { name: `final.${ordinal}`, sort: "Int", owner: "launch", display: `${array}'s element` })
      : undefined;
  const others: Renaming[] = [];
  const events: Term[] = [];
  clause.reads(values, elements).forEach((read, ordinal) => {
    const param = written.get(read.array);
    if (param === undefined) return;
    const other = otherThread(scope, false, `e${ordinal}`);
    others.push(other);
    const value = elements(read.array, read.index, ordinal) ?? "0";
    events.push(implies(and(...pathTerms(read.path)), someStore(summary, param, read, value, other)));
  });
  const broken = not(clause.instance(values, elements));
  return {
    id: giveId("contract", "ensures"),
    kind: "contract",
    span: clause.source.span,
    statement: `ensures ${clause.text}`,
    failure: `${clause.text} may not hold when the kernel ends`,
    code: "TK318",
    hypotheses: [...launchAssumptions(summary), ...guards, ...events, broken],
    others,
    replay: {
      faults: ["ensures"],
      places: [clause.source.span],
      width: 64,
      loops: [],
      whole: true,
      show,
    },
    fix: "weaken the condition, or say in an invariant(...) what the stored values are",
  };
}

/** Some thread stores `value` to the element that is read; or nobody does, and it holds what it held. */
function someStore(summary: Summary, param: TensorParam, read: Access, value: Term, other: Renaming): Term {
  const { scope, accesses, assumptions } = summary;
  const stores = summary.values.filter(({ access }) => access.array === param.name);
  const known = new Set(stores.map(({ access }) => access));
  const writes = accesses.filter(({ array, write }) => array === param.name && write);
  if (writes.some((access) => !known.has(access))) return TRUE;
  const event = ({ access, value: stored }: StoredValue): Term => {
    const performed = [...assumptions.position, ...pathTerms(access.path)].map((term) => rename(term, other));
    const there = access.index.map((index, axis) => eq(rename(index, other), read.index[axis] ?? "0"));
    return and(...performed, ...there, eq(rename(stored, other), value));
  };
  const unchanged = param.role === "inout" ? eq(value, inputApplication(scope, param.name, read.index)) : FALSE;
  return or(...stores.map(event), unchanged);
}
