/** What a library is made of, and what the generator gives back. */

import type { Kernel, ScalarParam, TensorParam } from "../../ir/kernel/types.ts";
import type { Plan } from "../../ir/plan.ts";
import { InternalError } from "../../support/result.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";

export interface GeneratedFile {
  /** Relative to the folder of the library. */
  readonly path: string;
  readonly text: string;
}

export interface LibrarySpec {
  /** Names the files; `moe` gives `moe.h`. */
  readonly name: string;
  readonly kernels: readonly ProvedKernel[];
  readonly plans: readonly Plan[];
}

/** Throws `InternalError` where two kernels or plans would share the name of a C function. */
export function checkLibrary({ kernels, plans }: LibrarySpec): void {
  const functions = [
    ...kernels.flatMap(({ kernel: { name } }) => [name, `${name}_prepare`]),
    ...plans.flatMap(({ name }) => [name, `${name}_workspace`]),
  ];
  const taken = new Set(["abi_version", "last_error", "tensor", "stream", "status", "launch"]);
  for (const name of functions) {
    if (taken.has(name)) throw new InternalError(`two functions of the library are named tok_${name}`);
    taken.add(name);
  }
}

export function tensorParams(kernel: Kernel): readonly TensorParam[] {
  return kernel.params.filter((param) => param.kind === "tensor");
}

export function scalarParams(kernel: Kernel): readonly ScalarParam[] {
  return kernel.params.filter((param) => param.kind === "scalar");
}

/** The kernel that a plan launches; throws `InternalError` where the library lacks it. */
export function kernelOf(spec: LibrarySpec, name: string): Kernel {
  const found = spec.kernels.find(({ kernel }) => kernel.name === name);
  if (found === undefined) throw new InternalError(`the library ${spec.name} has no kernel ${name}`);
  return found.kernel;
}
