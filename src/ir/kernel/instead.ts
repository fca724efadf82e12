/**
 * Instances for vector units that may run in place of another kernel: on a CPU that has the unit, the same arguments give what the
 * same claim says, and nothing more is required of them.
 */

import { printData, printExpr, printParam } from "./print.ts";
import { SIMD_UNITS } from "./simd.ts";
import type { DataCondition, Kernel } from "./types.ts";

/** The instances that may run in place of `kernel`, those for the widest unit first; none for an instance itself. */
export function vectorInstances(kernel: Kernel, kernels: readonly Kernel[]): readonly Kernel[] {
  if (kernel.computes === undefined || kernel.simd !== undefined || kernel.matrix !== undefined) return [];
  return SIMD_UNITS.flatMap(
    (unit) =>
      kernels.find((other) => other.simd === unit && other.computes === kernel.computes && fits(other, kernel)) ?? [],
  );
}

/** Whether the arguments of `kernel` do for `other`, and what it ensures holds after `other` too. */
function fits(other: Kernel, kernel: Kernel): boolean {
  const interfaceOf = ({ params, dims }: Kernel): string => [...params.map(printParam), "", ...dims].join("\n");
  const within = (some: readonly string[], all: readonly string[]): boolean => some.every((one) => all.includes(one));
  const where = ({ where: clauses }: Kernel): readonly string[] =>
    clauses.map(({ dim, value }) => `${dim} = ${printExpr(value)}`);
  return (
    interfaceOf(other) === interfaceOf(kernel) &&
    within(where(other), where(kernel)) &&
    within(other.requires.map(printExpr), kernel.requires.map(printExpr)) &&
    within(other.dataRequires.map(dataText), kernel.dataRequires.map(dataText)) &&
    within(kernel.ensures.map(dataText), other.ensures.map(dataText))
  );
}

/** The condition, whatever its variables are called: no other name of a kernel is that of a variable. */
function dataText(condition: DataCondition): string {
  const places = new Map(condition.variables.map(({ name }, position) => [name, `$${position}`]));
  return printData(condition).replaceAll(/\b\w+\b/g, (word) => places.get(word) ?? word);
}
