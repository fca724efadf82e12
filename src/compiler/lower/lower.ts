/**
 * Lowering: tensor program + kernels → launch plan.
 *
 *   choose a kernel per step (fuse.ts) → place every value (place.ts) → bind each kernel's dimensions → share the arena
 */

import { int, mul, sub } from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { vectorInstances } from "../../ir/kernel/instead.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import type { BufferView, Launch, Plan, PlanTensor } from "../../ir/plan.ts";
import { attributeOf, isClaimAttribute } from "../../ir/tensor/claim-signature.ts";
import type { Shape, TensorElement, TensorProgram } from "../../ir/tensor/types.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { shareArena } from "./arena.ts";
import { chooseSteps, kernelsByClaim, type Step } from "./fuse.ts";
import { type Placement, placeValues, sizeExpr } from "./place.ts";

/** TK290: no kernel for an operation; TK292: its parameters do not fit; TK291 and TK293: see `placeValues`. */
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
    const vector = vectorInstances(kernel, kernels).map(({ name }) => name);
    const launch = bindLaunch(program, step, kernel, placement, diagnostics);
    return [vector.length === 0 ? launch : { ...launch, vector }];
  });
  if (diagnostics.length > 0) return refuse(...diagnostics);
  return ok({
    name: program.name,
    dims: program.dims,
    params,
    buffers: shareArena(program.dims, buffers, launches),
    launches,
  });
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
  const updated = new Set(program.updates.map(({ weight }) => weight));
  return [
    ...program.inputs.map(({ name, shape, element }) => tensor(name, "input", shape, element)),
    ...program.weights.map(({ name, shape }) => tensor(name, updated.has(name) ? "inout" : "weight", shape)),
    ...program.outputs.map(({ name, shape, element }) => tensor(name, "output", shape, element)),
  ];
}

/** An `inout` parameter is an input and an output of the claim; both values live in one place. */
function bindLaunch(
  program: TensorProgram,
  step: Step,
  kernel: Kernel,
  placement: Placement,
  diagnostics: Diagnostic[],
): Launch {
  const tensors = kernel.params.filter((param): param is TensorParam => param.kind === "tensor");
  const inputs = tensors.filter(({ role }) => role !== "output");
  const outputs = tensors.filter(({ role }) => role !== "input");
  const args: Record<string, BufferView> = {};
  const dims: Record<string, Expr> = {};
  const pairs = [
    ...inputs.map((param, position) => ({ param, operand: step.inputs[position] })),
    ...outputs.map((param, position) => ({ param, operand: step.outputs[position] })),
  ];
  const complete = inputs.length === step.inputs.length && outputs.length === step.outputs.length;
  for (const { param, operand } of pairs) {
    const placed = operand === undefined ? undefined : placement.get(operand);
    if (placed === undefined || !complete) {
      const fix = `give ${kernel.name} the parameters of ${step.claim}`;
      diagnostics.push(error("TK292", kernel.span, `${kernel.name} has no argument for ${param.name}`, fix));
      continue;
    }
    const view = param.shape.length === 2 ? asMatrix(placed) : placed;
    const before = args[param.name];
    if (before !== undefined && !isSamePlace(before, view)) {
      const fix = `update ${before.buffer} with ${operand}, or choose a kernel that writes elsewhere`;
      const fact = `${program.name}: ${kernel.name} changes ${param.name} in place, and ${operand} lives elsewhere`;
      diagnostics.push(error("TK292", kernel.span, fact, fix));
    }
    args[param.name] = view;
    for (const [axis, extent] of param.shape.entries()) {
      const size = view.shape[axis];
      const bound = size === undefined ? undefined : solveExtent(extent, size);
      if (bound !== undefined) dims[bound.name] ??= bound.size;
    }
  }
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

/** The dimension that makes an extent of `N` or `N + 1` the size, and how large it is. */
function solveExtent(extent: Expr, size: Expr): { readonly name: string; readonly size: Expr } | undefined {
  if (extent.kind === "dim") return { name: extent.name, size };
  if (extent.kind !== "int-op" || extent.op !== "add") return undefined;
  const { left, right } = extent;
  if (left.kind !== "dim" || right.kind !== "int") return undefined;
  return { name: left.name, size: size.kind === "int" ? int(size.value - right.value) : sub(size, right) };
}

/** What a kernel of matrices takes a tensor of another rank for: the rows are numbered by all axes but the last. */
function asMatrix(view: BufferView): BufferView {
  const columns = view.shape.at(-1);
  if (view.shape.length === 2 || columns === undefined) return view;
  const [first = int(1), ...others] = view.shape.slice(0, -1);
  return { ...view, shape: [others.reduce((rows, extent) => mul(rows, extent), first), columns] };
}

function isSamePlace(a: BufferView, b: BufferView): boolean {
  return a.buffer === b.buffer && printExpr(a.offset) === printExpr(b.offset);
}

/** Scalar parameters by name: the attributes of the step's operations. */
function scalarsOf(step: Step, kernel: Kernel): Readonly<Record<string, number | bigint>> {
  const scalars: Record<string, number | bigint> = {};
  for (const param of kernel.params) {
    if (param.kind !== "scalar") continue;
    const { name } = param;
    const value = isClaimAttribute(name)
      ? step.ops.map((op) => attributeOf(op, name)).find((found) => found !== undefined)
      : undefined;
    if (value === undefined) {
      throw new InternalError(`${kernel.name} takes ${param.name}, which ${step.claim} does not have`);
    }
    scalars[param.name] = param.element === "f32" ? value : BigInt(value);
  }
  return scalars;
}

/** The plan as text, for `--emit=ir`: buffers with their sharing class, then one line per launch. */
export function printPlan(plan: Plan): string {
  const shape = (extents: readonly Expr[]): string => `[${extents.map(printExpr).join(", ")}]`;
  const view = ({ buffer, offset, shape: extents }: BufferView): string => {
    const start = offset.kind === "int" && offset.value === 0n ? "" : ` + ${printExpr(offset)}`;
    return `${buffer}${start}${shape(extents)}`;
  };
  const launches = plan.launches.flatMap(({ label, part, kernel, vector = [], args, dims, scalars }, position) => {
    const opens = part !== plan.launches[position - 1]?.part ? [`  part ${part ?? "rest"}`] : [];
    const parts = [
      ...Object.entries(args).map(([name, argument]) => `${name} = ${view(argument)}`),
      ...Object.entries(dims).map(([name, size]) => `${name} = ${printExpr(size)}`),
      ...Object.entries(scalars).map(([name, value]) => `${name} = ${value}`),
    ];
    return [...opens, `  ${label}: ${[...vector, kernel].join(" or ")}(${parts.join(", ")})`];
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
