/**
 * Lowering: tensor program + kernels → launch plan.
 *
 *   choose a kernel per step (fuse.ts) → place every value → bind each kernel's dimensions → share the arena
 *
 * A value that is a program output is written where the caller wants it; one that is a part of a `stack` is written into
 * its slice of the stacked buffer, and a `part` is a view of it, so that both cost nothing; all others get a buffer in
 * the arena.
 */

import { add, dim, int, mul } from "../../ir/kernel/build.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import type { Expr, Kernel, TensorParam } from "../../ir/kernel/types.ts";
import type { ArenaBuffer, BufferView, Launch, Plan, PlanTensor } from "../../ir/plan.ts";
import type { Op, Shape, TensorElement, TensorProgram, ValueId } from "../../ir/tensor/types.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { shareArena } from "./arena.ts";
import { chooseSteps, kernelsByClaim, type Step } from "./fuse.ts";

/** Where each value of the program lives. */
type Placement = ReadonlyMap<ValueId, BufferView>;

/** TK290: no kernel for an operation; TK291: a value that would have to be in two places; TK292: sizes do not fit. */
export function lowerProgram(program: TensorProgram, kernels: readonly Kernel[]): Result<Plan> {
  const available = kernelsByClaim(kernels);
  const steps = chooseSteps(program, available);
  const diagnostics: Diagnostic[] = [];
  const params = planParams(program);
  const { placement, buffers } = placeValues(program, steps, diagnostics);
  const launches = steps.flatMap((step): readonly Launch[] => {
    const kernel = available.get(step.claim);
    if (kernel === undefined) {
      const fix = `add a kernel with computes: "${step.claim}"`;
      diagnostics.push(
        error("TK290", undefined, `${program.name}: no kernel computes ${step.claim}, for ${step.label}`, fix),
      );
      return [];
    }
    return [bindLaunch(program, step, kernel, placement, diagnostics)];
  });
  if (diagnostics.length > 0) return refuse(...diagnostics);
  return ok({ name: program.name, dims: program.dims, params, buffers: shareArena(buffers, launches), launches });
}

function planParams(program: TensorProgram): readonly PlanTensor[] {
  const tensor = (
    name: string,
    role: PlanTensor["role"],
    shape: Shape,
    element: TensorElement = "f32",
  ): PlanTensor => ({
    name,
    role,
    element,
    shape: shape.map(sizeExpr),
  });
  return [
    ...program.inputs.map(({ name, shape, element }) => tensor(name, "input", shape, element)),
    ...program.weights.map(({ name, shape }) => tensor(name, "weight", shape)),
    ...program.outputs.map(({ name, shape }) => tensor(name, "output", shape)),
  ];
}

function sizeExpr(size: number | string): Expr {
  return typeof size === "number" ? int(size) : dim(size);
}

function placeValues(
  program: TensorProgram,
  steps: readonly Step[],
  diagnostics: Diagnostic[],
): { readonly placement: Placement; readonly buffers: readonly Omit<ArenaBuffer, "shareClass">[] } {
  const placement = new Map<ValueId, BufferView>();
  const buffers: Omit<ArenaBuffer, "shareClass">[] = [];
  const shapes = new Map(program.nodes.map(({ id, shape }) => [id, shape]));
  const whole = (buffer: string, shape: Shape): BufferView => ({ buffer, offset: int(0), shape: shape.map(sizeExpr) });
  const place = (value: ValueId, view: BufferView): void => {
    if (placement.has(value)) {
      const fix = "name the value once as an output, or put it in one stack";
      diagnostics.push(error("TK291", undefined, `${program.name}: ${value} is wanted in two places`, fix));
    }
    placement.set(value, view);
  };
  for (const { name, shape } of [...program.inputs, ...program.weights]) place(name, whole(name, shape));
  for (const { name, value, shape } of program.outputs) place(value, whole(name, shape));
  for (const { id, op, shape } of program.nodes) {
    if (op.kind !== "stack") continue;
    if (!placement.has(id)) {
      place(id, whole(id, shape));
      buffers.push({ name: id, element: "f32", shape: shape.map(sizeExpr) });
    }
    const stacked = placement.get(id);
    op.parts.forEach((part, position) => {
      const partShape = shapes.get(part) ?? [];
      const size = partShape.map(sizeExpr).reduce<Expr>((product, extent) => mul(product, extent), int(1));
      const elements = position === 0 ? int(0) : mul(int(position), size);
      place(part, { buffer: stacked?.buffer ?? id, offset: elements, shape: partShape.map(sizeExpr) });
    });
  }
  for (const { output } of steps) {
    if (placement.has(output)) continue;
    const shape = shapes.get(output) ?? [];
    place(output, whole(output, shape));
    buffers.push({ name: output, element: "f32", shape: shape.map(sizeExpr) });
  }
  for (const { id, op, shape } of program.nodes) {
    if (op.kind !== "part") continue;
    const stacked = placement.get(op.x);
    if (stacked === undefined) throw new InternalError(`${op.x} has no place`);
    const size = shape.map(sizeExpr).reduce<Expr>((product, extent) => mul(product, extent), int(1));
    const start = op.index === 0 ? int(0) : mul(int(op.index), size);
    const offset = stacked.offset.kind === "int" && stacked.offset.value === 0n ? start : add(stacked.offset, start);
    place(id, { buffer: stacked.buffer, offset, shape: shape.map(sizeExpr) });
  }
  return { placement, buffers };
}

function bindLaunch(
  program: TensorProgram,
  step: Step,
  kernel: Kernel,
  placement: Placement,
  diagnostics: Diagnostic[],
): Launch {
  const tensors = kernel.params.filter((param): param is TensorParam => param.kind === "tensor");
  const operands = [...step.inputs, step.output];
  const ordered = [
    ...tensors.filter(({ role }) => role === "input"),
    ...tensors.filter(({ role }) => role !== "input"),
  ];
  const args: Record<string, BufferView> = {};
  const dims: Record<string, Expr> = {};
  ordered.forEach((param, position) => {
    const operand = operands[position];
    const view = operand === undefined ? undefined : placement.get(operand);
    if (view === undefined || ordered.length !== operands.length) {
      const fix = `give ${kernel.name} the parameters of ${step.claim}`;
      diagnostics.push(error("TK292", kernel.span, `${kernel.name} has no argument for ${param.name}`, fix));
      return;
    }
    args[param.name] = view;
    param.shape.forEach((extent, axis) => {
      const size = view.shape[axis];
      if (extent.kind === "dim" && size !== undefined) dims[extent.name] ??= size;
    });
  });
  for (const name of kernel.dims) {
    if (dims[name] !== undefined) continue;
    const fix = "use the dimension as an axis of some parameter";
    diagnostics.push(
      error("TK292", kernel.span, `${program.name}: nothing says what ${name} of ${kernel.name} is`, fix),
    );
  }
  const part = step.part === undefined ? {} : { part: step.part };
  return { label: step.label, ...part, kernel: kernel.name, args, dims, scalars: scalarsOf(step, kernel) };
}

/** Scalar parameters by name: the attributes of the step's operations. */
function scalarsOf(step: Step, kernel: Kernel): Readonly<Record<string, number | bigint>> {
  const scalars: Record<string, number | bigint> = {};
  for (const param of kernel.params) {
    if (param.kind !== "scalar") continue;
    const value = step.ops.map((op) => attribute(op, param.name)).find((found) => found !== undefined);
    if (value === undefined) {
      throw new InternalError(`${kernel.name} takes ${param.name}, which ${step.claim} does not have`);
    }
    scalars[param.name] = param.element === "f32" ? value : BigInt(value);
  }
  return scalars;
}

function attribute(op: Op, name: string): number | undefined {
  if ("epsilon" in op && name === "epsilon") return op.epsilon;
  if (op.kind === "top-k" && name === "k") return op.k;
  if (op.kind === "adamw-mean" && name === "beta1") return op.beta1;
  if (op.kind === "adamw-square" && name === "beta2") return op.beta2;
  if (op.kind === "adamw-weight" && name === "decay") return op.decay;
  if (op.kind === "clip-scale" && name === "max_norm") return op.maxNorm;
  return undefined;
}

/** The plan as text, for `--emit=ir`: buffers with their sharing class, then one line per launch. */
export function printPlan(plan: Plan): string {
  const shape = (extents: readonly Expr[]): string => `[${extents.map(printExpr).join(", ")}]`;
  const view = ({ buffer, offset, shape: extents }: BufferView): string => {
    const start = offset.kind === "int" && offset.value === 0n ? "" : ` + ${printExpr(offset)}`;
    return `${buffer}${start}${shape(extents)}`;
  };
  const launches = plan.launches.flatMap(({ label, part, kernel, args, dims, scalars }, position) => {
    const opens = part !== plan.launches[position - 1]?.part ? [`  part ${part ?? "rest"}`] : [];
    const parts = [
      ...Object.entries(args).map(([name, argument]) => `${name} = ${view(argument)}`),
      ...Object.entries(dims).map(([name, size]) => `${name} = ${printExpr(size)}`),
      ...Object.entries(scalars).map(([name, value]) => `${name} = ${value}`),
    ];
    return [...opens, `  ${label}: ${kernel}(${parts.join(", ")})`];
  });
  return `${[
    `plan ${plan.name}(${plan.dims.join(", ")})`,
    ...plan.params.map(({ name, role, element, shape: extents }) => `  ${role} ${name}: ${element}${shape(extents)}`),
    ...plan.buffers.map(
      ({ name, element, shape: extents, shareClass }) =>
        `  arena ${name}: ${element}${shape(extents)} class ${shareClass}`,
    ),
    "{",
    ...launches,
    "}",
  ].join("\n")}\n`;
}
