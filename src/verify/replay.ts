/**
 * Replay: runs a kernel in the interpreter until it shows the fault that a claim denies.
 *
 * Floats are not part of a model, so that several fillings of float tensors are tried: which comparison of floats holds
 * depends on them.
 */

import {
  evaluateSize,
  type Fault,
  interpretKernel,
  type RunRequest,
  sparseTensor,
  type TensorMemory,
} from "../ir/kernel/interpret.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { Claim } from "./claim.ts";
import type { Witness } from "./obligation.ts";

/** What integer inputs and integer scalars hold. */
export interface Contents {
  readonly integer: (tensor: string, index: readonly number[]) => number;
  readonly scalar: (name: string) => number;
}

const REPLAY_STEPS = 3_000_000;
const SEARCH_STEPS = 200_000;

/** Fillings for float inputs, tried in turn: the model does not say which comparisons of floats hold. */
const FILLINGS: readonly ((index: readonly number[]) => number)[] = [
  (index) => 1 + index.reduce((sum, i, axis) => sum + ((i * (axis + 3)) % 7), 0),
  () => 0,
  (index) => -1 - index.reduce((sum, i, axis) => sum + ((i * (axis + 5)) % 11), 0),
  () => Number.NaN,
];

/** The first run whose faults include one that the claim denies. */
export function runForFault(
  kernel: Kernel,
  claim: Claim,
  dims: Readonly<Record<string, bigint>>,
  contents: Contents,
  restriction: Pick<RunRequest, "blocks" | "iterations">,
  maxSteps = REPLAY_STEPS,
): Fault | undefined {
  for (const fill of FILLINGS) {
    const tensors: Record<string, TensorMemory> = {};
    const scalars: Record<string, number> = {};
    for (const param of kernel.params) {
      const { name, element } = param;
      if (param.kind === "scalar") scalars[name] = element === "f32" ? fill([1]) : contents.scalar(name);
      else tensors[name] = sparseTensor(element === "f32" ? fill : (index) => contents.integer(name, index));
    }
    const { width, limits } = claim.replay;
    const launch = { kernel, dims, scalars, tensors, width, ...(limits && { limits }) };
    const { faults } = interpretKernel({ ...launch, maxSteps, ...restriction });
    const fault = faults.find(({ kind, array, span, block, otherBlock }) => {
      if (!claim.replay.faults.includes(kind)) return false;
      // A race of two blocks is one of two blocks, and not of the threads of one.
      if (claim.code === "TK303" && block.join() === otherBlock?.join()) return false;
      // An invariant or a divisor is told from others by its place, an access by its array.
      if (claim.replay.array === undefined) return kind !== "invariant" || span.line === claim.span.line;
      return array === claim.replay.array;
    });
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const SIZES = [1n, 2n, 3n, 5n, 8n, 17n, 33n];
/** One dimension and all others: beside another, and beyond a tile of 64. */
const UNEQUAL: readonly (readonly [bigint, bigint])[] = [
  [2n, 1n],
  [70n, 1n],
];

interface Trial {
  readonly dims: Record<string, bigint>;
  readonly integer: Contents["integer"];
}

/** All dimensions alike, with data that varies; then one dimension at a time, with data that is 0. */
function* trialsOf({ dims: names }: Kernel): Generator<Trial> {
  for (const size of SIZES) {
    yield {
      dims: Object.fromEntries(names.map((name) => [name, size])),
      integer: (_, index) => index.reduce((sum, i) => sum + i, 0) % Number(size),
    };
  }
  if (names.length < 2) return;
  for (const [one, others] of UNEQUAL) {
    for (const own of names) {
      const dims = Object.fromEntries(names.map((name) => [name, name === own ? one : others]));
      yield { dims, integer: () => 0 };
    }
  }
}

/** Runs the whole kernel at small sizes, for a fault that the solver's own state did not reach. */
export function searchSmallSizes(kernel: Kernel, claim: Claim): Witness | undefined {
  if (kernel.params.some(({ kind, element }) => kind === "tensor" && element === "i64")) return undefined;
  for (const { dims, integer } of trialsOf(kernel)) {
    for (const { dim, value } of kernel.where) dims[dim] = evaluateSize(value, { dims, scalars: {} });
    const fault = runForFault(kernel, claim, dims, { integer, scalar: () => 1 }, {}, SEARCH_STEPS);
    if (fault === undefined) continue;
    const sizes = Object.entries(dims).map(([name, value]) => `${name} = ${value}`);
    const text = `${sizes.join(", ")}; block (${fault.block.join(", ")}), thread (${fault.thread.join(", ")})`;
    return { dims, text, replayed: `the interpreter ${fault.message}` };
  }
  return undefined;
}
