/** How a kernel's parameters are those of the operation that it claims: by position, as `kinds/shape.ts` proves it. */

import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import {
  isOperationClaim,
  OPERATION_SIGNATURES,
  type OperationClaim,
  type OperationSignature,
} from "../../ir/tensor/claims.ts";

export interface Bound {
  readonly claim: OperationClaim;
  readonly signature: OperationSignature;
  /** In the order of the signature. */
  readonly inputs: readonly TensorParam[];
  readonly outputs: readonly { readonly param: TensorParam; readonly formal: string }[];
}

/** `undefined` where the kernel claims nothing, or the parameters differ in number: then the shape obligations say so. */
export function bindSignature(kernel: Kernel): Bound | undefined {
  if (kernel.computes === undefined || !isOperationClaim(kernel.computes)) return undefined;
  const signature: OperationSignature = OPERATION_SIGNATURES[kernel.computes];
  const tensors = kernel.params.filter((param): param is TensorParam => param.kind === "tensor");
  const inputs = tensors.filter(({ role }) => role !== "output");
  const written = tensors.filter(({ role }) => role !== "input");
  if (inputs.length !== signature.inputs.length || written.length !== signature.outputs.length) return undefined;
  const outputs = written.map((param, position) => ({
    param,
    formal: signature.outputs[position]?.name ?? param.name,
  }));
  return { claim: kernel.computes, signature, inputs, outputs };
}

/** What the operation takes besides tensors and the kernel has no scalar for. */
export function missingAttributes(kernel: Kernel, { signature }: Bound): readonly string[] {
  const scalars = new Set(kernel.params.filter(({ kind }) => kind === "scalar").map(({ name }) => name));
  return signature.attributes.filter((name) => !scalars.has(name));
}
