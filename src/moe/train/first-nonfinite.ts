/**
 * Where a number first left the range of f32: a plan, launch by launch, on the tensors of one call.
 *
 * Each launch of the plan runs as a call of its kernel, with the buffers of the arena apart from each other, and what it
 * writes is looked at. It takes as long as a step does, and is done once, when a run has diverged.
 */

import { evaluateSize } from "../../ir/kernel/interpret-launch.ts";
import type { BufferView, Plan } from "../../ir/plan.ts";
import type { CpuLibrary, TensorData } from "../../runtime/cpu/library.ts";
import { InternalError } from "../../support/result.ts";

export interface NonFinite {
  /** What the launch computes, such as `expert2.layer0.linear`; absent where the tensor was given so. */
  readonly label: string | undefined;
  readonly tensor: string;
}

/** `undefined` where everything is finite. Changes what the plan writes, the weights among it. */
export function firstNonFinite(
  library: CpuLibrary,
  plan: Plan,
  tensors: Readonly<Record<string, TensorData>>,
  sizes: Readonly<Record<string, number>>,
): NonFinite | undefined {
  const dims = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, BigInt(size)]));
  const size = (expr: BufferView["offset"]): number => Number(evaluateSize(expr, { dims, scalars: {} }));
  const elements = (shape: BufferView["shape"]): number => shape.reduce((product, extent) => product * size(extent), 1);
  const buffers = new Map<string, TensorData>(Object.entries(tensors));
  for (const { name, role } of plan.params) {
    if (role !== "output" && !allFinite(buffers.get(name))) return { label: undefined, tensor: name };
  }
  for (const { name, element, shape } of plan.buffers) {
    buffers.set(name, element === "f32" ? new Float32Array(elements(shape)) : new Int32Array(elements(shape)));
  }
  const viewed = ({ buffer, offset, shape }: BufferView): TensorData => {
    const data = buffers.get(buffer);
    if (data === undefined) throw new InternalError(`the plan has no ${buffer}`);
    const start = size(offset);
    return data.subarray(start, start + elements(shape));
  };
  for (const { label, kernel, args, dims: bound, scalars } of plan.launches) {
    const views = Object.entries(args).map(([param, view]) => [param, viewed(view)] as const);
    library.call(kernel, {
      tensors: Object.fromEntries(views),
      dims: Object.fromEntries(Object.entries(bound).map(([name, expr]) => [name, size(expr)])),
      scalars,
    });
    const bad = views.find(([, data]) => !allFinite(data));
    if (bad !== undefined) return { label, tensor: args[bad[0]]?.buffer ?? bad[0] };
  }
  return undefined;
}

/** Integers are finite. */
export function allFinite(data: TensorData | undefined): boolean {
  return !(data instanceof Float32Array) || data.every(Number.isFinite);
}
