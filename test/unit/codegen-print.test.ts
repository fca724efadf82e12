/** The printer of the C syntax tree: what it writes means the tree it was given, and has no parentheses beyond that. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arrow,
  assign,
  at,
  binary,
  type CBinaryOp,
  type CExpr,
  call,
  cast,
  constant,
  declare,
  field,
  fn,
  integer,
  loop,
  member,
  name,
  param,
  pointer,
  ret,
  run,
  text,
  type,
  unary,
  when,
} from "../../src/compiler/codegen/c-ast.ts";
import { doubleLiteral, floatLiteral, intLiteral } from "../../src/compiler/codegen/c-literal.ts";
import { printExpr, printFile, printType } from "../../src/compiler/codegen/c-print.ts";

const [a, b, c, d] = [name("a"), name("b"), name("c"), name("d")];

function conditional(cond: CExpr, then: CExpr, otherwise: CExpr): CExpr {
  return { kind: "conditional", cond, then, else: otherwise };
}

describe("expressions", () => {
  it.each<readonly [string, CExpr]>([
    ["a + b * c", binary("+", a, binary("*", b, c))],
    ["(a + b) * c", binary("*", binary("+", a, b), c)],
    ["a - b - c", binary("-", binary("-", a, b), c)],
    ["a - (b - c)", binary("-", a, binary("-", b, c))],
    ["a + (b + c)", binary("+", a, binary("+", b, c))],
    ["a / (b * c)", binary("/", a, binary("*", b, c))],
    ["a / b * c", binary("*", binary("/", a, b), c)],
    ["a % b", binary("%", a, b)],
    ["a < b && c < d", binary("&&", binary("<", a, b), binary("<", c, d))],
    ["(a && b) || c", binary("||", binary("&&", a, b), c)],
    ["a && (b || c)", binary("&&", a, binary("||", b, c))],
    ["(a < b) == (c < d)", binary("==", binary("<", a, b), binary("<", c, d))],
    ["a ? b : c ? d : a", conditional(a, b, conditional(c, d, a))],
    ["(a ? b : c) ? d : a", conditional(conditional(a, b, c), d, a)],
    ["a + (b ? c : d)", binary("+", a, conditional(b, c, d))],
    ["-a", unary("-", a)],
    ["-(-a)", unary("-", unary("-", a))],
    ["-(-1)", unary("-", integer(-1))],
    ["-(a + b)", unary("-", binary("+", a, b))],
    ["!(a < b)", unary("!", binary("<", a, b))],
    ["a - -1", binary("-", a, integer(-1))],
    ["(int64_t)(a + b)", cast(type("int64_t"), binary("+", a, b))],
    ["(int64_t)a + b", binary("+", cast(type("int64_t"), a), b)],
    ["a[b + c][d]", at(a, binary("+", b, c), d)],
    ["((float)a).x", member(cast(type("float"), a), "x")],
    ["(&a)->x", arrow(unary("&", a), "x")],
    ["f<Index>(a, b ? c : d)", call("f", [a, conditional(b, c, d)], [type("Index")])],
  ])("%s", (printed, expr) => {
    expect(printExpr(expr)).toBe(printed);
  });

  it("means what the tree means, for every tree of integers", () => {
    const ops: readonly CBinaryOp[] = ["*", "/", "%", "+", "-", "<", "<=", ">", ">=", "==", "!=", "&&", "||"];
    const { tree } = fc.letrec<{ tree: CExpr }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.integer({ min: -9, max: 9 }).map(integer),
        fc.tuple(fc.constantFrom(...ops), tie("tree"), tie("tree")).map(([op, left, right]) => binary(op, left, right)),
        fc.tuple(fc.constantFrom("-" as const, "!" as const), tie("tree")).map(([op, value]) => unary(op, value)),
        fc.tuple(tie("tree"), tie("tree"), tie("tree")).map(([x, y, z]) => conditional(x, y, z)),
      ),
    }));
    fc.assert(
      fc.property(tree, (expr) => {
        // JavaScript's operators have C's precedence and associativity; `+` makes a number of a comparison.
        expect(numberOf(new Function(`return ${printExpr(expr)}`)())).toEqual(numberOf(evaluate(expr)));
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

/** The value as JavaScript's operators give it, read off the tree. */
function evaluate(expr: CExpr): number {
  switch (expr.kind) {
    case "int":
      return Number(expr.value);
    case "unary":
      return expr.op === "-" ? -evaluate(expr.value) : Number(!truth(evaluate(expr.value)));
    case "conditional":
      return truth(evaluate(expr.cond)) ? evaluate(expr.then) : evaluate(expr.else);
    case "binary": {
      const [left, right] = [evaluate(expr.left), evaluate(expr.right)];
      return evaluateBinary(expr.op, left, right);
    }
    default:
      throw new Error(`no ${expr.kind} in these trees`);
  }
}

function evaluateBinary(op: CBinaryOp, left: number, right: number): number {
  switch (op) {
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "<":
      return Number(left < right);
    case "<=":
      return Number(left <= right);
    case ">":
      return Number(left > right);
    case ">=":
      return Number(left >= right);
    case "==":
      return Number(left === right);
    case "!=":
      return Number(left !== right);
    case "&&":
      return truth(left) ? right : left;
    case "||":
      return truth(left) ? left : right;
    default:
      op satisfies never;
      throw new Error("unknown operator");
  }
}

function truth(value: number): boolean {
  return Boolean(value);
}

/** −0 and 0 are one integer. */
function numberOf(value: unknown): number {
  return Number(value) + 0;
}

describe("literals", () => {
  it.each<readonly [bigint, string]>([
    [0n, "0"],
    [-1n, "-1"],
    [2n ** 31n - 1n, "2147483647"],
    [2n ** 31n, "INT64_C(2147483648)"],
    [-(2n ** 31n), "-INT64_C(2147483648)"],
    [-(2n ** 63n), "INT64_MIN"],
  ])("the integer %s", (value, printed) => {
    expect(intLiteral(value)).toBe(printed);
  });

  it.each<readonly [number, string]>([
    [0.5, "0.5f"],
    [1, "1.0f"],
    [-0, "-0.0f"],
    [1e-5, "1e-05f"],
    [0.1, "0.1f"],
    [16777216, "16777216.0f"],
    [3.4028234663852886e38, "3.4028235e+38f"],
    [1.401298464324817e-45, "1e-45f"],
    [1e39, "INFINITY"],
    [-Infinity, "-INFINITY"],
    [NaN, "NAN"],
  ])("the float %s", (value, printed) => {
    expect(floatLiteral(value)).toBe(printed);
  });

  it("reads back as the same float and the same double", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Math.fround(Number(floatLiteral(value).replace("f", "")))).toBe(value);
      }),
      { seed: 2 },
    );
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(doubleLiteral(value))).toBe(value);
      }),
      { seed: 3 },
    );
  });
});

describe("declarations and statements", () => {
  it("writes types as C does", () => {
    const float = type("float");
    expect(printType(pointer(constant(float), true))).toBe("const float *__restrict__");
    expect(printType(constant(pointer(float)))).toBe("float *const");
    expect(printType(type("tok_args", type("Index")))).toBe("tok_args<Index>");
  });

  it("indents by two spaces and breaks a list that is too wide", () => {
    const wide = Array.from({ length: 12 }, (_, i) => name(`argument_number_${i}`));
    const body = [
      declare(type("float"), "xs", undefined, { extents: [integer(2), integer(3)], specifiers: ["static"] }),
      loop(declare(type("int"), "i", integer(0)), binary("<", name("i"), a), unary("++", name("i")), [
        when(b, [assign(c, integer(1), "+=")], [run(call("f", wide))]),
      ]),
      when(unary("!", b), [ret(text('say "hi"\n'))]),
      ret(a),
    ];
    const item = fn(type("int"), "g", [param(type("int"), "a"), param(type("int"), "b", true)], body, {
      doc: ["Ends with a backslash \\"],
    });
    expect(printFile([item])).toBe(`// Ends with a backslash
int g(int a, [[maybe_unused]] int b) {
  static float xs[2][3];
  for (int i = 0; i < a; ++i) {
    if (b) {
      c += 1;
    } else {
      f(
          argument_number_0,
          argument_number_1,
          argument_number_2,
          argument_number_3,
          argument_number_4,
          argument_number_5,
          argument_number_6,
          argument_number_7,
          argument_number_8,
          argument_number_9,
          argument_number_10,
          argument_number_11);
    }
  }
  if (!b) return "say \\"hi\\"\\n";
  return a;
}
`);
  });

  it("writes C structs with their extents", () => {
    const fields = [field(type("uint32_t"), "block", undefined, [integer(3)]), field(pointer(type("void")), "data")];
    expect(printFile([{ kind: "struct", doc: [], template: [], name: "tok_launch", fields }])).toBe(
      "typedef struct tok_launch {\n  uint32_t block[3];\n  void *data;\n} tok_launch;\n",
    );
  });
});
