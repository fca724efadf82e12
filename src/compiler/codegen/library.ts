/** What a library is made of, what the generator gives back, and what stops a library from being generated. */

import { printKernel } from "../../ir/kernel/print.ts";
import type { SimdUnit } from "../../ir/kernel/simd.ts";
import type { Kernel, ScalarParam, TensorParam } from "../../ir/kernel/types.ts";
import type { Plan } from "../../ir/plan.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { InternalError } from "../../support/result.ts";
import type { Span } from "../../support/span.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import { dataCheck } from "../data-check.ts";

export type SourcePart = "kernels" | "launchers";

export interface GeneratedFile {
  /** Relative to the folder of the library. */
  readonly path: string;
  readonly text: string;
  /** Of the files that are compiled apart: whether it computes, or checks and calls. */
  readonly part?: SourcePart;
  /** The vector unit that it is compiled for; without one it runs on any CPU. */
  readonly unit?: SimdUnit;
}

/** What a plan's producers prove: label of a launch → ordinal of a condition of its kernel → label of the producer. */
export type Discharged = ReadonlyMap<string, ReadonlyMap<number, string>>;

export interface LibrarySpec {
  /** Names the files; `moe` gives `moe.h`. */
  readonly name: string;
  /** With the check kernels of those that have conditions on data. */
  readonly kernels: readonly ProvedKernel[];
  readonly plans: readonly Plan[];
  /** By the name of the plan; the launchers of a program check what is not in it. */
  readonly discharged?: ReadonlyMap<string, Discharged>;
}

/** Functions of every library: `tok_abi_version` and the like, and the types of its header. */
const COMMON: ReadonlySet<string> = new Set([
  "abi_version",
  "last_error",
  "set_device",
  "tensor",
  "stream",
  "status",
  "launch",
  "device",
]);

/** TK412: two kernels or plans would share the name of a C function or struct. */
export function nameClashes(
  kernels: readonly Pick<Kernel, "name" | "span">[],
  plans: readonly Pick<Plan, "name">[],
): readonly Diagnostic[] {
  const taken = new Map([...COMMON].map((name) => [name, "every library"]));
  const diagnostics: Diagnostic[] = [];
  const take = (owner: string, span: Span | undefined, names: readonly string[]): void => {
    for (const name of names) {
      const other = taken.get(name);
      if (other === undefined) {
        taken.set(name, owner);
        continue;
      }
      const message = `two functions of the library are named tok_${name}: one of ${other}, one of ${owner}`;
      diagnostics.push(error("TK412", span, message, "rename one of them"));
      return;
    }
  };
  for (const { name, span } of kernels) take(`the kernel ${name}`, span, [name, `${name}_prepare`, `${name}_args`]);
  for (const { name } of plans) take(`the program ${name}`, undefined, [name, `${name}_workspace`, `${name}_args`]);
  return diagnostics;
}

/** Throws `InternalError` for a library that `nameClashes` refuses, and for one that lacks a check kernel. */
export function checkLibrary({ kernels, plans }: LibrarySpec): void {
  const [clash] = nameClashes(
    kernels.map(({ kernel }) => kernel),
    plans,
  );
  if (clash !== undefined) throw new InternalError(clash.message);
  for (const { kernel } of kernels) {
    const check = dataCheck(kernel)?.kernel;
    if (check === undefined) continue;
    const found = kernels.find((other) => other.kernel.name === check.name);
    if (found === undefined || printKernel(found.kernel) !== printKernel(check)) {
      throw new InternalError(`the library has no ${check.name}, which checks the data of ${kernel.name}`);
    }
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
