/** Holds what the compiler made of each kernel to the budget that stands in the kernel's header. */

import type { Kernel } from "../ir/kernel/types.ts";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import type { KernelResources } from "./build/resources.ts";
import { instanceName } from "./codegen/hip-kernel.ts";

const WHAT = {
  vgprs: { unit: "vector registers per lane", of: ({ vgprs }: KernelResources) => vgprs },
  sgprs: { unit: "scalar registers per wave", of: ({ sgprs }: KernelResources) => sgprs },
  lds: { unit: "bytes of shared memory per block", of: ({ ldsBytes }: KernelResources) => ldsBytes },
  scratch: { unit: "bytes of scratch memory per lane", of: ({ scratchBytes }: KernelResources) => scratchBytes },
} as const;

/** TK414 for each resource of which an instance uses more than its budget; a warning for scratch memory without one. */
export function overBudget(
  kernels: readonly Pick<Kernel, "name" | "budget" | "span">[],
  resources: readonly KernelResources[],
): readonly Diagnostic[] {
  return kernels.flatMap(({ name, budget, span }) => {
    const own = resources.filter(
      ({ kernel }) => kernel === instanceName(name, 32) || kernel === instanceName(name, 64),
    );
    return own.flatMap((used): readonly Diagnostic[] => {
      const on = `${used.kernel} on ${used.architecture}`;
      const over = (budget?.limits ?? []).flatMap(({ resource, most }) => {
        const { unit, of } = WHAT[resource];
        if (of(used) <= most) return [];
        const message = `${on} uses ${of(used)} ${unit}, and its budget is ${most}`;
        return [error("TK414", budget?.span, message, "make the kernel smaller, or raise its budget")];
      });
      const isLimited = budget?.limits.some(({ resource }) => resource === "scratch") === true;
      if (used.scratchBytes === 0 || isLimited) return over;
      const spilled = used.vgprSpills === 0 ? "" : `, since ${used.vgprSpills} registers are spilled`;
      const message = `${on} uses ${used.scratchBytes} bytes of scratch memory per lane${spilled}`;
      const fix = `keep fewer values at a time, or say budget: { scratch: ${used.scratchBytes} }`;
      return [...over, { ...error("TK415", span, message, fix), severity: "warning" }];
    });
  });
}
