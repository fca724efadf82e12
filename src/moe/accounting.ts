/**
 * What a model costs: configuration + its programs and plans + batch → parameters, memory and FLOPs, all exact.
 *
 * Nothing of the model is allocated. `B` is the batch, `E` the experts, `K` the chosen ones, `h` and `d` the hidden width
 * and the depth. Training keeps four things per parameter: the weight, AdamW's two moments, the gradient and, where the
 * weight is fp16, perhaps an fp32 master that the optimizer changes in its place. Gradients are fp32 in every scheme, as
 * are activations, because every kernel computes in f32.
 */

import type { Plan } from "../ir/plan.ts";
import { type ArenaLayout, arenaLayout } from "../ir/plan-arena.ts";
import { foldDim } from "../ir/tensor/dim.ts";
import type { Dim, TensorProgram } from "../ir/tensor/types.ts";
import { error } from "../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";
import { accountFor, type MoeConfig } from "./sizes.ts";

/** The program whose weights are the model's parameters. */
const FORWARD = "moe_forward";

/** Bytes per parameter of each precision scheme; moments are two numbers per parameter. */
const SCHEMES = [
  { name: "f32", weights: 4n, masters: 0n, moments: 8n, gradients: 4n },
  { name: "fp16 weights + fp32 moments", weights: 2n, masters: 0n, moments: 8n, gradients: 4n },
  { name: "fp16 weights + fp32 masters + fp32 moments", weights: 2n, masters: 4n, moments: 8n, gradients: 4n },
] as const;

const ACTIVATION_BYTES = 4n;

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

/** How `flops` counts; `A` is the number of experts that a row passes through. */
export const FLOP_FORMULAS = {
  forward: "2·B·(inputs·E + A·(inputs·h + d·h² + h·(outcomes + actions))), A = E dense, A = K sparse",
  forwardBackward: "3 × forward",
} as const;

export interface MoePlan {
  readonly config: MoeConfig;
  readonly batch: bigint;
  readonly parameters: bigint;
  readonly tensors: bigint;
  /** Weights and moments with fp16 weights and fp32 moments. */
  readonly totalBytes: bigint;
  readonly weights: readonly WeightSize[];
  /** The results of all operations of the forward program, each kept, as a backward pass may need them. */
  readonly activationBytes: bigint;
  readonly schemes: readonly SchemeBytes[];
  readonly programs: readonly ProgramArena[];
  readonly flops: { readonly dense: Flops; readonly sparse: Flops };
}

export interface WeightSize {
  readonly name: string;
  readonly shape: readonly number[];
  readonly count: bigint;
}

export interface SchemeBytes {
  readonly name: string;
  readonly weights: bigint;
  readonly masters: bigint;
  readonly moments: bigint;
  readonly gradients: bigint;
  readonly activations: bigint;
  readonly total: bigint;
}

export interface ProgramArena {
  readonly name: string;
  readonly dims: Readonly<Record<string, bigint>>;
  readonly launches: bigint;
  readonly arena: ArenaLayout;
}

/** Floating-point operations of one step; a multiplication and an addition are two. */
export interface Flops {
  readonly forward: bigint;
  readonly forwardBackward: bigint;
}

/** TK271: a number of the plan is beyond 2^53 − 1, above which JSON readers round. */
export function planMoe(
  config: MoeConfig,
  batch: bigint,
  programs: readonly { readonly program: TensorProgram; readonly plan: Plan }[],
): Result<MoePlan> {
  const forward = programs.find(({ program }) => program.name === FORWARD)?.program;
  if (forward === undefined) throw new InternalError(`the model has no program ${FORWARD}`);
  const weights = forward.weights.map(({ name, shape }) => ({ name, shape, count: product(shape.map(BigInt)) }));
  const parameters = sum(weights.map(({ count }) => count));
  const activationBytes = ACTIVATION_BYTES * activationElements(forward, { B: batch });
  const schemes = SCHEMES.map((scheme) => schemeBytes(scheme, parameters, activationBytes));
  const arenas = programs.map(({ plan }) => programArena(plan, batch));
  const { experts, chosen } = config;
  const flops = { dense: moeFlops(config, batch, experts), sparse: moeFlops(config, batch, chosen) };
  const numbers = [flops.dense.forwardBackward, ...schemes.map(({ total }) => total)];
  const beyond = [...numbers, ...arenas.map(({ arena }) => arena.bytes)].find((value) => value > LARGEST);
  if (beyond !== undefined) {
    const message = `the plan has the number ${beyond}, which is beyond 2^53 - 1`;
    return refuse(error("TK271", undefined, message, "choose a smaller batch or model"));
  }
  const account = accountFor(config);
  if (BigInt(account.parameters) !== parameters || account.tensors !== weights.length) {
    const counted = `${account.parameters} parameters in ${account.tensors} tensors`;
    throw new InternalError(`${FORWARD} has ${parameters} parameters in ${weights.length} tensors, not ${counted}`);
  }
  return ok({
    config,
    batch,
    parameters,
    tensors: BigInt(weights.length),
    totalBytes: BigInt(account.totalBytes),
    weights,
    activationBytes,
    schemes,
    programs: arenas,
    flops,
  });
}

/**
 * The linear layers' multiply-adds, two operations each, as `FLOP_FORMULAS` says. A row passes through the router and
 * `active` experts. The backward pass multiplies by the weights once more, and by the activations once: twice the
 * forward pass. Biases, LayerNorm, GELU, softmax and combine are not counted.
 */
function moeFlops(config: MoeConfig, batch: bigint, active: number): Flops {
  const [inputs, h, d] = [BigInt(config.inputs), BigInt(config.hidden), BigInt(config.depth)];
  const outputs = BigInt(config.outcomes) + BigInt(config.actions);
  const expert = inputs * h + d * h * h + h * outputs;
  const forward = 2n * batch * (inputs * BigInt(config.experts) + BigInt(active) * expert);
  return { forward, forwardBackward: 3n * forward };
}

/**
 * The operations of one call of a program, as `FLOP_FORMULAS` counts them; `undefined` of those that it does not count: a
 * training step leaves out what a backward pass does for the gradient of x, and updates weights.
 */
export function programFlops(program: string, config: MoeConfig, batch: bigint): bigint | undefined {
  if (program === FORWARD) return moeFlops(config, batch, config.experts).forward;
  if (program === "moe_sparse_forward" || program === "moe_packed_forward")
    return moeFlops(config, batch, config.chosen).forward;
  return program === "moe_backward" ? moeFlops(config, batch, config.experts).forwardBackward : undefined;
}

function schemeBytes(scheme: (typeof SCHEMES)[number], parameters: bigint, activations: bigint): SchemeBytes {
  const [weights, masters] = [scheme.weights * parameters, scheme.masters * parameters];
  const [moments, gradients] = [scheme.moments * parameters, scheme.gradients * parameters];
  const total = weights + masters + moments + gradients + activations;
  return { name: scheme.name, weights, masters, moments, gradients, activations, total };
}

/** Layout is left out: a stack is its parts side by side. */
function activationElements({ nodes }: TensorProgram, dims: Readonly<Record<string, bigint>>): bigint {
  const sizes = nodes.map(({ op, shape }) =>
    op.kind === "stack" || op.kind === "concat" || op.kind === "part"
      ? 0n
      : product(shape.map((extent) => sizeOf(extent, dims))),
  );
  return sum(sizes);
}

/** Every dim of the model's programs is the batch. */
function programArena(plan: Plan, batch: bigint): ProgramArena {
  const dims = Object.fromEntries(plan.dims.map((dim) => [dim, sizeOf(dim, { B: batch })]));
  return { name: plan.name, dims, launches: BigInt(plan.launches.length), arena: arenaLayout(plan, dims) };
}

function sizeOf(extent: Dim, dims: Readonly<Record<string, bigint>>): bigint {
  return foldDim(extent, {
    integer: BigInt,
    named: (name) => {
      const size = dims[name];
      if (size === undefined) throw new InternalError(`nothing says how large the dimension ${name} is`);
      return size;
    },
    add: (a, b) => a + b,
    multiply: (a, b) => a * b,
  });
}

function product(factors: readonly bigint[]): bigint {
  return factors.reduce((left, right) => left * right, 1n);
}

function sum(terms: readonly bigint[]): bigint {
  return terms.reduce((left, right) => left + right, 0n);
}
