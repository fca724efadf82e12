/**
 * A kernel's parameters in C, in the order of its packed arguments: tensors, then dimensions, then scalars.
 *
 * Tensors are pointers, dimensions and integer scalars have the index type of the instance, float scalars are `float`.
 */

import type { Axis } from "../../ir/kernel/expr.ts";
import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import { visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import { MAX_LAUNCH_ARGS } from "./abi-constants.ts";
import {
  type CExpr,
  type CField,
  type CParam,
  type CType,
  constant,
  field,
  member,
  name,
  param,
  pointer,
} from "./c-ast.ts";
import { ELEMENT_C, type Frame, INDEX, machineExprs, namesIn } from "./expr.ts";
import { scalarParams, tensorParams } from "./library.ts";

export interface KernelParam {
  readonly name: string;
  /** Given the index type: `Index` in a template, `int32_t` or `int64_t` in an instance. */
  readonly type: (index: CType, restrict: boolean) => CType;
  readonly used: boolean;
}

export function kernelParams(frame: Frame): readonly KernelParam[] {
  const { kernel, names } = frame;
  const used = new Set(frame.used);
  for (const { name: tensor, shape } of tensorParams(kernel)) {
    // A flat index multiplies by all extents but the first.
    if (frame.used.has(tensor)) for (const extent of shape.slice(1)) for (const dim of namesIn(extent)) used.add(dim);
  }
  return [
    ...tensorParams(kernel).map(
      (tensor): KernelParam => ({
        name: names.value(tensor.name),
        type: (_index, restrict) => pointer(elementType(tensor), restrict),
        used: used.has(tensor.name),
      }),
    ),
    ...kernel.dims.map((dim): KernelParam => ({ name: names.dim(dim), type: (index) => index, used: used.has(dim) })),
    ...scalarParams(kernel).map(
      (scalar): KernelParam => ({
        name: names.value(scalar.name),
        type: (index) => (scalar.element === "f32" ? ELEMENT_C.f32 : index),
        used: used.has(scalar.name),
      }),
    ),
  ];
}

/**
 * Bytes of a kernel's packed arguments: each aligned to its size, and the whole to 8.
 *
 * The instance with the widest indices needs the most of them.
 */
function packedBytes({ kernel, widths }: ProvedKernel): number {
  const index = widths.includes(64) ? 8 : 4;
  const sizes = [
    ...tensorParams(kernel).map(() => 8),
    ...kernel.dims.map(() => index),
    ...scalarParams(kernel).map(({ element }) => (element === "f32" ? 4 : index)),
  ];
  const end = sizes.reduce((offset, size) => Math.ceil(offset / size) * size + size, 0);
  return Math.ceil(end / 8) * 8;
}

/** TK413: a kernel whose packed arguments do not fit a `tok_launch`. */
export function excessArguments(proved: ProvedKernel): readonly Diagnostic[] {
  const bytes = packedBytes(proved);
  if (bytes <= MAX_LAUNCH_ARGS) return [];
  const { name: kernel, span } = proved.kernel;
  const message = `the arguments of ${kernel} take ${bytes} bytes, and a launch carries at most ${MAX_LAUNCH_ARGS}`;
  return [error("TK413", span, message, "put tensors of one shape into one tensor with an axis more")];
}

function elementType({ role, element }: TensorParam): CType {
  return role === "input" ? constant(ELEMENT_C[element]) : ELEMENT_C[element];
}

/** The parameters of a function of that index type; in a template body, those that it does not use are marked. */
export function paramList(params: readonly KernelParam[], index: CType): readonly CParam[] {
  return params.map(({ name: text, type, used }) => param(type(index, true), text, index === INDEX && !used));
}

export function paramFields(params: readonly KernelParam[]): readonly CField[] {
  return params.map(({ name: text, type }) => field(type(INDEX, false), text));
}

/** `params.x, params.w, …`, or the bare names. */
export function paramArgs(params: readonly KernelParam[], struct?: CExpr): readonly CExpr[] {
  return params.map(({ name: text }) => (struct === undefined ? name(text) : member(struct, text)));
}

/** The axes of `thread` or `block` that the body reads. */
export function usedAxes(kernel: Kernel, of: "thread" | "block"): ReadonlySet<Axis> {
  const axes = new Set<Axis>();
  // Which lane of its wave a thread is, follows from all of its indices.
  if (of === "thread" && kernel.matrix !== undefined) {
    for (const axis of AXES) if (kernel.block[axis] > 1n) axes.add(axis);
  }
  visitStmts(kernel.body, (stmt) => {
    for (const outer of machineExprs(stmt)) {
      visitExpr(outer, (inner) => {
        if (inner.kind === "index" && inner.of === of) axes.add(inner.axis);
      });
    }
  });
  return axes;
}

export const AXES: readonly Axis[] = [0, 1, 2];
