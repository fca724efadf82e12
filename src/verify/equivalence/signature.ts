/** How a kernel's parameters are those of the operation that it claims: by position, as `kinds/shape.ts` proves it. */

import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import type { ClaimAttribute, OperationSignature } from "../../ir/tensor/claim-signature.ts";
import { isOperationClaim, OPERATION_SIGNATURES, type OperationClaim } from "../../ir/tensor/claims.ts";

export interface Bound {
  readonly claim: OperationClaim;
  readonly signature: OperationSignature;
  /** In the order of the signature. */
  readonly inputs: readonly TensorParam[];
  readonly outputs: readonly { readonly param: TensorParam; readonly formal: string }[];
}

/** A kernel's tensors as a claim counts them: `inout` is both. */
export function claimedTensors({ params }: Kernel): {
  readonly inputs: readonly TensorParam[];
  readonly outputs: readonly TensorParam[];
} {
  const tensors = params.filter((param): param is TensorParam => param.kind === "tensor");
  return {
    inputs: tensors.filter(({ role }) => role !== "output"),
    outputs: tensors.filter(({ role }) => role !== "input"),
  };
}

/** `undefined` where the kernel claims nothing, or the parameters differ in number: then the shape obligations say so. */
export function bindSignature(kernel: Kernel): Bound | undefined {
  if (kernel.computes === undefined || !isOperationClaim(kernel.computes)) return undefined;
  const signature: OperationSignature = OPERATION_SIGNATURES[kernel.computes];
  const { inputs, outputs: written } = claimedTensors(kernel);
  if (inputs.length !== signature.inputs.length || written.length !== signature.outputs.length) return undefined;
  const outputs = written.map((param, position) => ({
    param,
    formal: signature.outputs[position]?.name ?? param.name,
  }));
  return { claim: kernel.computes, signature, inputs, outputs };
}

/** Whether a kernel has the attribute as one of its sizes. */
export function isSized({ sized = {} }: OperationSignature, name: ClaimAttribute): boolean {
  return Object.hasOwn(sized, name);
}

/** What the operation takes besides tensors and the kernel has no scalar for. */
export function missingAttributes(kernel: Kernel, { signature }: Bound): readonly string[] {
  const scalars = new Set(kernel.params.filter(({ kind }) => kind === "scalar").map(({ name }) => name));
  return signature.attributes.filter((name) => !scalars.has(name) && !isSized(signature, name));
}
