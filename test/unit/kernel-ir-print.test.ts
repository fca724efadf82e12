/** Kernel IR as text, and its traversal. */

import { describe, expect, it } from "vitest";
import {
  add,
  bool,
  call,
  castToFloat,
  compare,
  dim,
  float,
  floatOp,
  int,
  intOp,
  local,
  logic,
  mul,
  neg,
  not,
  random,
  round,
  select,
  sub,
} from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import { printExpr, printKernel } from "../../src/ir/kernel/print.ts";
import {
  assignedLocals,
  children,
  containsBarrier,
  nestedBlocks,
  statementExprs,
  visitExpr,
  visitStmts,
} from "../../src/ir/kernel/walk.ts";
import {
  and,
  array,
  assign,
  barrier,
  f,
  i,
  kernelOf,
  loop,
  lt,
  read,
  rowMean,
  scalarParam,
  store,
  storeRegister,
  tensor,
  thread,
  tiledMatmul,
  variable,
  when,
} from "./kernel-ir-samples.ts";

const [a, b, c] = [i("a"), i("b"), i("c")];
const [p, q] = [local("p", "bool"), local("q", "bool")];

describe("an expression", () => {
  it.each<readonly [Expr, string]>([
    [read("x", b, add(i("k0"), thread())), "x[b][k0 + thread.x]"],
    [intOp("div", add(a, b), c), "div(a + b, c)"],
    [and(lt(i("i"), dim("B")), lt(i("j"), dim("N"))), "i < B && j < N"],
    [sub(a, sub(b, c)), "a - (b - c)"],
    [sub(sub(a, b), c), "a - b - c"],
    [mul(add(a, b), c), "(a + b) * c"],
    [add(mul(a, b), c), "a * b + c"],
    [neg(add(a, b)), "-(a + b)"],
    [mul(neg(a), b), "-a * b"],
    [not(lt(a, b)), "!(a < b)"],
    [not(p), "!p"],
    [logic("and", logic("or", p, q), p), "(p || q) && p"],
    [logic("or", logic("and", p, q), p), "p && q || p"],
    [logic("and", p, logic("and", q, p)), "p && (q && p)"],
    [compare("eq", a, b), "a === b"],
    [compare("ne", a, b), "a !== b"],
    [select(p, a, select(q, b, c)), "p ? a : q ? b : c"],
    [add(select(p, a, b), c), "(p ? a : b) + c"],
    [select(select(p, q, p), a, b), "(p ? q : p) ? a : b"],
    [floatOp("div", f("u"), floatOp("mul", f("v"), f("w"))), "u / (v * w)"],
    [call("fma", [f("u"), f("v"), float(0.1)]), "fma(u, v, f32(0.1))"],
    [castToFloat(add(a, b)), "f32(a + b)"],
    [round("f16", f("u"), undefined), "f16(u)"],
    [round("bf16", f("u"), undefined), "bf16(u)"],
    [round("f16", f("u"), random([a, b, c, a])), "stochasticRound(f16, u, randomBits(a, b, c, a))"],
    [float(1e-5), "f32(0.00001)"],
    [float(-0), "f32(-0)"],
    [float(3.4028234663852886e38), "f32(3.4028234663852886e+38)"],
    [bool(true), "true"],
  ])("%#: %s is printed as %s", (expr, text) => {
    expect(printExpr(expr)).toBe(text);
  });
});

describe("a kernel", () => {
  it("is printed with everything that proof and emission read", () => {
    expect(printKernel(rowMean(8n))).toBe(`kernel row_mean(input x: f32[B, N], output y: f32[B])
  dims B, N
  index auto
  grid [B, 1, 1] block [8, 1, 1]
  shared partial: f32[8]
{
  let sum: f32 = f32(0)
  for (n = thread.x; n < N; n += 8) {
    sum = sum + x[block.x][n]
  }
  partial[thread.x] = sum
  barrier
  steps (s in 4, 2, 1; div 2) {
    if (thread.x < s) {
      partial[thread.x] = partial[thread.x] + partial[thread.x + s]
    }
    barrier
  }
  if (thread.x === 0) {
    y[block.x] = partial[0] / f32(N)
  }
}
`);
  });

  it("is printed with its contract, its arrays and both branches", () => {
    const kernel = kernelOf({
      params: [tensor("y", "inout", [dim("T")], "i32"), scalarParam("k", "i64")],
      dims: ["B", "T"],
      where: [{ dim: "T", value: mul(dim("B"), dim("B")), span: kernelOf({}).span }],
      requires: [lt(int(0), dim("B"))],
      computes: "nothing",
      indexWidth: "i32",
      arrays: [array("register", "r", [2n, 3n])],
      body: [
        when(
          lt(thread(), dim("T")),
          [store("y", [thread()], int(1))],
          [loop("j", int(0), int(2), [storeRegister("r", [i("j"), int(0)], float(1))], { unroll: true })],
        ),
        variable("n", int(0)),
        loop("m", int(0), dim("B"), [assign("n", add(i("n"), int(1)))], {
          invariants: [compare("le", i("n"), i("m"))],
        }),
      ],
    });
    expect(printKernel(kernel)).toBe(`kernel sample(inout y: i32[T], scalar k: i64)
  dims B, T
  where T = B * B
  requires 0 < B
  computes nothing
  index i32
  grid [1, 1, 1] block [1, 1, 1]
  register r: f32[2, 3]
{
  if (thread.x < T) {
    y[thread.x] = 1
  } else {
    for (j = 0; j < 2; j += 1) unroll {
      r[j][0] = f32(1)
    }
  }
  let n: int = 0
  for (m = 0; m < B; m += 1) {
    invariant n <= m
    n = n + 1
  }
}
`);
  });
});

describe("traversal", () => {
  it("gives children in evaluation order", () => {
    expect(children(select(p, a, b))).toEqual([p, a, b]);
    expect(children(read("x", a, b))).toEqual([a, b]);
    expect(children(int(1))).toEqual([]);
    const seen: string[] = [];
    visitExpr(add(mul(a, b), c), (expr) => seen.push(printExpr(expr)));
    expect(seen).toEqual(["a * b + c", "a * b", "a", "b", "c"]);
  });

  it("gives a statement's own expressions and the blocks inside it", () => {
    const stored = store("y", [a], f("u"));
    const counted = loop("k", a, b, [stored, barrier()], { invariants: [lt(a, c)] });
    const branch = when(p, [counted], [assign("u", float(1))]);
    expect(statementExprs(stored)).toEqual([f("u"), a]);
    expect(statementExprs(counted)).toEqual([a, b, lt(a, c)]);
    expect(statementExprs(branch)).toEqual([p]);
    expect(nestedBlocks(branch)).toEqual([[counted], [assign("u", float(1))]]);
    const kinds: string[] = [];
    visitStmts([branch], ({ kind }) => kinds.push(kind));
    expect(kinds).toEqual(["if", "for", "store", "barrier", "assign"]);
    expect([...assignedLocals([branch])]).toEqual(["u"]);
  });

  it("finds barriers at any depth", () => {
    expect(containsBarrier(tiledMatmul(4).body)).toBe(true);
    expect(containsBarrier([when(p, [], [loop("k", a, b, [barrier()])])])).toBe(true);
    expect(containsBarrier([when(p, [assign("u", float(1))])])).toBe(false);
  });
});
