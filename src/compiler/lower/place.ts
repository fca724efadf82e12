/**
 * Placement: where each value of a program lives.
 *
 * A value that is a program output is written where the caller wants it, and one that updates a weight is written over the
 * weight. The parts of a `stack` or `concat` are written into their slices of its buffer, and a `part` is a view, so that
 * all three cost nothing; every other value gets a buffer in the arena.
 */

import { add, dim, int, mul } from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { ArenaBuffer, BufferView } from "../../ir/plan.ts";
import { foldDim } from "../../ir/tensor/dim.ts";
import { resultElement } from "../../ir/tensor/operand-elements.ts";
import type { Dim, Node, Shape, TensorProgram, ValueId } from "../../ir/tensor/types.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { InternalError } from "../../support/result.ts";
import type { Step } from "./fuse.ts";

export type Placement = ReadonlyMap<ValueId, BufferView>;

export interface Placed {
  readonly placement: Placement;
  readonly buffers: readonly Omit<ArenaBuffer, "shareClass">[];
}

export function sizeExpr(size: Dim): Expr {
  return foldDim(size, { integer: int, named: dim, add, multiply: mul });
}

/** TK291: a value that would have to be in two places; TK293: a weight that is read after its update. */
export function placeValues(program: TensorProgram, steps: readonly Step[], diagnostics: Diagnostic[]): Placed {
  const placement = new Map<ValueId, BufferView>();
  const buffers: Omit<ArenaBuffer, "shareClass">[] = [];
  const shapes = new Map(program.nodes.map(({ id, shape }) => [id, shape]));
  const elementOf = new Map(program.nodes.map(({ id, op }) => [id, resultElement(op)]));
  const place = (value: ValueId, view: BufferView): void => {
    if (placement.has(value)) {
      const fix = "name the value once as an output or an update, or put it in one stack";
      diagnostics.push(error("TK291", undefined, `${program.name}: ${value} is wanted in two places`, fix));
    }
    placement.set(value, view);
  };
  const allocate = (value: ValueId, shape: Shape): BufferView => {
    const view = whole(value, shape);
    place(value, view);
    buffers.push({ name: value, element: elementOf.get(value) ?? "f32", shape: view.shape });
    return view;
  };
  for (const { name, shape } of [...program.inputs, ...program.weights]) place(name, whole(name, shape));
  for (const { name, value, shape } of program.outputs) place(value, whole(name, shape));
  for (const { weight, value } of program.updates) place(value, whole(weight, shapes.get(value) ?? []));
  for (const { id, op, shape } of program.nodes) {
    if (op.kind !== "stack" && op.kind !== "concat") continue;
    const joined = placement.get(id) ?? allocate(id, shape);
    let offset: Expr = int(0);
    for (const [position, part] of op.parts.entries()) {
      const partShape = shapes.get(part) ?? [];
      place(part, { buffer: joined.buffer, offset, shape: partShape.map(sizeExpr) });
      offset = op.kind === "stack" ? mul(int(position + 1), elements(partShape)) : plus(offset, elements(partShape));
    }
  }
  for (const output of steps.flatMap(({ outputs }) => outputs)) {
    if (!placement.has(output)) allocate(output, shapes.get(output) ?? []);
  }
  for (const { id, op, shape } of program.nodes) {
    if (op.kind !== "part") continue;
    const stacked = placement.get(op.x);
    if (stacked === undefined) throw new InternalError(`${op.x} has no place`);
    const start = op.index === 0 ? int(0) : mul(int(op.index), elements(shape));
    place(id, { buffer: stacked.buffer, offset: plus(stacked.offset, start), shape: shape.map(sizeExpr) });
  }
  checkUpdates(program, steps, diagnostics);
  return { placement, buffers };
}

/** A step that reads a weight, or a part of it, must not run after the one that writes over it. */
function checkUpdates(program: TensorProgram, steps: readonly Step[], diagnostics: Diagnostic[]): void {
  const nodes = new Map(program.nodes.map((node) => [node.id, node]));
  for (const { weight, value } of program.updates) {
    const updated = steps.findIndex(({ outputs }) => outputs.includes(value));
    if (updated === -1) throw new InternalError(`${program.name}: no step makes ${value}, which updates ${weight}`);
    for (const { inputs, label } of steps.slice(updated + 1)) {
      if (!inputs.some((input) => wholeOf(nodes, input) === weight)) continue;
      const fix = "read it before, or read the new value";
      const fact = `${program.name}: ${label} reads ${weight} after its update`;
      diagnostics.push(error("TK293", undefined, fact, fix));
    }
  }
}

/** The value that this one is a part of, or itself. */
function wholeOf(nodes: ReadonlyMap<ValueId, Node>, value: ValueId): ValueId {
  const op = nodes.get(value)?.op;
  return op?.kind === "part" ? wholeOf(nodes, op.x) : value;
}

function whole(buffer: string, shape: Shape): BufferView {
  return { buffer, offset: int(0), shape: shape.map(sizeExpr) };
}

function elements(shape: Shape): Expr {
  return shape.map(sizeExpr).reduce<Expr>((product, extent) => mul(product, extent), int(1));
}

function plus(a: Expr, b: Expr): Expr {
  if (a.kind === "int" && b.kind === "int") return int(a.value + b.value);
  return a.kind === "int" && a.value === 0n ? b : add(a, b);
}
