/**
 * Kernel choice: tensor operations → steps that one kernel each computes.
 *
 * An operation becomes a step of its own claim. Two neighbouring steps become one where a fused claim computes both, a
 * kernel for it is at hand that takes the sizes, and nobody else needs the value between them.
 *
 *   fuse(first, second) = fused claim          layer_norm · gelu → layer_norm_gelu
 */

import { holdsOfSizes } from "../../ir/kernel/interpret-launch.ts";
import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import { acceptsElement, elementInPrograms } from "../../ir/tensor/claim-signature.ts";
import { claimOf, type OperationClaim } from "../../ir/tensor/claims.ts";
import { type Op, operandsOf, type Shape, type TensorProgram, type ValueId } from "../../ir/tensor/types.ts";
import { InternalError } from "../../support/result.ts";
import { type Bound, bindSignature } from "../../verify/equivalence/signature.ts";

export interface Step {
  readonly claim: OperationClaim;
  /** The operations that the step computes, in order. */
  readonly ops: readonly Op[];
  /** The inputs, in the order of the claim. */
  readonly inputs: readonly ValueId[];
  /** The outputs, in the order of the claim. */
  readonly outputs: readonly ValueId[];
  readonly label: string;
  /** The part of the program that all its operations belong to. */
  readonly part?: string;
}

interface Fusion {
  readonly first: OperationClaim;
  readonly second: OperationClaim;
  /** Takes the inputs of `first`, then the other inputs of `second`. */
  readonly fused: OperationClaim;
  /** Which input of `second` the output of `first` is: without it, the first. */
  readonly at?: number;
  /** An input of `second` that has to be the given one of `first`, and that `fused` takes once. */
  readonly shared?: { readonly first: number; readonly second: number };
}

const SAME_EXPERTS = { first: 4, second: 3 } as const;

/** In order of preference; a fused step may fuse again. */
const FUSIONS: readonly Fusion[] = [
  { first: "layer_norm", second: "gelu", fused: "layer_norm_gelu" },
  { first: "layer_norm", second: "gelu_tanh", fused: "layer_norm_gelu_tanh" },
  { first: "grouped_layer_norm", second: "gelu", fused: "grouped_layer_norm_gelu" },
  { first: "grouped_layer_norm", second: "gelu_tanh", fused: "grouped_layer_norm_gelu_tanh" },
  { first: "linear", second: "layer_norm_gelu", fused: "linear_layer_norm_gelu" },
  { first: "linear", second: "layer_norm_gelu_tanh", fused: "linear_layer_norm_gelu_tanh" },
  {
    first: "grouped_linear",
    second: "grouped_layer_norm_gelu",
    fused: "grouped_linear_layer_norm_gelu",
    shared: SAME_EXPERTS,
  },
  {
    first: "grouped_linear",
    second: "grouped_layer_norm_gelu_tanh",
    fused: "grouped_linear_layer_norm_gelu_tanh",
    shared: SAME_EXPERTS,
  },
  { first: "unpack_panels", second: "grouped_linear", fused: "packed_grouped_linear", at: 1 },
  {
    first: "packed_grouped_linear",
    second: "grouped_layer_norm_gelu",
    fused: "packed_grouped_linear_layer_norm_gelu",
    shared: SAME_EXPERTS,
  },
  {
    first: "packed_grouped_linear",
    second: "grouped_layer_norm_gelu_tanh",
    fused: "packed_grouped_linear_layer_norm_gelu_tanh",
    shared: SAME_EXPERTS,
  },
  { first: "linear", second: "gelu", fused: "linear_gelu" },
  { first: "linear", second: "gelu_tanh", fused: "linear_gelu_tanh" },
  { first: "bias_add", second: "gelu", fused: "bias_gelu" },
  { first: "bias_add", second: "gelu_tanh", fused: "bias_gelu_tanh" },
  { first: "bias_add", second: "layer_norm", fused: "bias_layer_norm" },
  { first: "bias_add", second: "layer_norm_gelu", fused: "bias_layer_norm_gelu" },
  { first: "bias_add", second: "layer_norm_gelu_tanh", fused: "bias_layer_norm_gelu_tanh" },
  { first: "matmul_nn", second: "gelu_dx", fused: "matmul_nn_gelu_dx", at: 1 },
  { first: "matmul_nn", second: "gelu_tanh_dx", fused: "matmul_nn_gelu_tanh_dx", at: 1 },
  { first: "grouped_matmul_nn", second: "gelu_dx", fused: "grouped_matmul_nn_gelu_dx", at: 1 },
  { first: "grouped_matmul_nn", second: "gelu_tanh_dx", fused: "grouped_matmul_nn_gelu_tanh_dx", at: 1 },
];

/** The kernel of each claim: the first that claims it, runs on any processor, and takes the values of programs. */
export function kernelsByClaim(kernels: readonly Kernel[]): ReadonlyMap<string, Kernel> {
  const byClaim = new Map<string, Kernel>();
  for (const kernel of kernels) {
    const { computes } = kernel;
    if (computes === undefined || kernel.simd !== undefined || byClaim.has(computes)) continue;
    if (takesValues(kernel)) byClaim.set(computes, kernel);
  }
  return byClaim;
}

/**
 * Whether the kernel's parameters hold what programs give them: a kernel may compute its claim on floats of two bytes
 * (`ClaimElement`), and then serves no program. What does not fit the claim at all is for others to report.
 */
function takesValues(kernel: Kernel): boolean {
  const bound = bindSignature(kernel);
  if (bound === undefined) return true;
  const { signature } = bound;
  const params = claimParams(bound);
  return [...signature.inputs, ...signature.outputs].every(({ element }, position) => {
    const own = params[position]?.element;
    return own === undefined || !acceptsElement(element, own) || own === elementInPrograms(element);
  });
}

/** The parameters in the order of the claim: inputs, then outputs. */
function claimParams(bound: Bound | undefined): readonly TensorParam[] {
  return bound === undefined ? [] : [...bound.inputs, ...bound.outputs.map(({ param }) => param)];
}

/** The steps of a program in order; `stack`, `concat` and `part` are layout and no steps. */
export function chooseSteps(program: TensorProgram, available: ReadonlyMap<string, Kernel>): readonly Step[] {
  const uses = countUses(program);
  const shapes = shapesOf(program);
  const fuse = (): Step | undefined => fuseLast(steps, uses, available, shapes);
  const steps: Step[] = [];
  for (const [position, { id, op, part }] of program.nodes.entries()) {
    const inPart = part === undefined ? {} : { part };
    if (op.kind === "stack" || op.kind === "concat" || op.kind === "part") continue;
    if (op.kind === "adamw-mean" || op.kind === "adamw-square") continue;
    if (op.kind === "top-k-experts") continue;
    if (op.kind === "top-k-gates") {
      steps.push({ ...choiceStep(program, position), ...inPart });
      continue;
    }
    if (op.kind === "adamw-weight") {
      steps.push({ ...adamwStep(program, position), ...inPart });
      continue;
    }
    const claim = claimOf(op);
    if (claim === undefined) throw new InternalError(`${op.label}: no kernel computes ${op.kind} by itself`);
    steps.push({ claim, ops: [op], inputs: operandsOf(op), outputs: [id], label: op.label, ...inPart });
    for (let fused = fuse(); fused !== undefined; fused = fuse()) steps.splice(-2, 2, fused);
  }
  return steps;
}

/** The step whose last operation is the `adamw-weight` at this position; the two before it make its moments. */
function adamwStep({ nodes }: TensorProgram, position: number): Omit<Step, "part"> {
  const [mean, square, weight] = nodes.slice(position - 2, position + 1);
  if (
    mean?.op.kind !== "adamw-mean" ||
    square?.op.kind !== "adamw-square" ||
    weight?.op.kind !== "adamw-weight" ||
    weight.op.mean !== mean.id ||
    weight.op.square !== square.id ||
    mean.op.gradient !== square.op.gradient ||
    mean.op.scale !== square.op.scale
  ) {
    throw new InternalError(`${weight?.op.label}: its moments are not made just before it`);
  }
  const { gradient, scale } = mean.op;
  return {
    claim: "adamw",
    ops: [mean.op, square.op, weight.op],
    inputs: [weight.op.weight, mean.op.mean, square.op.square, gradient, scale, weight.op.rates],
    outputs: [weight.id, mean.id, square.id],
    label: weight.op.label,
  };
}

/** The step whose last operation is the `top-k-gates` at this position; the one before it makes the ids. */
function choiceStep({ nodes }: TensorProgram, position: number): Omit<Step, "part"> {
  const [ids, gates] = nodes.slice(position - 1, position + 1);
  if (
    ids?.op.kind !== "top-k-experts" ||
    gates?.op.kind !== "top-k-gates" ||
    ids.op.p !== gates.op.p ||
    ids.op.k !== gates.op.k
  ) {
    throw new InternalError(`${gates?.op.label}: its experts are not chosen just before it`);
  }
  return {
    claim: "top_k_experts",
    ops: [ids.op, gates.op],
    inputs: [ids.op.p],
    outputs: [ids.id, gates.id],
    label: ids.op.label,
  };
}

function fuseLast(
  steps: readonly Step[],
  uses: ReadonlyMap<ValueId, number>,
  available: ReadonlyMap<string, Kernel>,
  shapes: ReadonlyMap<ValueId, Shape>,
): Step | undefined {
  const [first, second] = steps.slice(-2);
  if (first === undefined || second === undefined) return undefined;
  if (first.part !== second.part) return undefined;
  const [between, another] = first.outputs;
  if (between === undefined || another !== undefined || uses.get(between) !== 1) return undefined;
  if (second.inputs.filter((input) => input === between).length !== 1) return undefined;
  for (const { first: one, second: other, fused, at = 0, shared } of FUSIONS) {
    if (one !== first.claim || other !== second.claim || second.inputs[at] !== between) continue;
    if (shared !== undefined && first.inputs[shared.first] !== second.inputs[shared.second]) continue;
    const rest = second.inputs.filter((_, position) => position !== at && position !== shared?.second);
    const joined: Step = {
      claim: fused,
      ops: [...first.ops, ...second.ops],
      inputs: [...first.inputs, ...rest],
      outputs: second.outputs,
      label: second.label,
      ...(second.part !== undefined && { part: second.part }),
    };
    const kernel = available.get(fused);
    if (kernel !== undefined && takesSizes(kernel, joined, shapes)) return joined;
  }
  return undefined;
}

/**
 * Whether what the kernel requires of its sizes is known to hold of the step's: sizes of programs are mostly numbers, but how many
 * rows there are is not. What it requires of scalars alone is for the proof of the plan.
 */
function takesSizes(kernel: Kernel, { inputs, outputs }: Step, shapes: ReadonlyMap<ValueId, Shape>): boolean {
  if (kernel.requires.length === 0) return true;
  const params = claimParams(bindSignature(kernel));
  const dims: Record<string, bigint> = {};
  for (const [position, value] of [...inputs, ...outputs].entries()) {
    const [extents, shape] = [params[position]?.shape ?? [], shapes.get(value) ?? []];
    // A kernel of matrices takes all axes but the last for rows.
    const axes = extents.length === shape.length ? extents : extents.slice(-1);
    for (const [place, extent] of axes.entries()) {
      const size = shape[shape.length - axes.length + place];
      if (extent.kind === "dim" && typeof size === "number") dims[extent.name] = BigInt(size);
    }
  }
  return kernel.requires.every((condition) => holdsOfSizes(condition, dims));
}

function shapesOf({ inputs, weights, nodes }: TensorProgram): ReadonlyMap<ValueId, Shape> {
  return new Map([
    ...[...inputs, ...weights].map(({ name, shape }) => [name, shape] as const),
    ...nodes.map(({ id, shape }) => [id, shape] as const),
  ]);
}

/** How often each value is read, outputs and updates of the program included. */
function countUses(program: TensorProgram): ReadonlyMap<ValueId, number> {
  const uses = new Map<ValueId, number>();
  const count = (id: ValueId): void => {
    uses.set(id, (uses.get(id) ?? 0) + 1);
  };
  for (const { op } of program.nodes) for (const operand of operandsOf(op)) count(operand);
  for (const { value } of [...program.outputs, ...program.updates]) count(value);
  return uses;
}
