/** Kernels for the test of contracts whose `where` and `requires` have every form that a launcher has to compute. */

import {
  add,
  bool,
  castToFloat,
  ceilDiv,
  compare,
  dim,
  float,
  floatOp,
  int,
  intOp,
  logic,
  mul,
  neg,
  not,
  scalar,
  select,
  sub,
} from "../../src/ir/kernel/build.ts";
import type { CompareOp, Expr } from "../../src/ir/kernel/expr.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import { block, inGlobal, kernelOf, scalarParam, store, tensor } from "../unit/codegen-ir.ts";

const [A, B, T, U] = [dim("A"), dim("B"), dim("T"), dim("U")];
const [i, j, f] = [scalar("i", "int"), scalar("j", "int"), scalar("f", "f32")];
const is = (op: CompareOp, left: Expr, right: Expr): Expr => compare(op, left, right);
const or = (left: Expr, right: Expr): Expr => logic("or", left, right);

/** y[n] = 0 for each n of T, of which the contract says far more than it needs */
export const everyForm: Kernel = kernelOf({
  name: "every_form",
  params: [
    tensor("x", "input", "f32", [A, B]),
    tensor("z", "input", "f32", [U]),
    scalarParam("i", "i32"),
    scalarParam("f", "f32"),
    scalarParam("j", "i64"),
    tensor("y", "output", "f32", [T]),
  ],
  dims: ["A", "B", "T", "U"],
  where: [
    { dim: "T", value: mul(A, B), span: NO_SPAN },
    { dim: "U", value: sub(add(add(T, int(1)), intOp("mod", A, int(2))), intOp("min", B, int(1))), span: NO_SPAN },
  ],
  requires: [
    logic("and", is("le", int(1), A), is("lt", B, int(5))),
    is("ge", intOp("max", A, B), int(2)),
    is("ne", intOp("div", sub(i, A), int(3)), int(-2)),
    is("ne", intOp("mod", sub(i, int(4)), int(5)), int(0)),
    or(is("gt", i, int(0)), is("lt", intOp("div", int(10), i), int(0))),
    not(is("eq", neg(j), int(-4))),
    is("gt", select(is("gt", A, B), j, sub(j, int(1))), int(-2)),
    or(is("gt", f, floatOp("mul", float(0.5), castToFloat(sub(A, B)))), bool(false)),
    not(or(is("ge", f, float(8)), is("lt", f, float(-8)))),
  ],
  grid: [T, ceilDiv(A, int(2))],
  block: [1],
  body: [store(inGlobal("y"), [block(0)], float(0))],
});
