/**
 * A small syntax tree of C and C++: what the generated files are made of before they are text.
 *
 *   Item ::= include | define | directive | comment | function | struct | enum | typedef
 *   Stmt ::= declare | expr | if | for | block | return | comment | pragma
 *   Expr ::= literal | name | op e | e op e | e ? e : e | e(e…) | e[e] | e.name | (type)e | {e…} | [&] {stmt…}
 *
 * Nodes carry no layout and no parentheses: `c-print.ts` adds both. The functions below the unions make the nodes that
 * are needed often.
 */

export type CType =
  | { readonly kind: "named"; readonly name: string; readonly args: readonly CType[] }
  | { readonly kind: "const"; readonly of: CType }
  | { readonly kind: "pointer"; readonly to: CType; readonly restrict: boolean }
  | { readonly kind: "reference"; readonly to: CType }
  | { readonly kind: "function"; readonly returns: CType; readonly params: readonly CParam[] };

export type CUnaryOp = "-" | "!" | "&" | "*" | "++";
export type CBinaryOp = "*" | "/" | "%" | "+" | "-" | "<" | "<=" | ">" | ">=" | "==" | "!=" | "&&" | "||";
export type CAssignOp = "=" | "+=" | "-=" | "*=" | "/=";

export type CExpr =
  /** An identifier, possibly qualified: `tok::fail`. */
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "int"; readonly value: bigint }
  /** Rounded to f32 when printed. */
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "double"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "unary"; readonly op: CUnaryOp; readonly value: CExpr }
  | { readonly kind: "binary"; readonly op: CBinaryOp; readonly left: CExpr; readonly right: CExpr }
  | { readonly kind: "assign"; readonly op: CAssignOp; readonly left: CExpr; readonly right: CExpr }
  | { readonly kind: "conditional"; readonly cond: CExpr; readonly then: CExpr; readonly else: CExpr }
  | {
      readonly kind: "call";
      readonly callee: CExpr;
      readonly types: readonly CType[];
      readonly args: readonly CExpr[];
    }
  | { readonly kind: "index"; readonly base: CExpr; readonly index: CExpr }
  | { readonly kind: "member"; readonly base: CExpr; readonly arrow: boolean; readonly name: string }
  | { readonly kind: "cast"; readonly type: CType; readonly value: CExpr }
  | { readonly kind: "braces"; readonly items: readonly CExpr[] }
  /** A function without parameters that refers to everything around it. */
  | { readonly kind: "lambda"; readonly returns: CType; readonly body: readonly CStmt[] };

export interface CDeclare {
  readonly kind: "declare";
  /** `static`, `__shared__`. */
  readonly specifiers: readonly string[];
  /** The bytes of `alignas`. */
  readonly align: bigint | undefined;
  readonly type: CType;
  readonly name: string;
  readonly extents: readonly CExpr[];
  readonly init: CExpr | undefined;
  /** Marked `[[maybe_unused]]`. */
  readonly unused: boolean;
}

export type CStmt =
  | CDeclare
  | { readonly kind: "expr"; readonly value: CExpr }
  | { readonly kind: "if"; readonly cond: CExpr; readonly then: readonly CStmt[]; readonly else: readonly CStmt[] }
  | {
      readonly kind: "for";
      readonly init: CDeclare;
      readonly cond: CExpr;
      readonly update: CExpr;
      readonly body: readonly CStmt[];
    }
  | { readonly kind: "block"; readonly body: readonly CStmt[] }
  | { readonly kind: "return"; readonly value: CExpr }
  | { readonly kind: "comment"; readonly text: string }
  | { readonly kind: "pragma"; readonly text: string };

export interface CParam {
  readonly type: CType;
  /** Absent where the function does not use the parameter. */
  readonly name: string | undefined;
  /** Marked `[[maybe_unused]]`. */
  readonly unused: boolean;
}

/** `static`, `__global__`, `__launch_bounds__(256)`. */
export interface CSpecifier {
  readonly name: string;
  readonly args: readonly CExpr[];
}

export interface CField {
  readonly type: CType;
  readonly name: string;
  readonly extents: readonly CExpr[];
  readonly comment: string | undefined;
}

export interface CFunction {
  readonly kind: "function";
  /** Comment lines above it. */
  readonly doc: readonly string[];
  /** Names of type parameters. */
  readonly template: readonly string[];
  readonly specifiers: readonly CSpecifier[];
  readonly returns: CType;
  readonly name: string;
  readonly params: readonly CParam[];
  /** Absent in a prototype. */
  readonly body: readonly CStmt[] | undefined;
  /** A prototype in a C header writes `(void)` where there are no parameters. */
  readonly c: boolean;
}

export type CItem =
  | CFunction
  | { readonly kind: "include"; readonly path: string; readonly system: boolean }
  | { readonly kind: "define"; readonly name: string; readonly value: CExpr | undefined; readonly comment?: string }
  /** A line of the preprocessor without its `#`, and the braces of `extern "C"`. */
  | { readonly kind: "directive"; readonly text: string }
  | { readonly kind: "comment"; readonly lines: readonly string[] }
  /** `typedef struct name { … } name;` in C; a struct template in C++. */
  | {
      readonly kind: "struct";
      readonly doc: readonly string[];
      readonly template: readonly string[];
      readonly name: string;
      readonly fields: readonly CField[];
    }
  | {
      readonly kind: "enum";
      readonly doc: readonly string[];
      readonly name: string;
      readonly values: readonly { readonly name: string; readonly value: bigint; readonly comment: string }[];
    }
  | { readonly kind: "typedef"; readonly doc: readonly string[]; readonly type: CType; readonly name: string };

export function type(name: string, ...args: readonly CType[]): CType {
  return { kind: "named", name, args };
}

export function constant(of: CType): CType {
  return { kind: "const", of };
}

export function pointer(to: CType, restrict = false): CType {
  return { kind: "pointer", to, restrict };
}

export function name(text: string): CExpr {
  return { kind: "name", name: text };
}

export function integer(value: bigint | number): CExpr {
  return { kind: "int", value: BigInt(value) };
}

export function text(value: string): CExpr {
  return { kind: "string", value };
}

export function unary(op: CUnaryOp, value: CExpr): CExpr {
  return { kind: "unary", op, value };
}

export function binary(op: CBinaryOp, left: CExpr, right: CExpr): CExpr {
  return { kind: "binary", op, left, right };
}

export function call(callee: string | CExpr, args: readonly CExpr[], types: readonly CType[] = []): CExpr {
  return { kind: "call", callee: typeof callee === "string" ? name(callee) : callee, types, args };
}

export function at(base: CExpr, ...indices: readonly CExpr[]): CExpr {
  return indices.reduce<CExpr>((inner, index) => ({ kind: "index", base: inner, index }), base);
}

export function member(base: CExpr, field: string): CExpr {
  return { kind: "member", base, arrow: false, name: field };
}

export function arrow(base: CExpr, field: string): CExpr {
  return { kind: "member", base, arrow: true, name: field };
}

export function cast(to: CType, value: CExpr): CExpr {
  return { kind: "cast", type: to, value };
}

export function braces(items: readonly CExpr[]): CExpr {
  return { kind: "braces", items };
}

export function declare(
  declared: CType,
  variable: string,
  init?: CExpr,
  options: {
    readonly extents?: readonly CExpr[];
    readonly specifiers?: readonly string[];
    readonly unused?: boolean;
    readonly align?: bigint | undefined;
  } = {},
): CDeclare {
  const { extents = [], specifiers = [], unused = false, align } = options;
  return { kind: "declare", specifiers, align, type: declared, name: variable, extents, init, unused };
}

export function assign(left: CExpr, right: CExpr, op: CAssignOp = "="): CStmt {
  return { kind: "expr", value: { kind: "assign", op, left, right } };
}

export function run(value: CExpr): CStmt {
  return { kind: "expr", value };
}

export function ret(value: CExpr): CStmt {
  return { kind: "return", value };
}

export function when(cond: CExpr, then: readonly CStmt[], otherwise: readonly CStmt[] = []): CStmt {
  return { kind: "if", cond, then, else: otherwise };
}

/** `for (declared variable = from; cond; update) body` */
export function loop(init: CDeclare, cond: CExpr, update: CExpr, body: readonly CStmt[]): CStmt {
  return { kind: "for", init, cond, update, body };
}

export function param(declared: CType, variable: string | undefined, unused = false): CParam {
  return { type: declared, name: variable, unused };
}

export function field(declared: CType, variable: string, comment?: string, extents: readonly CExpr[] = []): CField {
  return { type: declared, name: variable, extents, comment };
}

export function fn(
  returns: CType,
  functionName: string,
  params: readonly CParam[],
  body: readonly CStmt[] | undefined,
  options: {
    readonly doc?: readonly string[];
    readonly template?: readonly string[];
    readonly specifiers?: readonly (string | CSpecifier)[];
    readonly c?: boolean;
  } = {},
): CFunction {
  const specifiers = (options.specifiers ?? []).map((s) => (typeof s === "string" ? { name: s, args: [] } : s));
  const { doc = [], template = [], c = false } = options;
  return { kind: "function", doc, template, specifiers, returns, name: functionName, params, body, c };
}

/** A line of the preprocessor. */
export function directive(text: string): CItem {
  return { kind: "directive", text };
}
