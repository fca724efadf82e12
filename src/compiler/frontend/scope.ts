/**
 * What a name means while one instance of a kernel is lowered.
 *
 * TypeScript's checker resolves names, shadowing included; here each of its symbols gets a binding. What is declared
 * at the top of a file is looked up when it is used, since constants and inline functions are lowered at each use.
 */

import { ts } from "ts-morph";
import type { ElementType, HalfElement, ScalarType } from "../../ir/kernel/elements.ts";
import type { ArrayRef, Expr } from "../../ir/kernel/expr.ts";
import type { SimdUnit } from "../../ir/kernel/simd.ts";
import type { LocalArray, TensorParam } from "../../ir/kernel/types.ts";
import type { Span } from "../../support/span.ts";
import { createGrowth, type Growth } from "./growth.ts";
import type { MatrixContext } from "./matrix.ts";
import type { NameSupply } from "./names.ts";
import type { KernelProgram } from "./program.ts";
import type { Reporter } from "./reporter.ts";

export type Binding =
  /** A value that does not change: `what` names its kind for messages. */
  | { readonly kind: "value"; readonly what: string; readonly make: (span: Span) => Expr }
  | { readonly kind: "counter"; readonly name: string }
  | {
      readonly kind: "local";
      readonly name: string;
      readonly type: ScalarType;
      readonly mutable: boolean;
      /** The half formats that hold its value, of an immutable one. */
      readonly halves: readonly HalfElement[];
    }
  /** The argument of an inlined function; it keeps the place of the call. */
  | { readonly kind: "argument"; readonly expr: Expr }
  | { readonly kind: "tensor"; readonly param: TensorParam }
  | { readonly kind: "array"; readonly array: LocalArray }
  /** An element type that a family of kernels was given. */
  | { readonly kind: "element"; readonly element: ElementType }
  /** Its declaration was refused; uses are not reported again. */
  | { readonly kind: "refused" };

/** What a name at the top of a file stands for. */
export type ModuleName =
  | { readonly kind: "dsl"; readonly name: string }
  | { readonly kind: "constant"; readonly declaration: ts.VariableDeclaration }
  | { readonly kind: "function"; readonly declaration: FunctionNode; readonly place: ts.Node }
  | { readonly kind: "family"; readonly family: FamilyNode }
  | { readonly kind: "other"; readonly declaration: ts.Node };

/** `const NAME = (T, …) => kernel(…)` */
export interface FamilyNode {
  readonly statement: ts.VariableStatement;
  readonly declaration: ts.ArrowFunction;
  readonly call: ts.CallExpression;
}

export type FunctionNode = ts.ArrowFunction | ts.FunctionDeclaration | ts.FunctionExpression;

/** Where an expression stands: in the code that threads run, in the launch, or in a clause of the specification. */
export type Clause = "code" | "launch" | "requires" | "ensures" | "invariant" | "covers";

export interface Scope {
  readonly clause: Clause;
  readonly program: KernelProgram;
  readonly reporter: Reporter;
  readonly names: NameSupply;
  readonly bindings: Map<ts.Symbol, Binding>;
  /** The instance's matrix unit and the block whose threads are its lanes; absent without one. */
  readonly matrix: MatrixContext | undefined;
  /** The instance's vector unit of a CPU. */
  readonly simd: SimdUnit | undefined;
  /** Counters of loops with constant bounds, and whether a register index asks for the loop to be unrolled. */
  readonly constantLoops: Map<string, { unroll: boolean }>;
  /** Symbols that the kernel's body assigns to. */
  readonly assigned: ReadonlySet<ts.Symbol>;
  /** Constants and functions being expanded, to find those that use themselves. */
  readonly expanding: ts.Symbol[];
  readonly growth: Growth;
}

/** `given`: what names outside of the body stand for, as the parameters of a family. */
export function createScope(
  program: KernelProgram,
  reporter: Reporter,
  names: NameSupply,
  body?: ts.Node,
  {
    given = new Map(),
    matrix,
    simd,
  }: {
    readonly given?: ReadonlyMap<ts.Symbol, Binding> | undefined;
    readonly matrix?: MatrixContext | undefined;
    readonly simd?: SimdUnit | undefined;
  } = {},
): Scope {
  return {
    clause: "code",
    program,
    reporter,
    names,
    bindings: new Map(given),
    matrix,
    simd,
    constantLoops: new Map(),
    assigned: body === undefined ? new Set() : assignedSymbols(body, program.checker),
    expanding: [],
    growth: createGrowth(),
  };
}

/** The symbol that an identifier refers to, behind imports. */
export function symbolOf(node: ts.Node, checker: ts.TypeChecker): ts.Symbol | undefined {
  const symbol = checker.getSymbolAtLocation(node);
  if (symbol === undefined) return undefined;
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** `undefined` for what is declared inside a function, and for TypeScript's own globals. */
export function moduleNameOf(symbol: ts.Symbol, program: KernelProgram): ModuleName | undefined {
  const declaration = symbol.valueDeclaration ?? symbol.declarations?.[0];
  if (declaration === undefined) return undefined;
  const file = declaration.getSourceFile();
  if (program.isDsl(file)) return { kind: "dsl", name: symbol.name };
  if (file.isDeclarationFile || !isAtTop(declaration)) return undefined;
  if (ts.isFunctionDeclaration(declaration)) return { kind: "function", declaration, place: declaration };
  if (!ts.isVariableDeclaration(declaration) || !isConst(declaration)) return { kind: "other", declaration };
  const value = declaration.initializer && skipParentheses(declaration.initializer);
  if (value === undefined) return { kind: "other", declaration };
  if (ts.isArrowFunction(value) || ts.isFunctionExpression(value)) {
    const family = familyIn(declaration, value, program);
    if (family !== undefined) return { kind: "family", family };
    return { kind: "function", declaration: value, place: declaration };
  }
  return isKernelCall(value, program) || familyOf(value, program) !== undefined
    ? { kind: "other", declaration }
    : { kind: "constant", declaration };
}

function familyIn(
  { parent }: ts.VariableDeclaration,
  declaration: ts.ArrowFunction | ts.FunctionExpression,
  program: KernelProgram,
): FamilyNode | undefined {
  if (!ts.isArrowFunction(declaration) || ts.isBlock(declaration.body)) return undefined;
  const call = skipParentheses(declaration.body);
  if (!isKernelCall(call, program) || !ts.isVariableStatement(parent.parent)) return undefined;
  return { statement: parent.parent, declaration, call };
}

/** The family that an expression applies. */
export function familyOf(node: ts.Expression, program: KernelProgram): FamilyNode | undefined {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return undefined;
  const symbol = symbolOf(node.expression, program.checker);
  const declaration = symbol?.valueDeclaration;
  // What is no function is not asked what it stands for, since that would lead back here.
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.initializer === undefined) {
    return undefined;
  }
  const value = skipParentheses(declaration.initializer);
  return ts.isArrowFunction(value) && isConst(declaration) && isAtTop(declaration)
    ? familyIn(declaration, value, program)
    : undefined;
}

/** `kernel(…)`, whatever the file calls it. */
export function isKernelCall(node: ts.Node, program: KernelProgram): node is ts.CallExpression {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return false;
  const symbol = symbolOf(node.expression, program.checker);
  const file = symbol?.declarations?.[0]?.getSourceFile();
  return symbol?.name === "kernel" && file !== undefined && program.isDsl(file);
}

/** The name of the element type that an expression is: one of `tokitai/dsl`, or one that a family was given. */
export function elementName(node: ts.Expression, { program, bindings }: Scope): string | undefined {
  const symbol = ts.isIdentifier(node) ? symbolOf(node, program.checker) : undefined;
  const binding = symbol && bindings.get(symbol);
  return binding?.kind === "element" ? binding.element : dslName(node, program);
}

/** The name that an expression has in `tokitai/dsl`, whatever the file calls it. */
export function dslName(node: ts.Node, program: KernelProgram): string | undefined {
  if (!ts.isIdentifier(node)) return undefined;
  const symbol = symbolOf(node, program.checker);
  const name = symbol && moduleNameOf(symbol, program);
  return name?.kind === "dsl" ? name.name : undefined;
}

/** The name that a call's function has in `tokitai/dsl`: `barrier`, `wave.barrier` or `matrix.row`. */
export function calledName({ expression }: ts.CallExpression, program: KernelProgram): string | undefined {
  if (!ts.isPropertyAccessExpression(expression)) return dslName(expression, program);
  const object = dslName(expression.expression, program);
  return object === "wave" || object === "matrix" ? `${object}.${expression.name.text}` : undefined;
}

/** The parameter behind a reference to global memory. */
export function tensorOf({ space, name }: ArrayRef, scope: Scope): TensorParam | undefined {
  if (space !== "global") return undefined;
  for (const binding of scope.bindings.values()) {
    if (binding.kind === "tensor" && binding.param.name === name) return binding.param;
  }
  return undefined;
}

export function isConst(declaration: ts.VariableDeclaration): boolean {
  return (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Const;
}

export function skipParentheses(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) ? skipParentheses(node.expression) : node;
}

/** The source of a node on one line, for messages. */
export function quote(node: ts.Node): string {
  const text = node.getText().replace(/\s+/g, " ");
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export function isAssignment(kind: ts.SyntaxKind): boolean {
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

function isAtTop(declaration: ts.Declaration): boolean {
  if (ts.isFunctionDeclaration(declaration)) return ts.isSourceFile(declaration.parent);
  if (!ts.isVariableDeclaration(declaration)) return ts.isSourceFile(declaration.parent);
  return ts.isVariableStatement(declaration.parent.parent) && ts.isSourceFile(declaration.parent.parent.parent);
}

function assignedSymbols(body: ts.Node, checker: ts.TypeChecker): ReadonlySet<ts.Symbol> {
  const found = new Set<ts.Symbol>();
  const note = (target: ts.Expression): void => {
    const symbol = symbolOf(skipParentheses(target), checker);
    if (symbol !== undefined) found.add(symbol);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) note(node.left);
    if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) note(node.operand);
    ts.forEachChild(node, visit);
  };
  visit(body);
  return found;
}
