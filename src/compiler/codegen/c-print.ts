/**
 * Printer of the C syntax tree: parentheses where C's precedence asks for them, and where GCC and Clang warn without
 * them (`&&` inside `||`, a comparison inside a comparison); two spaces per level; 120 columns where tokens allow it.
 */

import { InternalError } from "../../support/result.ts";
import type { CBinaryOp, CDeclare, CExpr, CField, CFunction, CItem, CParam, CStmt, CType } from "./c-ast.ts";
import { type Doc, group, HARD, indent, join, LINE, render, SOFT } from "./c-doc.ts";
import { doubleLiteral, floatLiteral, intLiteral } from "./c-literal.ts";

const WIDTH = 120;
/** An `if` with its `return` stands on one line up to this length; that leaves room for its own indentation. */
const ONE_LINE = 100;
/** Spaces before the continuation of a broken line. */
const CONTINUE = 4;

const LEVEL = { assign: 1, conditional: 2, or: 3, and: 4, equality: 5, relation: 6, sum: 7, product: 8 } as const;
const UNARY = 9;
const POSTFIX = 10;

const BINARY_LEVEL: Readonly<Record<CBinaryOp, number>> = {
  "*": LEVEL.product,
  "/": LEVEL.product,
  "%": LEVEL.product,
  "+": LEVEL.sum,
  "-": LEVEL.sum,
  "<": LEVEL.relation,
  "<=": LEVEL.relation,
  ">": LEVEL.relation,
  ">=": LEVEL.relation,
  "==": LEVEL.equality,
  "!=": LEVEL.equality,
  "&&": LEVEL.and,
  "||": LEVEL.or,
};

/** One expression on one line, however long. */
export function printExpr(expr: CExpr): string {
  return render(exprAt(expr, LEVEL.assign), Infinity);
}

/** A whole file: items with a blank line between them, but for runs of includes, defines and one-line typedefs. */
export function printFile(items: readonly CItem[]): string {
  const parts = items.flatMap((item, position): readonly Doc[] => {
    const before = items[position - 1];
    if (before === undefined) return [itemDoc(item)];
    return [HARD, ...(standTogether(before, item) ? [] : [HARD]), itemDoc(item)];
  });
  return `${render(parts, WIDTH)}\n`;
}

function standTogether(before: CItem, item: CItem): boolean {
  const brief = (kind: CItem["kind"]): boolean => kind === "include" || kind === "define" || kind === "directive";
  if (brief(before.kind) && before.kind === item.kind) return true;
  return before.kind === "directive" && item.kind === "define";
}

function itemDoc(item: CItem): Doc {
  switch (item.kind) {
    case "include":
      return item.system ? `#include <${item.path}>` : `#include "${item.path}"`;
    case "define": {
      const note = item.comment === undefined ? [] : commentDocs([item.comment]);
      const value = item.value === undefined ? "" : [" ", exprAt(item.value, UNARY)];
      return [note, "#define ", item.name, value];
    }
    case "directive":
      return item.text;
    case "comment":
      return join(wrapLines(item.lines).map(commentLine), HARD);
    case "function":
      return functionDoc(item);
    case "struct": {
      const head = item.template.length === 0 ? `typedef struct ${item.name} {` : `struct ${item.name} {`;
      const tail = item.template.length === 0 ? `} ${item.name};` : "};";
      const fields = item.fields.map((field): Doc => [HARD, fieldDoc(field)]);
      return [commentDocs(item.doc), templateDoc(item.template), head, indent(2, fields), HARD, tail];
    }
    case "enum": {
      const values = item.values.map(
        ({ name, value, comment }): Doc => [HARD, `${name} = ${intLiteral(value)},`, ` ${commentLine(comment)}`],
      );
      return [commentDocs(item.doc), `typedef enum ${item.name} {`, indent(2, values), HARD, `} ${item.name};`];
    }
    case "typedef":
      return [commentDocs(item.doc), "typedef ", declarator(item.type, item.name), ";"];
    default:
      item satisfies never;
      throw new InternalError("unknown item");
  }
}

function commentLine(text: string): string {
  // A backslash at the end would join the next line to the comment.
  const line = text.replaceAll(/[\r\n]+/g, " ").replace(/\\+$/, "");
  return `// ${line}`.trimEnd();
}

function commentDocs(lines: readonly string[]): Doc {
  return wrapLines(lines).flatMap((line): readonly Doc[] => [commentLine(line), HARD]);
}

/**
 * Lines of a comment of its own, each as many words as fit beside the `//`; a single long word stays whole. What a line
 * of running text has too much goes before the next line of the same paragraph; what an indented one has too much gets
 * a line of its own, further in.
 */
function wrapLines(lines: readonly string[]): readonly string[] {
  const out: string[] = [];
  let carried = "";
  for (const line of lines.flatMap((text) => text.split("\n"))) {
    const indent = /^ */.exec(line)?.[0] ?? "";
    const flows = line !== "" && indent === "";
    if (carried !== "" && !flows) out.push(carried);
    const start = carried !== "" && flows ? `${carried} ${line}` : line;
    carried = "";
    const { full, rest } = fill(start, indent === "" ? "" : `${indent}  `);
    out.push(...full);
    if (full.length > 0 && flows) carried = rest;
    else out.push(rest);
  }
  return carried === "" ? out : [...out, carried];
}

/** The lines that are full, and what is left for the one after them; those after the first begin with `indent`. */
function fill(text: string, indent: string): { readonly full: readonly string[]; readonly rest: string } {
  const full: string[] = [];
  const room = WIDTH - 3;
  let rest = text;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    // A break inside the indentation would leave the line as long as it is.
    if (space <= indent.length) break;
    full.push(rest.slice(0, space));
    rest = `${indent}${rest.slice(space + 1)}`;
  }
  return { full, rest };
}

function templateDoc(names: readonly string[]): Doc {
  return names.length === 0 ? [] : [`template <${names.map((name) => `typename ${name}`).join(", ")}>`, HARD];
}

function fieldDoc({ type, name, extents, comment }: CField): Doc {
  const note = comment === undefined ? "" : ` ${commentLine(comment)}`;
  return [declarator(type, name), extentDocs(extents), ";", note];
}

function functionDoc({ doc, template, specifiers, returns, name, params, body, c }: CFunction): Doc {
  const before = specifiers.map(
    ({ name: word, args }): Doc =>
      args.length === 0 ? `${word} ` : [word, "(", join(args.map(printExpr), ", "), ") "],
  );
  const list = params.length === 0 && c ? "void" : listDoc(params.map(paramDoc));
  const head: Doc = [before, declarator(returns, ""), group(`${name}(`, list, ")")];
  const tail = body === undefined ? ";" : [" {", indent(2, stmtDocs(body)), HARD, "}"];
  return [commentDocs(doc), templateDoc(template), head, tail];
}

function paramDoc({ type, name, unused }: CParam): Doc {
  const written = paramText({ type, name, unused: false });
  return unused && name !== undefined ? ["[[maybe_unused]] ", written] : written;
}

/** The items of a list in parentheses or braces: on one line, or broken after the opening one. */
function paramText({ type, name }: CParam): string {
  return name === undefined ? printType(type) : declarator(type, name);
}

function listDoc(items: readonly Doc[]): Doc {
  return items.length === 0 ? "" : indent(CONTINUE, SOFT, join(items, [",", LINE]));
}

export function printType(type: CType): string {
  return declarator(type, "").trimEnd();
}

/** `const float *__restrict__ x`: pointers stand beside the name, as in C. */
function declarator(of: CType, name: string): string {
  switch (of.kind) {
    case "named": {
      const args = of.args.length === 0 ? "" : `<${of.args.map(printType).join(", ")}>`;
      return `${of.name}${args} ${name}`;
    }
    case "const":
      return of.of.kind === "pointer" ? declarator(of.of, `const ${name}`) : `const ${declarator(of.of, name)}`;
    case "pointer":
      return declarator(of.to, `*${of.restrict ? "__restrict__ " : ""}${name}`);
    case "reference":
      return declarator(of.to, `&${name}`);
    case "function":
      return declarator(of.returns, `(${name})(${of.params.map(paramText).join(", ")})`);
    default:
      of satisfies never;
      throw new InternalError("unknown type");
  }
}

function extentDocs(extents: readonly CExpr[]): Doc {
  return extents.map((extent) => ["[", exprAt(extent, LEVEL.assign), "]"]);
}

function stmtDocs(body: readonly CStmt[]): Doc {
  return body.map((stmt): Doc => [HARD, stmtDoc(stmt)]);
}

function bodyDoc(body: readonly CStmt[]): Doc {
  return body.length === 0 ? "{}" : ["{", indent(2, stmtDocs(body)), HARD, "}"];
}

function stmtDoc(stmt: CStmt): Doc {
  switch (stmt.kind) {
    case "declare":
      return [declareDoc(stmt), ";"];
    case "expr":
      return [exprAt(stmt.value, LEVEL.assign), ";"];
    case "if": {
      const head: Doc = [group("if (", indent(CONTINUE, exprAt(stmt.cond, LEVEL.assign)), ")"), " "];
      const [only] = stmt.then;
      if (stmt.else.length === 0 && stmt.then.length === 1 && only?.kind === "return") {
        const line: Doc = [head, stmtDoc(only)];
        if (render(line, Infinity).length <= ONE_LINE) return line;
      }
      const [chained] = stmt.else;
      if (stmt.else.length === 0) return [head, bodyDoc(stmt.then)];
      const rest = stmt.else.length === 1 && chained?.kind === "if" ? stmtDoc(chained) : bodyDoc(stmt.else);
      return [head, bodyDoc(stmt.then), " else ", rest];
    }
    case "for": {
      const clauses: Doc = [declareDoc(stmt.init), "; ", exprAt(stmt.cond, 1), "; ", exprAt(stmt.update, 1)];
      return ["for (", clauses, ") ", bodyDoc(stmt.body)];
    }
    case "block":
      return bodyDoc(stmt.body);
    case "return":
      return ["return ", exprAt(stmt.value, LEVEL.assign), ";"];
    case "comment":
      return commentLine(stmt.text);
    case "pragma":
      return `#pragma ${stmt.text}`;
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

function declareDoc({ specifiers, align, type, name, extents, init, unused }: CDeclare): Doc {
  // `alignas` is an attribute: like those it stands before all specifiers.
  const attributes = [...(unused ? ["[[maybe_unused]]"] : []), ...(align === undefined ? [] : [`alignas(${align})`])];
  const before = [...attributes, ...specifiers].map((word) => `${word} `);
  const head: Doc = [before, declarator(type, name), extentDocs(extents)];
  return init === undefined ? head : group(head, " = ", exprAt(init, LEVEL.assign));
}

function exprAt(expr: CExpr, level: number): Doc {
  const [doc, own] = exprDoc(expr);
  return own < level ? ["(", doc, ")"] : doc;
}

function exprDoc(expr: CExpr): readonly [Doc, number] {
  switch (expr.kind) {
    case "name":
      return [expr.name, POSTFIX];
    case "int":
      return signed(intLiteral(expr.value));
    case "float":
      return signed(floatLiteral(expr.value));
    case "double":
      return signed(doubleLiteral(expr.value));
    case "bool":
      return [String(expr.value), POSTFIX];
    case "string":
      return [stringLiteral(expr.value), POSTFIX];
    case "unary": {
      const operand = exprAt(expr.value, UNARY);
      const doubled = expr.op === "-" && startsWithMinus(expr.value);
      return [[expr.op, doubled ? ["(", operand, ")"] : operand], UNARY];
    }
    case "binary":
      return [group(indent(CONTINUE, chainDoc(expr.op, expr))), BINARY_LEVEL[expr.op]];
    case "assign": {
      const [left, right] = [exprAt(expr.left, UNARY), exprAt(expr.right, LEVEL.conditional)];
      return [[left, ` ${expr.op} `, right], LEVEL.assign];
    }
    case "conditional": {
      const cond = exprAt(expr.cond, LEVEL.or);
      const then = exprAt(expr.then, LEVEL.conditional);
      const otherwise = exprAt(expr.else, LEVEL.conditional);
      return [group(cond, indent(CONTINUE, LINE, "? ", then, LINE, ": ", otherwise)), LEVEL.conditional];
    }
    case "call": {
      const types = expr.types.length === 0 ? "" : `<${expr.types.map(printType).join(", ")}>`;
      // A lambda has lines of its own, whatever fits.
      if (expr.args.at(-1)?.kind === "lambda") {
        const given = expr.args.map((arg) => exprAt(arg, LEVEL.assign));
        return [[exprAt(expr.callee, POSTFIX), types, "(", join(given, ", "), ")"], POSTFIX];
      }
      const args = listDoc(expr.args.map((arg) => exprAt(arg, LEVEL.assign)));
      return [group(exprAt(expr.callee, POSTFIX), types, "(", args, ")"), POSTFIX];
    }
    case "index":
      return [[exprAt(expr.base, POSTFIX), "[", exprAt(expr.index, LEVEL.assign), "]"], POSTFIX];
    case "member":
      return [[exprAt(expr.base, POSTFIX), expr.arrow ? "->" : ".", expr.name], POSTFIX];
    case "cast":
      return [[`(${printType(expr.type)})`, exprAt(expr.value, UNARY)], UNARY];
    case "braces":
      return [group("{", listDoc(expr.items.map((item) => exprAt(item, LEVEL.assign))), "}"), POSTFIX];
    case "lambda":
      return [[`[&]() -> ${printType(expr.returns)} `, bodyDoc(expr.body)], POSTFIX];
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** `a && b && c` as one group, so that a long chain breaks before each operand. */
function chainDoc(op: CBinaryOp, expr: CExpr): Doc {
  if (expr.kind !== "binary" || expr.op !== op) return operandDoc(op, expr, BINARY_LEVEL[op]);
  return [chainDoc(op, expr.left), ` ${op}`, LINE, operandDoc(op, expr.right, BINARY_LEVEL[op] + 1)];
}

function operandDoc(op: CBinaryOp, operand: CExpr, level: number): Doc {
  if (operand.kind !== "binary") return exprAt(operand, level);
  const inner = BINARY_LEVEL[operand.op];
  const isCompare = (at: number): boolean => at === LEVEL.relation || at === LEVEL.equality;
  const warned = (op === "||" && operand.op === "&&") || (isCompare(BINARY_LEVEL[op]) && isCompare(inner));
  return warned ? ["(", exprAt(operand, LEVEL.assign), ")"] : exprAt(operand, level);
}

function signed(text: string): readonly [Doc, number] {
  return [text, text.startsWith("-") || text.startsWith("(") ? UNARY : POSTFIX];
}

function startsWithMinus(expr: CExpr): boolean {
  if (expr.kind === "unary") return expr.op === "-";
  if (expr.kind === "int") return expr.value < 0n;
  return (expr.kind === "float" || expr.kind === "double") && (expr.value < 0 || Object.is(expr.value, -0));
}

function stringLiteral(value: string): string {
  // `?` is escaped against trigraphs; bytes beyond ASCII are UTF-8 in source and program alike.
  const escaped = value.replaceAll(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("??", "?\\?");
  return `"${escaped}"`;
}
