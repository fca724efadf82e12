/**
 * Well-formedness of the kernel IR: a kernel → diagnostics, none of them when later steps may rely on it.
 *
 * Runs after the front end and after each pass. The front end reports a user's mistakes with codes of its own, so that
 * a diagnostic from here is a defect of whoever made the kernel.
 *
 *   TK201 two things of one name            TK208 `steps` whose values do not follow from its update
 *   TK202 a name that is not in scope       TK209 a block or an array without room
 *   TK203 a value of the wrong type         TK210 a shape or launch expression that mentions what it may not
 *   TK204 a wrong number of indices         TK211 a loop bound that the loop's body assigns
 *   TK205 a store to an `input`             TK212 a register index that is not known at compile time
 *   TK206 an assignment to an immutable     TK213 a shape that is not linear in the dimensions
 *   TK207 a loop step that is not positive  TK214 a specification that reads what it may not
 *   TK215 a ghost outside of specifications, or not of an integer input of rank 1
 *   TK216 an atomic change of floats or of registers
 *   TK217 a vector access whose lanes, registers and array do not fit each other
 *   TK219 a float that is not rounded to f16 or bf16 and stored into an array of it
 *   TK220 fragments that do not fit their matrix unit, the block or each other
 *   TK218 a `covers` clause for what is no output, or with a wrong number of variables or an unknown loop counter
 */

import { type Diagnostic, sortDiagnostics } from "../../support/diagnostic.ts";
import { InternalError } from "../../support/result.ts";
import type { Span } from "../../support/span.ts";
import { floorDiv } from "./build.ts";
import {
  type CheckContext,
  checkElement,
  checkExpr,
  checkInside,
  type Declaration,
  halvesOf,
  isConstant,
  isLinear,
  isStorable,
  type Place,
  refuse,
} from "./check-expr.ts";
import { checkFragment, checkMatrix, checkMma, checkRow, isOperand } from "./check-matrix.ts";
import { isFloat, valueType } from "./elements.ts";
import { printExpr } from "./print.ts";
import type {
  AssignStmt,
  AtomicStmt,
  CoversClause,
  DataCondition,
  ForStmt,
  Kernel,
  LocalArray,
  Param,
  StepsStmt,
  Stmt,
  StoreStmt,
  VectorStmt,
} from "./types.ts";
import { assignedLocals, visitExpr, visitStmts } from "./walk.ts";

const VECTOR_LANES: ReadonlySet<bigint> = new Set([2n, 4n, 8n, 16n]);

interface Checker {
  readonly kernel: Kernel;
  readonly diagnostics: Diagnostic[];
  /** Every name declared so far, in scope or not. */
  readonly names: Set<string>;
  scope: Map<string, Declaration>;
}

/** Everything that is wrong with the kernel, in source order. */
export function checkKernel(kernel: Kernel): readonly Diagnostic[] {
  const checker: Checker = { kernel, diagnostics: [], names: new Set(), scope: new Map() };
  for (const name of kernel.dims) declare(checker, name, { kind: "dim" }, kernel.span);
  for (const param of kernel.params) declareParam(checker, param);
  checkLaunch(checker, kernel);
  for (const condition of kernel.dataRequires) checkCondition(checker, "requires", condition);
  for (const condition of kernel.ensures) checkCondition(checker, "ensures", condition);
  for (const clause of kernel.covers) checkCovers(checker, kernel, clause);
  for (const array of kernel.arrays) declareArray(checker, array);
  checkMatrix(at(checker, "launch"), kernel);
  checkBlock(checker, kernel.body);
  return sortDiagnostics(checker.diagnostics);
}

function at(checker: Checker, place: Place): CheckContext {
  return { diagnostics: checker.diagnostics, scope: checker.scope, place };
}

function declare(checker: Checker, name: string, declaration: Declaration, span: Span): void {
  if (checker.names.has(name)) refuse(at(checker, "body"), "TK201", span, `the name ${name} is already taken`);
  checker.names.add(name);
  checker.scope.set(name, declaration);
}

function declareParam(checker: Checker, param: Param): void {
  switch (param.kind) {
    case "tensor": {
      const { name, role, element, shape, span } = param;
      declare(checker, name, { kind: "array", space: "global", element, rank: shape.length, role }, span);
      for (const extent of shape) {
        checkExpr(at(checker, "shape"), extent, "int");
        if (isLinear(extent)) continue;
        const message = `the extent ${printExpr(extent)} of ${name} is not linear in the dimensions`;
        refuse(at(checker, "shape"), "TK213", extent.span, message);
      }
      return;
    }
    case "scalar":
      declare(checker, param.name, { kind: "scalar", type: valueType(param.element) }, param.span);
      return;
    default:
      param satisfies never;
      throw new InternalError("unknown parameter");
  }
}

function declareArray(checker: Checker, { space, name, element, shape, span }: LocalArray): void {
  declare(checker, name, { kind: "array", space, element, rank: shape.length, role: undefined }, span);
  if (shape.length === 0 || shape.some((extent) => extent < 1n)) {
    refuse(at(checker, "body"), "TK209", span, `the ${space} array ${name} of [${shape.join(", ")}] has no element`);
  }
}

function checkLaunch(checker: Checker, kernel: Kernel): void {
  const launch = at(checker, "launch");
  for (const { dim, value, span } of kernel.where) {
    if (checker.scope.get(dim)?.kind !== "dim") refuse(launch, "TK202", span, `where defines ${dim}, which is no dim`);
    checkExpr(launch, value, "int");
    visitExpr(value, (part) => {
      if (part.kind !== "dim" || part.name !== dim) return;
      refuse(launch, "TK210", part.span, `where defines ${dim} by itself`);
    });
  }
  for (const condition of kernel.requires) checkExpr(launch, condition, "bool");
  for (const extent of kernel.grid) checkExpr(launch, extent, "int");
  if (kernel.block.some((extent) => extent < 1n)) {
    refuse(launch, "TK209", kernel.span, `a block of [${kernel.block.join(", ")}] has no thread`);
  }
}

function checkCondition(checker: Checker, place: "requires" | "ensures", data: DataCondition): void {
  for (const { extent } of data.variables) checkExpr(at(checker, "launch"), extent, "int");
  const names = data.variables.map(({ name }) => name);
  withVariables(checker, names, data.span, () => checkExpr(at(checker, place), data.condition, "bool"));
}

function checkCovers(checker: Checker, kernel: Kernel, clause: CoversClause): void {
  const { array, variables, block = [], thread = [], counters, span } = clause;
  const context = at(checker, "covers");
  const found = checker.scope.get(array);
  if (found?.kind !== "array" || found.role !== "output") {
    refuse(context, "TK218", span, `covers names ${array}, which is no output`);
  } else if (found.rank !== variables.length) {
    refuse(context, "TK218", span, `covers gives ${variables.length} variables for ${array} of rank ${found.rank}`);
  }
  const loops = new Set<string>();
  visitStmts(kernel.body, (stmt) => {
    if (stmt.kind === "for" || stmt.kind === "steps") loops.add(stmt.counter);
  });
  for (const { name } of counters) {
    if (!loops.has(name)) refuse(context, "TK218", span, `covers names ${name}, which is no loop's counter`);
  }
  if (block.length > 3 || thread.length > 3) refuse(context, "TK218", span, "covers gives more than three axes");
  withVariables(checker, variables, span, () => {
    const values = [...block, ...thread, ...counters.map(({ value }) => value)];
    for (const value of values) checkExpr(at(checker, "covers"), value, "int");
  });
}

/** Integer variables that are in scope for one clause; another clause may use their names again. */
function withVariables(checker: Checker, names: readonly string[], span: Span, check: () => void): void {
  const { scope } = checker;
  checker.scope = new Map(scope);
  const own = new Set<string>();
  for (const name of names) {
    if (own.has(name) || scope.has(name))
      refuse(at(checker, "launch"), "TK201", span, `the name ${name} is already taken`);
    own.add(name);
    checker.scope.set(name, { kind: "local", type: "int", mutable: false, constant: false, halves: [] });
  }
  check();
  checker.scope = scope;
}

/** A block of statements: what it declares ends with it. */
function checkBlock(checker: Checker, body: readonly Stmt[]): void {
  const { scope } = checker;
  checker.scope = new Map(scope);
  for (const stmt of body) checkStmt(checker, stmt);
  checker.scope = scope;
}

function checkStmt(checker: Checker, stmt: Stmt): void {
  switch (stmt.kind) {
    case "let": {
      const { name, type, mutable, value, span } = stmt;
      const context = at(checker, "body");
      checkExpr(context, value, type);
      const constant = !mutable && isConstant(context, value);
      const halves = mutable ? [] : halvesOf(context, value);
      declare(checker, name, { kind: "local", type, mutable, constant, halves }, span);
      return;
    }
    case "assign":
      checkAssign(checker, stmt);
      return;
    case "store":
      checkStore(checker, stmt);
      return;
    case "if":
      checkExpr(at(checker, "body"), stmt.cond, "bool");
      checkBlock(checker, stmt.then);
      checkBlock(checker, stmt.else);
      return;
    case "for":
      checkFor(checker, stmt);
      return;
    case "steps":
      checkSteps(checker, stmt);
      return;
    case "atomic":
      checkAtomic(checker, stmt);
      return;
    case "vector":
      checkVector(checker, stmt);
      return;
    case "fragment":
      checkFragment(at(checker, "body"), checker.kernel, stmt);
      return;
    case "mma":
      checkMma(at(checker, "body"), checker.kernel, stmt);
      return;
    case "barrier":
      return;
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

function checkAssign(checker: Checker, { name, type, value, span }: AssignStmt): void {
  const context = at(checker, "body");
  checkExpr(context, value, type);
  const found = checker.scope.get(name);
  if (found?.kind !== "local") {
    refuse(context, "TK202", span, `no local ${name} is in scope here`);
    return;
  }
  if (!found.mutable) refuse(context, "TK206", span, `${name} is assigned, but it is immutable`);
  if (found.type !== type) refuse(context, "TK203", span, `${name} is ${found.type} and is assigned ${type}`);
}

function checkStore(checker: Checker, { array, index, value, span }: StoreStmt): void {
  const context = at(checker, "body");
  for (const i of index) checkInside(context, i);
  const found = checkElement(context, array, index, span);
  if (found === undefined) {
    checkInside(context, value);
    return;
  }
  checkExpr(context, value, valueType(found.element));
  if (isOperand(checker.kernel, array)) refuse(context, "TK220", span, `${array.name} is stored to by element`);
  if (!isStorable(context, value, found.element)) {
    refuse(
      context,
      "TK219",
      value.span,
      `${printExpr(value)} is stored into ${array.name} and not rounded to ${found.element}`,
    );
  }
  if (found.role === "input") refuse(context, "TK205", span, `${array.name} is an input and is stored to`);
}

function checkAtomic(checker: Checker, { array, index, value, span }: AtomicStmt): void {
  const context = at(checker, "body");
  checkExpr(context, value, "int");
  for (const i of index) checkInside(context, i);
  const found = checkElement(context, array, index, span);
  if (found === undefined) return;
  if (found.role === "input") refuse(context, "TK205", span, `${array.name} is an input and is changed atomically`);
  if (found.space === "register" || isFloat(found.element)) {
    const what = found.space === "register" ? "an array of registers" : `of ${found.element}`;
    refuse(context, "TK216", span, `${array.name} is ${what} and is changed atomically`);
  }
}

function checkVector(checker: Checker, { direction, registers, lanes, array, index, span }: VectorStmt): void {
  const context = at(checker, "body");
  for (const i of index) checkInside(context, i);
  const found = checkElement(context, array, index, span);
  if (!VECTOR_LANES.has(lanes)) refuse(context, "TK217", span, `a vector of ${lanes} lanes, expected 2, 4, 8 or 16`);
  if (found?.space === "register") refuse(context, "TK217", span, `${array.name} is an array of registers itself`);
  if (found?.role === "input" && direction === "store") {
    refuse(context, "TK205", span, `${array.name} is an input and is stored to`);
  }
  const own = checkRow(context, checker.kernel, registers, "TK217", span);
  if (own === undefined) return;
  if (own.shape.at(-1) !== lanes) {
    refuse(context, "TK217", span, `${own.name} is no register array with rows of ${lanes}`);
  } else if (own.fragment !== undefined) {
    refuse(context, "TK217", span, `${own.name} holds fragments, which no vector access moves`);
  } else if (found && own.element !== found.element) {
    refuse(context, "TK217", span, `${own.name} of ${own.element} and ${array.name} of ${found.element} differ`);
  }
}

function checkFor(checker: Checker, stmt: ForStmt): void {
  const { counter, lo, hi, step, unroll, invariants, body, span } = stmt;
  const context = at(checker, "body");
  checkExpr(context, lo, "int");
  checkExpr(context, hi, "int");
  if (step < 1n) refuse(context, "TK207", span, `the loop over ${counter} steps by ${step}, expected 1 or more`);
  const assigned = assignedLocals(body);
  visitExpr(hi, (part) => {
    if (part.kind !== "local" || !assigned.has(part.name)) return;
    refuse(
      context,
      "TK211",
      part.span,
      `the bound of ${counter} depends on ${part.name}, which the loop's body assigns`,
    );
  });
  const constant = unroll && isConstant(context, lo) && isConstant(context, hi);
  checkCounted(checker, counter, constant, span, () => {
    for (const invariant of invariants) checkExpr(at(checker, "invariant"), invariant, "bool");
    checkBlock(checker, body);
  });
}

function checkSteps(checker: Checker, { counter, values, update, body, span }: StepsStmt): void {
  const { op, factor } = update;
  const follow = (value: bigint): bigint | undefined => (op === "mul" ? value * factor : floorDiv(value, factor));
  const geometric = values.every((value, position) => {
    const before = values[position - 1];
    return value > 0n && (before === undefined || follow(before) === value);
  });
  if (factor < 2n || !geometric) {
    const message = `${counter} in ${values.join(", ")} is not a sequence of positive values by ${op} ${factor}`;
    refuse(at(checker, "body"), "TK208", span, message);
  }
  checkCounted(checker, counter, true, span, () => checkBlock(checker, body));
}

/** The counter is in scope for its loop alone. */
function checkCounted(checker: Checker, counter: string, constant: boolean, span: Span, check: () => void): void {
  const { scope } = checker;
  checker.scope = new Map(scope);
  declare(checker, counter, { kind: "local", type: "int", mutable: false, constant, halves: [] }, span);
  check();
  checker.scope = scope;
}
