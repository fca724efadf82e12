/** A kernel with conditions on data of every form, and a plan that launches it twice, built by hand. */

import { add, compare, dim, ghost, int, intOp, local, logic, select, sub } from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { DataCondition, Kernel } from "../../src/ir/kernel/types.ts";
import type { Plan } from "../../src/ir/plan.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import { block, f32At, inGlobal, intAt, kernelOf, store, tensor } from "./codegen-ir.ts";

const [T, E] = [dim("T"), dim("E")];
const [t, e, f] = [local("t", "int"), local("e", "int"), local("f", "int")];
const at = (array: string, i: Expr): Expr => intAt(inGlobal(array), i);
const both = (left: Expr, right: Expr): Expr => logic("and", left, right);
const either = (left: Expr, right: Expr): Expr => logic("or", left, right);
const inRange = (value: Expr, end: Expr): Expr => both(compare("le", int(0), value), compare("lt", value, end));
const over = (variables: DataCondition["variables"], condition: Expr): DataCondition => ({
  variables,
  condition,
  span: NO_SPAN,
});

/** A value with a guard before what it guards: `!(0 <= ids[t] < E) || …` */
const outside = either(compare("lt", at("ids", t), int(0)), compare("ge", at("ids", t), E));

const conditions: readonly DataCondition[] = [
  over([{ name: "t", extent: T }], inRange(at("ids", t), E)),
  over([], compare("eq", at("offsets", int(0)), int(0))),
  over(
    [
      { name: "e", extent: add(E, int(1)) },
      { name: "f", extent: add(E, int(1)) },
    ],
    either(compare("gt", e, f), compare("le", at("offsets", e), at("offsets", f))),
  ),
  over(
    [{ name: "e", extent: add(E, int(1)) }],
    compare("eq", at("offsets", e), ghost("prefix-sum", inGlobal("counts"), [e])),
  ),
  over(
    [{ name: "t", extent: T }],
    either(
      outside,
      compare(
        "eq",
        sub(at("position", t), at("offsets", at("ids", t))),
        ghost("occurrences", inGlobal("ids"), [t, at("ids", t)]),
      ),
    ),
  ),
  over(
    [{ name: "t", extent: T }],
    select(
      inRange(at("position", t), T),
      compare("ge", at("ids", at("position", t)), int(0)),
      compare("lt", t, int(0)),
    ),
  ),
];

/** y[t] = x[t], where ids, counts, offsets and position are those of a sort of T tokens by E experts */
export const sorted: Kernel = {
  ...kernelOf({
    name: "sorted",
    params: [
      tensor("x", "input", "f32", [T]),
      tensor("ids", "input", "i32", [T]),
      tensor("counts", "input", "i64", [E]),
      tensor("offsets", "input", "i32", [add(E, int(1))]),
      tensor("position", "inout", "i32", [T]),
      tensor("y", "output", "f32", [T]),
    ],
    dims: ["T", "E"],
    grid: [T],
    block: [1],
    body: [store(inGlobal("y"), [block(0)], f32At(inGlobal("x"), block(0)))],
  }),
  dataRequires: conditions,
};

/** Of the sort only that ids are experts, and that each expert begins where smaller ones end. */
export const counted: Kernel = {
  ...sorted,
  name: "counted",
  dataRequires: [
    ...conditions.slice(0, 1),
    over(
      [{ name: "e", extent: add(E, int(1)) }],
      compare("eq", at("offsets", e), ghost("below", inGlobal("ids"), [T, e])),
    ),
  ],
};

/** positions[t] = t: the tokens of one expert are where they are */
export const inPlace: Kernel = kernelOf({
  name: "in_place",
  params: [tensor("position", "output", "i32", [T])],
  dims: ["T"],
  grid: [T],
  block: [1],
  body: [store(inGlobal("position"), [block(0)], intOp("mod", block(0), int(2 ** 30)))],
});

/** `position` is made by the first launch, `given` comes from the caller: y = x twice, through the arena */
export const sorting: Plan = {
  name: "sorting",
  dims: ["T", "E"],
  params: [
    { name: "x", role: "input", element: "f32", shape: [T] },
    { name: "ids", role: "input", element: "i32", shape: [T] },
    { name: "counts", role: "input", element: "i64", shape: [E] },
    { name: "offsets", role: "input", element: "i32", shape: [add(E, int(1))] },
    { name: "first", role: "output", element: "i32", shape: [T] },
    { name: "y", role: "output", element: "f32", shape: [T] },
  ],
  buffers: [{ name: "position", element: "i32", shape: [T], shareClass: 0 }],
  launches: [
    { label: "first", kernel: "in_place", args: { position: view("first") }, dims: { T }, scalars: {} },
    { label: "positions", kernel: "in_place", args: { position: view("position") }, dims: { T }, scalars: {} },
    {
      label: "copy",
      kernel: "sorted",
      args: {
        ...Object.fromEntries(["x", "ids", "position", "y"].map((name) => [name, view(name)])),
        counts: view("counts", E),
        offsets: view("offsets", add(E, int(1))),
      },
      dims: { T, E },
      scalars: {},
    },
  ],
};

function view(buffer: string, extent: Expr = T): Plan["launches"][number]["args"][string] {
  return { buffer, offset: int(0), shape: [extent] };
}
