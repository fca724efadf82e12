/** The well-formedness check: sound kernels pass, and each way to break one has its code. */

import { describe, expect, it } from "vitest";
import {
  add,
  bool,
  compare,
  dim,
  float,
  ghost,
  int,
  intOp,
  mul,
  neg,
  random,
  round,
  scalar,
  select,
} from "../../src/ir/kernel/build.ts";
import { checkKernel } from "../../src/ir/kernel/check.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { CoversClause, DataCondition, Kernel, Param, StepsStmt, Stmt } from "../../src/ir/kernel/types.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import {
  array,
  assign,
  atomic,
  barrier,
  constant,
  f,
  forall,
  halving,
  i,
  kernelOf,
  loop,
  lt,
  read,
  readInt,
  readRegister,
  readShared,
  readSharedInt,
  rowMean,
  scalarParam,
  store,
  storeRegister,
  storeShared,
  tensor,
  thread,
  tiledMatmul,
  variable,
  vectorOf,
  when,
} from "./kernel-ir-samples.ts";

const N = dim("N");

/**
 * x is an input and y an output of N floats; `at`, `io` and `out` an input, an inout and an output of N integers; k and e
 * are scalars; s of floats and n of integers are shared; r and t of floats and q of integers are registers.
 */
function kernelWith(body: readonly Stmt[], more: Partial<Kernel> = {}): Kernel {
  return kernelOf({
    params: [
      tensor("x", "input", [N]),
      tensor("y", "output", [N]),
      tensor("at", "input", [N], "i32"),
      tensor("io", "inout", [N], "i32"),
      tensor("out", "output", [N], "i32"),
      scalarParam("k", "i32"),
      scalarParam("e", "f32"),
    ],
    dims: ["N"],
    arrays: [
      array("shared", "s", [4n]),
      array("shared", "n", [4n], "i32"),
      array("register", "r", [4n]),
      array("register", "t", [3n]),
      array("register", "q", [4n], "i32"),
    ],
    body,
    ...more,
  });
}

const zero = int(0);
const one = float(1);
const half = (value: Expr): Expr => round("f16", value, undefined);
const rounded = round("f16", one, zero);
const drawn = random([zero, zero, zero, zero]);
const atLeastZero = compare("le", float(0), read("from", zero));

/** With halves in memory: an input `from` and an inout `h`. */
const halves = (body: readonly Stmt[], more: readonly Param[] = []): Kernel =>
  kernelOf({
    params: [tensor("x", "input", [N]), tensor("from", "input", [N], "f16"), tensor("h", "inout", [N], "f16"), ...more],
    dims: ["N"],
    arrays: [array("register", "v", [4n], "f16"), array("shared", "s", [4n], "f16")],
    body,
  });
/** With an inout `b` of bf16 as well. */
const brains = (body: readonly Stmt[]): Kernel => halves(body, [tensor("b", "inout", [N], "bf16")]);
const steps = (values: readonly bigint[], op: "mul" | "div", factor: bigint): StepsStmt => ({
  ...halving("j", 1n, []),
  values,
  update: { op, factor },
});
const malformed = (type: "int" | "f32", left: Expr, right: Expr): Expr =>
  type === "int"
    ? { kind: "int-op", type, op: "add", left, right, span: NO_SPAN }
    : { kind: "float-op", type, op: "add", left, right, span: NO_SPAN };

const sumOf = (name: string): Expr => ghost("prefix-sum", { space: "global", name }, [N]);
const placeIn = (name: string): Expr => ghost("nth-occurrence", { space: "global", name }, [N, zero, zero]);
const sharedIsOne = compare("eq", readSharedInt("n", zero), int(1));
/** Every element of an integer tensor is below N. */
const onData = (name: string): DataCondition => forall({ t: N }, lt(readInt(name, i("t")), N));
const coversOf = (more: Partial<CoversClause>): CoversClause => ({
  array: "y",
  variables: ["t"],
  thread: [i("t")],
  counters: [],
  span: NO_SPAN,
  ...more,
});

describe("a well-formed kernel", () => {
  it.each<readonly [string, Kernel]>([
    ["a tiled matrix product", tiledMatmul(16)],
    ["a tree reduction", rowMean(64n)],
    ["an empty body", kernelWith([])],
    [
      "atomic changes of integers, and vectors between memory and registers",
      kernelWith([
        atomic("add", "shared", "n", [zero], thread()),
        atomic("max", "global", "io", [thread()], zero),
        vectorOf("load", "r", 4n, "global", "x", [zero]),
        vectorOf("store", "r", 4n, "shared", "s", [zero]),
        barrier("wave"),
      ]),
    ],
    [
      "conditions on data, whose variables may share a name, and ghosts",
      kernelWith([loop("a", zero, N, [], { invariants: [lt(readInt("at", zero), sumOf("at"))] })], {
        dataRequires: [onData("at"), onData("io")],
        ensures: [onData("out"), forall({ t: scalar("k", "int") }, lt(sumOf("at"), i("t")))],
        covers: [coversOf({ block: [zero], counters: [{ name: "a", value: readInt("at", i("t")) }] })],
      }),
    ],
    [
      "names of one block that another block does not see",
      kernelWith([when(bool(true), [constant("a", zero)]), barrier()]),
    ],
    [
      "register indices of unrolled counters and of constants made of them",
      kernelWith([
        loop(
          "a",
          zero,
          int(2),
          [
            loop("b", i("a"), int(4), [constant("c", add(i("a"), i("b"))), storeRegister("r", [i("c")], one)], {
              unroll: true,
            }),
          ],
          { unroll: true },
        ),
        halving("h", 2n, [storeRegister("r", [i("h")], one)]),
      ]),
    ],
    [
      "launch expressions over dimensions and scalars",
      kernelWith([], {
        params: [tensor("y", "output", [add(mul(int(2), N), int(1)), dim("T")]), scalarParam("k", "i32")],
        dims: ["N", "T"],
        where: [{ dim: "T", value: mul(N, N), span: NO_SPAN }],
        requires: [lt(scalar("k", "int"), N)],
        grid: [intOp("div", N, int(4)), int(1), scalar("k", "int")],
      }),
    ],
    [
      "halves that are rounded, read, literal, negated or chosen of such",
      halves([
        constant("a", half(read("x", zero))),
        constant("b", f("a")),
        store("h", [zero], f("b")),
        store("h", [zero], neg(read("from", zero))),
        store("h", [zero], select(lt(thread(), N), float(0.5), read("h", zero))),
        store("h", [zero], round("f16", read("x", zero), random([zero, zero, zero, thread()]))),
        storeShared("s", [zero], half(one)),
        vectorOf("load", "v", 4n, "global", "from", [zero]),
      ]),
    ],
    [
      "numbers and choices of both half formats in either",
      halves(
        [
          constant("a", select(lt(thread(), N), float(0.5), float(-2))),
          store("h", [zero], f("a")),
          store("b", [zero], f("a")),
          store("b", [zero], round("bf16", read("from", zero), undefined)),
          store("b", [zero], float(2 ** 100)),
        ],
        [tensor("b", "inout", [N], "bf16")],
      ),
    ],
    ["steps upwards", kernelWith([steps([1n, 2n, 4n], "mul", 2n)])],
    ["steps that floor", kernelWith([steps([5n, 2n, 1n], "div", 2n)])],
  ])("%s", (_, kernel) => {
    expect(checkKernel(kernel)).toEqual([]);
  });
});

describe("a malformed kernel", () => {
  it.each<readonly [string, string, Kernel]>([
    ["TK201", "two locals of one name", kernelWith([constant("a", zero), constant("a", zero)])],
    [
      "TK201",
      "a name used again after its scope",
      kernelWith([when(bool(true), [constant("a", zero)]), constant("a", zero)]),
    ],
    ["TK201", "a counter named like a parameter", kernelWith([loop("x", zero, N, [])])],
    ["TK201", "a tensor named like a dimension", kernelWith([], { params: [tensor("N", "output", [N])] })],
    ["TK202", "a local that is not declared", kernelWith([constant("a", i("b"))])],
    ["TK202", "a local used in its own value", kernelWith([constant("a", add(i("a"), int(1)))])],
    [
      "TK202",
      "a local used after its block",
      kernelWith([when(bool(true), [constant("a", zero)]), constant("b", i("a"))]),
    ],
    ["TK202", "a counter used after its loop", kernelWith([loop("a", zero, N, []), constant("b", i("a"))])],
    ["TK202", "a counter in its own bound", kernelWith([loop("a", zero, i("a"), [])])],
    ["TK202", "an assignment to nothing", kernelWith([assign("a", zero)])],
    ["TK202", "a dimension that is not declared", kernelWith([constant("a", dim("M"))])],
    ["TK202", "a shared array that is a tensor", kernelWith([constant("a", readShared("x", zero))])],
    ["TK202", "a scalar that is a tensor", kernelWith([constant("a", scalar("x", "f32"))])],
    ["TK202", "a where clause for a scalar", kernelWith([], { where: [{ dim: "k", value: N, span: NO_SPAN }] })],
    ["TK203", "a local of another type than its declaration", kernelWith([constant("a", zero), variable("b", f("a"))])],
    ["TK203", "a let whose type is not its value's", kernelWith([{ ...constant("a", zero), type: "f32" }])],
    [
      "TK203",
      "a float stored as an integer",
      kernelWith([], { params: [tensor("y", "output", [N], "i32")], body: [store("y", [zero], one)] }),
    ],
    ["TK203", "an integer stored into shared floats", kernelWith([storeShared("s", [zero], zero)])],
    ["TK203", "an integer element read as a float", kernelWith([constant("a", read("at", zero))])],
    ["TK203", "an integer scalar read as a float", kernelWith([constant("a", scalar("k", "f32"))])],
    ["TK203", "a sum of an integer and a float", kernelWith([constant("a", malformed("int", zero, one))])],
    ["TK203", "a float sum of integers", kernelWith([constant("a", malformed("f32", zero, zero))])],
    ["TK203", "a condition that is an integer", kernelWith([when(zero, [])])],
    ["TK203", "an assignment of another type", kernelWith([variable("a", zero), assign("a", one)])],
    ["TK203", "an invariant that is no condition", kernelWith([loop("a", zero, N, [], { invariants: [zero] })])],
    ["TK203", "a float bound", kernelWith([loop("a", zero, one, [])])],
    ["TK204", "too many indices", kernelWith([constant("a", read("x", zero, zero))])],
    ["TK204", "no index", kernelWith([store("y", [], one)])],
    ["TK205", "a store to an input", kernelWith([store("x", [zero], one)])],
    ["TK206", "an assignment to a constant", kernelWith([constant("a", zero), assign("a", zero)])],
    ["TK206", "an assignment to a counter", kernelWith([loop("a", zero, N, [assign("a", zero)])])],
    ["TK207", "a step of 0", kernelWith([loop("a", zero, N, [], { step: 0n })])],
    ["TK208", "steps that are not geometric", kernelWith([steps([8n, 4n, 3n], "div", 2n)])],
    ["TK208", "steps against their update", kernelWith([steps([1n, 2n, 4n], "div", 2n)])],
    ["TK208", "steps that stand still", kernelWith([steps([1n, 1n], "mul", 1n)])],
    ["TK208", "steps down to 0", kernelWith([steps([1n, 0n], "div", 2n)])],
    ["TK209", "a block without threads", kernelWith([], { block: [1n, 0n, 1n] })],
    ["TK209", "an array without elements", kernelWith([], { arrays: [array("shared", "s", [4n, 0n])] })],
    ["TK210", "a grid of threads", kernelWith([], { grid: [thread(), int(1), int(1)] })],
    ["TK210", "a requirement of an element", kernelWith([], { requires: [lt(zero, readInt("at", zero))] })],
    ["TK210", "a requirement of a local", kernelWith([], { requires: [lt(zero, i("a"))] })],
    [
      "TK210",
      "a dimension defined by itself",
      kernelWith([], { where: [{ dim: "N", value: add(N, N), span: NO_SPAN }] }),
    ],
    [
      "TK210",
      "a shape over a scalar",
      kernelWith([], { params: [scalarParam("k", "i32"), tensor("y", "output", [scalar("k", "int")])] }),
    ],
    [
      "TK211",
      "a bound that the body assigns",
      kernelWith([variable("a", zero), loop("b", zero, i("a"), [assign("a", zero)])]),
    ],
    ["TK212", "a register index of a thread", kernelWith([constant("a", readRegister("r", thread()))])],
    [
      "TK212",
      "a register index of a loop that is not unrolled",
      kernelWith([loop("a", zero, int(4), [storeRegister("r", [i("a")], one)])]),
    ],
    [
      "TK212",
      "a register index of a symbolic loop",
      kernelWith([loop("a", zero, N, [storeRegister("r", [i("a")], one)], { unroll: true })]),
    ],
    [
      "TK212",
      "a register index that is assigned",
      kernelWith([variable("a", zero), storeRegister("r", [i("a")], one)]),
    ],
    ["TK213", "a product of dimensions as a shape", kernelWith([], { params: [tensor("y", "output", [mul(N, N)])] })],
    [
      "TK214",
      "an invariant that reads floats",
      kernelWith([loop("a", zero, N, [], { invariants: [compare("lt", read("x", zero), one)] })]),
    ],
    [
      "TK214",
      "an invariant that reads what the kernel may write",
      kernelWith([loop("a", zero, N, [], { invariants: [lt(readInt("io", zero), N)] })]),
    ],
    ["TK214", "a condition before the run that reads an output", kernelWith([], { dataRequires: [onData("out")] })],
    ["TK202", "a condition that reads shared memory", kernelWith([], { ensures: [forall({}, sharedIsOne)] })],
    ["TK210", "a condition that mentions a thread", kernelWith([], { ensures: [forall({}, lt(thread(), N))] })],
    [
      "TK210",
      "an extent that mentions a variable",
      kernelWith([], { dataRequires: [forall({ t: N, s: i("t") }, bool(true))] }),
    ],
    ["TK201", "a variable named as a dimension", kernelWith([], { dataRequires: [forall({ N: int(2) }, bool(true))] })],
    ["TK203", "a condition that is a number", kernelWith([], { dataRequires: [forall({ t: N }, i("t"))] })],
    ["TK215", "a ghost in the body", kernelWith([constant("a", sumOf("at"))])],
    ["TK215", "a ghost in a launch expression", kernelWith([], { requires: [lt(sumOf("at"), N)] })],
    ["TK215", "a ghost of floats", kernelWith([], { dataRequires: [forall({}, lt(sumOf("x"), N))] })],
    ["TK215", "a ghost of what the kernel may write", kernelWith([], { ensures: [forall({}, lt(sumOf("io"), N))] })],
    ["TK216", "an atomic change of floats", kernelWith([atomic("add", "shared", "s", [zero], zero)])],
    ["TK216", "an atomic change of registers", kernelWith([atomic("add", "register", "q", [zero], zero)])],
    ["TK205", "an atomic change of an input", kernelWith([atomic("add", "global", "at", [zero], zero)])],
    ["TK203", "an atomic change by a float", kernelWith([atomic("add", "global", "io", [zero], one)])],
    [
      "TK204",
      "an atomic change with too many indices",
      kernelWith([atomic("add", "global", "io", [zero, zero], zero)]),
    ],
    ["TK219", "a float that is not rounded in an f16", halves([store("h", [zero], read("x", zero))])],
    ["TK219", "an f16 in a bf16", brains([store("b", [zero], read("from", zero))])],
    ["TK219", "a bf16 in an f16", brains([store("h", [zero], read("b", zero))])],
    ["TK219", "a number that only bf16 holds in an f16", brains([store("h", [zero], float(2 ** 100))])],
    ["TK219", "a number that only f16 holds in a bf16", brains([store("b", [zero], float(1 + 2 ** -10))])],
    [
      "TK219",
      "a choice between the two half formats",
      brains([store("b", [zero], select(lt(thread(), N), read("b", zero), half(one)))]),
    ],
    ["TK219", "a local that is assigned in an f16", halves([variable("a", half(one)), store("h", [zero], f("a"))])],
    [
      "TK219",
      "a choice of which one side is not rounded in an f16",
      halves([store("h", [zero], select(lt(thread(), N), half(one), read("x", zero)))]),
    ],
    ["TK210", "a rounding in a condition", kernelWith([], { requires: [compare("lt", half(one), one)] })],
    [
      "TK210",
      "random integers in an invariant",
      kernelWith([loop("a", zero, N, [], { invariants: [lt(random([zero, zero, zero, zero]), N)] })]),
    ],
    ["TK203", "random integers of two arguments", kernelWith([constant("a", { ...drawn, args: [zero, zero] })])],
    ["TK203", "a rounding of an integer", kernelWith([constant("a", { ...rounded, value: zero })])],
    ["TK203", "a rounding that a float decides", kernelWith([constant("a", { ...rounded, random: one })])],
    ["TK214", "an invariant that reads halves", halves([loop("a", zero, N, [], { invariants: [atLeastZero] })])],
    ["TK216", "an atomic change of halves", halves([atomic("add", "global", "h", [zero], zero)])],
    ["TK217", "a vector of 3 lanes", kernelWith([vectorOf("load", "t", 3n, "global", "x", [zero])])],
    ["TK217", "more lanes than registers", kernelWith([vectorOf("load", "r", 8n, "global", "x", [zero])])],
    ["TK217", "a vector into shared memory", kernelWith([vectorOf("load", "s", 4n, "global", "x", [zero])])],
    ["TK217", "a vector of another element type", kernelWith([vectorOf("load", "r", 4n, "global", "at", [zero])])],
    ["TK217", "a vector from registers", kernelWith([vectorOf("load", "r", 4n, "register", "r", [zero])])],
    ["TK205", "a vector stored to an input", kernelWith([vectorOf("store", "r", 4n, "global", "x", [zero])])],
    ["TK218", "a covers clause of an input", kernelWith([], { covers: [coversOf({ array: "x" })] })],
    ["TK218", "a covers clause of too many axes", kernelWith([], { covers: [coversOf({ variables: ["a", "b"] })] })],
    [
      "TK218",
      "a covers clause of an unknown counter",
      kernelWith([], { covers: [coversOf({ counters: [{ name: "k0", value: zero }] })] }),
    ],
    ["TK203", "a covers clause with a float", kernelWith([], { covers: [coversOf({ thread: [one] })] })],
    ["TK215", "a count in a covers clause", kernelWith([], { covers: [coversOf({ thread: [sumOf("at")] })] })],
    ["TK215", "a place in a condition on data", kernelWith([], { dataRequires: [forall({}, lt(placeIn("at"), N))] })],
    ["TK215", "a place in the body", kernelWith([constant("a", placeIn("at"))])],
    ["TK215", "a place among floats", kernelWith([], { covers: [coversOf({ thread: [placeIn("x")] })] })],
  ])("%s: %s", (code, _, kernel) => {
    const codes = checkKernel(kernel).map((diagnostic) => diagnostic.code);
    expect(codes).toContain(code);
  });

  it("is reported whole, and says what is wrong", () => {
    const kernel = kernelWith([store("x", [i("a")], one), constant("b", read("y", zero, zero))]);
    expect(checkKernel(kernel).map(({ code, message }) => `${code} ${message}`)).toEqual([
      "TK202 no local a is in scope here",
      "TK204 y has rank 1, indexed by 2",
      "TK205 x is an input and is stored to",
    ]);
  });
});
