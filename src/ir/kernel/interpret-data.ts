/**
 * Conditions on data: whether the contents of index tensors meet a kernel's `requires` before it runs, and its `ensures`
 * after it has run.
 *
 * A condition is evaluated for all values of its variables, the last one fastest, until one breaks it. An element that it
 * reads out of bounds, or a division by a value ≤ 0, leaves it without a value, which is a fault of its own kind.
 */

import { compileCondition, type Names } from "./interpret-expr.ts";
import { evaluateSize } from "./interpret-launch.ts";
import { evaluateSpecification, leaveBlocks, report, tick } from "./interpret-machine.ts";
import { printData } from "./print.ts";
import type { DataCondition } from "./types.ts";

/** What a broken condition of each kind says of a run. */
const DEED = { requires: "is given", ensures: "leaves" } as const;

/** Reports every condition that does not hold, as a fault of no thread. */
export function checkConditions(
  names: Names,
  kind: "requires" | "ensures",
  conditions: readonly DataCondition[],
): void {
  leaveBlocks(names.machine);
  for (const condition of conditions) checkCondition(names, kind, condition);
}

function checkCondition(names: Names, kind: "requires" | "ensures", data: DataCondition): void {
  const { machine } = names;
  // Nothing runs, so that the frame of thread 0 is free.
  const slots = new Map(data.variables.map(({ name }, slot) => [name, slot]));
  const holds = compileCondition({ ...names, slots, specification: data }, data.condition);
  const extents = data.variables.map(({ extent }) => Number(evaluateSize(extent, names)));
  const broken = (): void => {
    const values = data.variables.map(({ name }, slot) => `${name} = ${machine.frames[slot]}`);
    const place = values.length === 0 ? "" : ` at ${values.join(", ")}`;
    report(machine, kind, data, () => `${DEED[kind]} data that breaks ${kind}(${printData(data)})${place}`);
  };
  /** Whether all values of the variables from `slot` on were tried. */
  const tryFrom = (slot: number): boolean => {
    const extent = extents[slot];
    if (extent === undefined) {
      tick(machine, 1);
      const holding = evaluateSpecification(holds);
      if (holding === false) broken();
      return holding === true;
    }
    for (let value = 0; value < extent; value++) {
      machine.frames[slot] = value;
      if (!tryFrom(slot + 1)) return false;
    }
    return true;
  };
  tryFrom(0);
}
