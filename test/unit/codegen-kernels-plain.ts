/** Kernels without barriers for tests of the code generator, a register tile, and a launch plan, built by hand. */

import {
  add,
  call,
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
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import type { Plan } from "../../src/ir/plan.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import {
  barrier,
  block,
  constant,
  f32At,
  f32Local,
  global,
  inGlobal,
  inRegister,
  inShared,
  intAt,
  intLocal,
  kernelOf,
  loop,
  register,
  scalarParam,
  set,
  shared,
  store,
  tensor,
  thread,
  variable,
  when,
} from "./codegen-ir.ts";

const [B, K, N, T] = [dim("B"), dim("K"), dim("N"), dim("T")];
const lt = (left: Expr, right: Expr): Expr => compare("lt", left, right);

/** y = x · factor, on the B·N elements as one row; an early return; a dimension that `where` defines */
export const scale: Kernel = kernelOf({
  name: "scale",
  params: [tensor("x", "input", "f32", [B, N]), scalarParam("factor", "f32"), tensor("y", "output", "f32", [T])],
  dims: ["B", "N", "T"],
  where: [{ dim: "T", value: mul(B, N), span: NO_SPAN }],
  grid: [ceilDiv(T, int(32))],
  block: [32],
  body: [
    constant("i", global(0, 32)),
    when(
      compare("ge", intLocal("i"), T),
      [],
      [
        store(
          inGlobal("y"),
          [intLocal("i")],
          floatOp(
            "mul",
            f32At(inGlobal("x"), intOp("div", intLocal("i"), N), intOp("mod", intLocal("i"), N)),
            scalar("factor", "f32"),
          ),
        ),
      ],
    ),
  ],
});

/**
 * Integers: floors of negative dividends, min and max, the four element types, and scalars of both widths. For each i:
 * a[i] = ⌊v / d⌋ (i32), r[i] = v mod d (u32), big[i] = max(v, −3) + offset (i64), where v = x[i] − shift
 */
export const integers: Kernel = (() => {
  const [i, v] = [intLocal("i"), intLocal("v")];
  const d = scalar("d", "int");
  return kernelOf({
    name: "integers",
    params: [
      tensor("x", "input", "i32", [N]),
      scalarParam("d", "i32"),
      scalarParam("offset", "i64"),
      tensor("a", "output", "i32", [N]),
      tensor("r", "output", "u32", [N]),
      tensor("big", "inout", "i64", [N]),
    ],
    dims: ["N"],
    requires: [
      compare("ge", d, int(1)),
      logic("or", compare("le", d, int(1000)), not(lt(N, intOp("div", int(100), sub(d, int(1000)))))),
    ],
    grid: [ceilDiv(N, int(4))],
    block: [2, 2],
    body: [
      constant("i", add(mul(block(0), int(4)), add(mul(thread(1), int(2)), thread(0)))),
      when(lt(i, N), [
        constant("v", sub(intAt(inGlobal("x"), i), intOp("min", i, int(7)))),
        store(inGlobal("a"), [i], intOp("div", v, d)),
        store(inGlobal("r"), [i], intOp("mod", v, d)),
        store(
          inGlobal("big"),
          [i],
          add(intAt(inGlobal("big"), i), add(intOp("max", v, int(-3)), scalar("offset", "int"))),
        ),
      ]),
    ],
  });
})();

/** Every float function, one per row: y[f, i] = f(x[i], z[i]); NaN and infinities included */
export const FUNCTIONS = ["exp", "log", "erf", "tanh", "sqrt", "abs", "min", "max", "fma", "neg", "select"] as const;
export const functions: Kernel = (() => {
  const i = intLocal("i");
  const [x, z] = [f32At(inGlobal("x"), i), f32At(inGlobal("z"), i)];
  const value = (fn: (typeof FUNCTIONS)[number]): Expr => {
    if (fn === "neg") return neg(x);
    if (fn === "select") return select(compare("ne", x, x), float(0.1), floatOp("div", float(1e-5), float(-Infinity)));
    return call(fn, [x, z, z].slice(0, fn === "fma" ? 3 : fn === "min" || fn === "max" ? 2 : 1));
  };
  return kernelOf({
    name: "functions",
    params: [
      tensor("x", "input", "f32", [N]),
      tensor("z", "input", "f32", [N]),
      tensor("y", "output", "f32", [int(FUNCTIONS.length), N]),
    ],
    dims: ["N"],
    grid: [N],
    block: [1],
    body: [constant("i", block(0)), ...FUNCTIONS.map((fn, row) => store(inGlobal("y"), [int(row), i], value(fn)))],
  });
})();

/** Names that C, HIP or the generated code use for themselves. y[i] = x[i] + i + 1 */
export const clashes: Kernel = (() => {
  const [i, index] = [intLocal("double"), intLocal("Index")];
  return kernelOf({
    name: "clashes",
    params: [
      tensor("float", "input", "f32", [dim("int")]),
      tensor("args", "output", "f32", [dim("int")]),
      tensor("clashes", "output", "f32", [dim("int")]),
    ],
    dims: ["int"],
    grid: [ceilDiv(dim("int"), int(8))],
    block: [8],
    body: [
      constant("double", global(0, 8)),
      constant("tok_min", int(3)),
      when(lt(i, dim("int")), [
        constant("Index", add(i, int(1))),
        variable("expf", castToFloat(index)),
        loop("threadIdx", int(0), int(1), [set("expf", floatOp("add", f32Local("expf"), f32At(inGlobal("float"), i)))]),
        store(inGlobal("args"), [i], f32Local("expf")),
        store(inGlobal("clashes"), [i], castToFloat(intLocal("tok_min"))),
      ]),
    ],
  });
})();

const SIDE = 4;

/**
 * y[b,n] = Σₖ x[b,k]·w[k,n]: each thread keeps a SIDE × SIDE tile of sums in registers, over two axes of blocks, across
 * barriers. The block is 2 × 2 threads, so that a tile is 8 × 8.
 */
export const registerTile: Kernel = (() => {
  const EDGE = 2 * SIDE;
  const sums = inRegister("sums");
  const [row, column] = [inRegister("row"), inShared("column")];
  const unrolled = (counter: string, body: readonly Stmt[]): Stmt =>
    loop(counter, int(0), int(SIDE), body, { unroll: true });
  const b = add(add(mul(block(1), int(EDGE)), mul(thread(1), int(SIDE))), intLocal("p"));
  const n = add(add(mul(block(0), int(EDGE)), mul(thread(0), int(SIDE))), intLocal("q"));
  const place = add(mul(thread(0), int(SIDE)), intLocal("q"));
  const sum = f32At(sums, intLocal("p"), intLocal("q"));
  const k = intLocal("k");
  return kernelOf({
    name: "register_tile",
    params: [
      tensor("x", "input", "f32", [B, K]),
      tensor("w", "input", "f32", [K, N]),
      tensor("y", "output", "f32", [B, N]),
    ],
    dims: ["B", "K", "N"],
    grid: [ceilDiv(N, int(EDGE)), ceilDiv(B, int(EDGE))],
    block: [2, 2],
    arrays: [register("sums", SIDE, SIDE), register("row", SIDE), shared("column", EDGE)],
    body: [
      unrolled("p", [unrolled("q", [store(sums, [intLocal("p"), intLocal("q")], float(0))])]),
      loop("k", int(0), K, [
        when(compare("eq", thread(1), int(0)), [
          unrolled("q", [store(column, [place], select(lt(n, N), f32At(inGlobal("w"), k, n), float(0)))]),
        ]),
        unrolled("p", [store(row, [intLocal("p")], select(lt(b, B), f32At(inGlobal("x"), b, k), float(0)))]),
        barrier,
        unrolled("p", [
          unrolled("q", [
            store(
              sums,
              [intLocal("p"), intLocal("q")],
              call("fma", [f32At(row, intLocal("p")), f32At(column, place), sum]),
            ),
          ]),
        ]),
        barrier,
      ]),
      unrolled("p", [unrolled("q", [when(logic("and", lt(b, B), lt(n, N)), [store(inGlobal("y"), [b, n], sum)])])]),
    ],
  });
})();

/** A kernel without dimensions or scalars: y[0] = 1 */
export const one: Kernel = kernelOf({
  name: "one",
  params: [tensor("y", "output", "f32", [int(1)])],
  dims: [],
  grid: [int(1)],
  block: [1],
  body: [store(inGlobal("y"), [int(0)], float(1))],
});

/** y[i] = 5: a loop whose body lowers the local that its bound reads, which the loop has evaluated before */
export const shrinking: Kernel = kernelOf({
  name: "shrinking",
  params: [tensor("y", "output", "f32", [N])],
  dims: ["N"],
  grid: [N],
  block: [1],
  body: [
    variable("limit", int(5)),
    variable("rounds", int(0)),
    loop("k", int(0), intLocal("limit"), [
      set("limit", sub(intLocal("limit"), int(1))),
      set("rounds", add(intLocal("rounds"), int(1))),
    ]),
    store(inGlobal("y"), [block(0)], castToFloat(intLocal("rounds"))),
  ],
});

/**
 * h = x·wᵀ + bias; g = normalise(h); out[0..B) = factor · g, out[B..2B) = g: five launches, of which the buffers h and
 * tmp share memory, and one launch writes the second half of a parameter.
 */
export const forward: Plan = {
  name: "forward",
  dims: ["B"],
  params: [
    { name: "x", role: "input", element: "f32", shape: [B, int(5)] },
    { name: "layer.0.weight", role: "weight", element: "f32", shape: [int(7), int(5)] },
    { name: "layer.0.bias", role: "weight", element: "f32", shape: [int(7)] },
    { name: "out", role: "output", element: "f32", shape: [mul(int(2), B), int(7)] },
  ],
  buffers: [
    { name: "h", element: "f32", shape: [B, int(7)], shareClass: 0 },
    { name: "g", element: "f32", shape: [B, int(7)], shareClass: 1 },
    { name: "tmp", element: "f32", shape: [B, int(14)], shareClass: 0 },
  ],
  launches: [
    {
      label: "layer.0.linear",
      kernel: "linear",
      args: {
        x: view("x", [B, int(5)]),
        w: view("layer.0.weight", [int(7), int(5)]),
        bias: view("layer.0.bias", [int(7)]),
        y: view("h", [B, int(7)]),
      },
      dims: { B, K: int(5), N: int(7) },
      scalars: {},
    },
    {
      label: "layer.0.normalise",
      kernel: "normalise",
      args: { x: view("h", [B, int(7)]), y: view("g", [B, int(7)]) },
      dims: { B, N: int(7) },
      scalars: { epsilon: 1e-5 },
    },
    {
      label: "double",
      kernel: "scale",
      args: { x: view("g", [B, int(7)]), y: view("tmp", [mul(B, int(7))], mul(B, int(7))) },
      dims: { B, N: int(7), T: mul(B, int(7)) },
      scalars: { factor: 2 },
    },
    {
      label: "low half",
      kernel: "scale",
      args: { x: view("tmp", [B, int(7)], mul(B, int(7))), y: view("out", [mul(B, int(7))]) },
      dims: { B, N: int(7), T: mul(B, int(7)) },
      scalars: { factor: 0.5 },
    },
    {
      label: "high half",
      kernel: "scale",
      args: { x: view("g", [B, int(7)]), y: view("out", [mul(B, int(7))], mul(B, int(7))) },
      dims: { B, N: int(7), T: mul(B, int(7)) },
      scalars: { factor: -1 },
    },
  ],
};

/** first = x; second = normalise(x) with an epsilon that `normalise` refuses */
export const refused: Plan = {
  name: "refused",
  dims: ["B"],
  params: [
    { name: "x", role: "input", element: "f32", shape: [B, int(7)] },
    { name: "first", role: "output", element: "f32", shape: [B, int(7)] },
    { name: "second", role: "output", element: "f32", shape: [B, int(7)] },
  ],
  buffers: [],
  launches: [
    {
      label: "copy",
      kernel: "scale",
      args: { x: view("x", [B, int(7)]), y: view("first", [mul(B, int(7))]) },
      dims: { B, N: int(7), T: mul(B, int(7)) },
      scalars: { factor: 1 },
    },
    {
      label: "head.normalise",
      kernel: "normalise",
      args: { x: view("x", [B, int(7)]), y: view("second", [B, int(7)]) },
      dims: { B, N: int(7) },
      scalars: { epsilon: 0 },
    },
  ],
};

function view(buffer: string, shape: readonly Expr[], offset: Expr = int(0)): Plan["launches"][number]["args"][string] {
  return { buffer, offset, shape };
}
