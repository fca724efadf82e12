/** Runs of the interpreter for tests: defaults for what a test does not care about. */

import { dim } from "../../src/ir/kernel/build.ts";
import {
  denseTensor,
  type Fault,
  interpretKernel,
  type Outcome,
  type RunRequest,
  type TensorMemory,
} from "../../src/ir/kernel/interpret.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { array, kernelOf, tensor } from "./kernel-ir-samples.ts";

/** Runs with 64-bit indices, no scalars and no tensors but those given. */
export function run(kernel: Kernel, given: Partial<RunRequest> = {}): Outcome {
  return interpretKernel({ kernel, dims: {}, scalars: {}, tensors: {}, width: 64, ...given });
}

/** `kind array message` of each fault. */
export function faultTexts({ faults }: Outcome): readonly string[] {
  return faults.map(({ kind, message }) => `${kind}: ${message}`);
}

export function faultKinds({ faults }: Outcome): readonly Fault["kind"][] {
  return faults.map(({ kind }) => kind);
}

/** A float vector and the tensor over it. */
export function vector(
  length: number,
  value: (i: number) => number = () => 0,
): { data: Float32Array; memory: TensorMemory } {
  const data = Float32Array.from({ length }, (_, i) => value(i));
  return { data, memory: denseTensor([length], data) };
}

/** Pseudo-random floats in [−1, 1), the same on each run (Park and Miller's generator). */
export function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state / 2_147_483_647) * 2 - 1;
  });
}

/** A kernel of one block of `threads` on y[N], with a shared array s of 8 and a register array r of 2 floats. */
export function onVector(threads: bigint, body: readonly Stmt[], more: Partial<Kernel> = {}): Kernel {
  return kernelOf({
    params: [tensor("y", "inout", [dim("N")])],
    dims: ["N"],
    block: [threads, 1n, 1n],
    arrays: [array("shared", "s", [8n]), array("register", "r", [2n])],
    body,
    ...more,
  });
}

/** Runs such a kernel on `size` zeros. */
export function runOn(kernel: Kernel, size = 8): Outcome {
  return run(kernel, { dims: { N: BigInt(size) }, tensors: { y: vector(size).memory } });
}
