/** Which vector units this CPU has, as its kernel tells it. */

import { readFileSync } from "node:fs";
import { UNIT_FEATURES } from "../../src/compiler/codegen/support-lanes.ts";
import { SIMD_UNITS, type SimdUnit } from "../../src/ir/kernel/simd.ts";

function flagsOfCpu(): ReadonlySet<string> {
  const [, flags = ""] = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8")) ?? [];
  return new Set(flags.trim().split(/\s+/));
}

const flags = flagsOfCpu();
export const MISSING: readonly SimdUnit[] = SIMD_UNITS.filter(
  (unit) => !UNIT_FEATURES[unit].every((feature) => flags.has(feature)),
);

/** Whether the kernel is an instance for a unit that this CPU lacks. */
export function lacksUnit(kernel: string): boolean {
  return MISSING.some((unit) => kernel.endsWith(`_${unit}`));
}
