/**
 * Arrays of a run: where each array's elements are, and the accesses to them as closures.
 *
 * An access evaluates its index, checks it axis by axis, and only then touches the element; each check that fails is a
 * fault, and the access is not performed. An access is in bounds only where each partial result of its row-major address
 * (i·D₁ + j)·D₂ + k is below the element count, which the size limits keep within the index width: so an address in
 * bounds never overflows.
 */

import { InternalError } from "../../support/result.ts";
import {
  exactRange,
  type Fault,
  type FaultSite,
  formatTriple,
  type Machine,
  report,
  Stopped,
  settleInt,
  whoIs,
} from "./interpret-machine.ts";
import { type Conflict, newShadow, noteRead, noteWrite, type Shadow, writerOf } from "./interpret-shadow.ts";
import { ELEMENT_RANGE } from "./limits.ts";
import { indexOf, type NumberArray, type TensorMemory } from "./memory.ts";
import type { ElementType, LocalArray, Role, TensorParam } from "./types.ts";

export type NumberCode = () => number;
export type Code = () => void;

/** Where the elements of an array are while a kernel runs; an address is the row-major place of an element. */
export interface RunArray {
  readonly name: string;
  readonly element: ElementType;
  readonly shape: readonly number[];
  readonly place:
    | { readonly space: "global"; readonly role: Role; readonly memory: TensorMemory }
    | { readonly space: "shared" }
    /** The arrays of all threads of a block lie one after another, each of `size` elements. */
    | { readonly space: "register"; readonly size: number; readonly writtenBy: Int32Array };
  /** Absent for a tensor that has no row-major contents. */
  readonly data: NumberArray | undefined;
  /** Absent where no race is possible, or none is asked for. */
  readonly shadow: Shadow | undefined;
}

export function globalArray(
  param: TensorParam,
  shape: readonly number[],
  memory: TensorMemory,
  checks: boolean,
): RunArray {
  const { name, element, role } = param;
  const { dense } = memory;
  if (dense && dense.shape.join() !== shape.join()) {
    throw new InternalError(`${name} is given as [${dense.shape.join(", ")}], its shape is [${shape.join(", ")}]`);
  }
  const elements = shape.reduce((product, extent) => product * extent, 1);
  return {
    name,
    element,
    shape,
    place: { space: "global", role, memory },
    data: dense?.data,
    shadow: checks && role !== "input" ? newShadow(elements, true) : undefined,
  };
}

export function localArray(array: LocalArray, threads: number, checks: boolean): RunArray {
  const { name, element } = array;
  const shape = array.shape.map(Number);
  const size = shape.reduce((product, extent) => product * extent, 1);
  switch (array.space) {
    case "shared": {
      const shadow = checks ? newShadow(size, false) : undefined;
      return { name, element, shape, place: { space: "shared" }, data: new Float64Array(size), shadow };
    }
    case "register": {
      const writtenBy = new Int32Array(size * threads);
      const data = new Float64Array(size * threads);
      return { name, element, shape, place: { space: "register", size, writtenBy }, data, shadow: undefined };
    }
    default:
      array.space satisfies never;
      throw new InternalError("unknown space");
  }
}

/** Evaluates an index to an address; −1 where it is outside, which has then been reported. */
function compileAddress(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  site: FaultSite,
  verb: "reads" | "writes",
): NumberCode {
  const { shape } = array;
  const outside = (values: readonly number[]): number => {
    const axis = values.findIndex((value, position) => value < 0 || value >= (shape[position] ?? 0));
    const detail = `axis ${axis}: index ${values[axis]}, length ${shape[axis]}`;
    const message = (): string => `${verb} ${elementText(array.name, values)} out of bounds (${detail})`;
    report(machine, "bounds", site, message, { array: array.name });
    return -1;
  };
  const [first, second] = index;
  const [rows = 0, columns = 0] = shape;
  if (index.length === 1 && first) {
    return () => {
      const i = first();
      return i >= 0 && i < rows ? i : outside([i]);
    };
  }
  if (index.length === 2 && first && second) {
    return () => {
      const i = first();
      const j = second();
      return i >= 0 && i < rows && j >= 0 && j < columns ? i * columns + j : outside([i, j]);
    };
  }
  return () => {
    const values = index.map((code) => code());
    let address = 0;
    for (const [axis, value] of values.entries()) {
      const extent = shape[axis] ?? 0;
      if (value < 0 || value >= extent) return outside(values);
      address = address * extent + value;
    }
    return address;
  };
}

function elementText(name: string, index: readonly number[]): string {
  return `${name}${index.map((i) => `[${i}]`).join("")}`;
}

/** Reads an element. A read that is at fault gives NaN or 0. */
export function compileLoad(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  site: FaultSite,
): NumberCode {
  const address = compileAddress(machine, array, index, site, "reads");
  const missing = array.element === "f32" ? Number.NaN : 0;
  const accept = compileAccept(machine, array, site);
  const fetch = compileFetch(machine, array);
  const unwritten = (at: number): number => {
    // What a skipped iteration would have written is unknown.
    if (machine.skipped && !isInput(array)) return stopUnlessFloat(array, missing);
    const message = (): string => `reads ${elementText(array.name, indexOf(array.shape, at))} before it is written`;
    if (machine.checks) report(machine, "uninitialised", site, message, { array: array.name });
    return missing;
  };
  return () => {
    const at = address();
    if (at < 0) return missing;
    const value = fetch(at, site);
    return value === undefined ? unwritten(at) : accept(value);
  };
}

function isInput({ place }: RunArray): boolean {
  return place.space === "global" && place.role === "input";
}

function stopUnlessFloat(array: RunArray, missing: number): number {
  if (array.element !== "f32") throw new Stopped("run");
  return missing;
}

/** Reads an element within bounds, noting who reads it; `undefined` for one that nobody has written. */
function compileFetch(machine: Machine, array: RunArray): (address: number, site: FaultSite) => number | undefined {
  const { place, data, shadow } = array;
  switch (place.space) {
    case "register": {
      const { size, writtenBy } = place;
      return (address) => {
        const own = machine.thread * size + address;
        return !machine.checks || writtenBy[own] === machine.agent ? data?.[own] : undefined;
      };
    }
    case "shared":
      if (shadow === undefined) return (address) => data?.[address];
      return (address, site) => {
        const conflict = noteRead(machine, shadow, address);
        if (conflict) reportRace(machine, array, address, "reads", conflict, site);
        // Agents ascend from block to block: a smaller one wrote in an earlier block, whose contents are gone.
        return writerOf(shadow, address) < machine.firstAgent ? undefined : data?.[address];
      };
    case "global": {
      const { memory, role } = place;
      const read = data
        ? (address: number): number | undefined => data[address]
        : (address: number): number | undefined => memory.read(indexOf(array.shape, address));
      if (shadow === undefined) return read;
      return (address, site) => {
        const conflict = noteRead(machine, shadow, address);
        if (conflict) reportRace(machine, array, address, "reads", conflict, site);
        return role === "output" && writerOf(shadow, address) === 0 ? undefined : read(address);
      };
    }
    default:
      place satisfies never;
      throw new InternalError("unknown space");
  }
}

/** Makes a value of memory one of the machine: a float is f32, an integer fits the index width. */
function compileAccept(machine: Machine, array: RunArray, site: FaultSite): (value: number) => number {
  const { element, name } = array;
  if (element === "f32") return Math.fround;
  const { min, max } = exactRange(machine.width);
  const accept = (value: number): number => {
    if (value >= min && value <= max) return value;
    if (!Number.isInteger(value)) throw new InternalError(`${name} of ${element} holds ${value}`);
    return settleInt(machine, site, BigInt(value), () => `the element of ${name}`);
  };
  if (isInput(array)) return accept;
  return (value) => {
    // An integer that a skipped iteration might have changed is unknown.
    if (machine.skipped) throw new Stopped("run");
    return accept(value);
  };
}

/** Writes an element: the value is evaluated first, then the index. */
export function compileStore(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  value: NumberCode,
  site: FaultSite,
): Code {
  const address = compileAddress(machine, array, index, site, "writes");
  const holds = compileHolds(machine, array, site);
  const put = compilePut(machine, array);
  return () => {
    const stored = value();
    const at = address();
    if (at >= 0 && holds(stored)) put(at, stored, site);
  };
}

/** Whether the element type holds the value; a fault where it does not. */
function compileHolds(machine: Machine, { element, name }: RunArray, site: FaultSite): (value: number) => boolean {
  // Every integer in flight is a safe one, so that i64 holds it.
  if (element === "f32" || element === "i64") return () => true;
  const [min, max] = [Number(ELEMENT_RANGE[element].min), Number(ELEMENT_RANGE[element].max)];
  return (value) => {
    if (value >= min && value <= max) return true;
    const message = (): string => `stores ${value} into ${name}, whose ${element} elements do not hold it`;
    report(machine, "range", site, message, { array: name });
    return false;
  };
}

function compilePut(machine: Machine, array: RunArray): (address: number, value: number, site: FaultSite) => void {
  const { place, data, shadow } = array;
  const write =
    place.space === "global" && data === undefined
      ? (address: number, value: number): void => place.memory.write(indexOf(array.shape, address), value)
      : (address: number, value: number): void => {
          if (data) data[address] = value;
        };
  if (place.space === "register") {
    const { size, writtenBy } = place;
    return (address, value) => {
      const own = machine.thread * size + address;
      writtenBy[own] = machine.agent;
      write(own, value);
    };
  }
  if (shadow === undefined) return write;
  return (address, value, site) => {
    const conflict = noteWrite(machine, shadow, address);
    if (conflict) reportRace(machine, array, address, "writes", conflict, site);
    write(address, value);
  };
}

function reportRace(
  machine: Machine,
  array: RunArray,
  address: number,
  verb: "reads" | "writes",
  conflict: Conflict,
  site: FaultSite,
): void {
  const { block, thread } = whoIs(machine, conflict.agent);
  const sameBlock = conflict.agent >= machine.firstAgent;
  const other: Pick<Fault, "otherBlock" | "otherThread"> = { otherBlock: block, otherThread: thread };
  const message = (): string => {
    const element = elementText(array.name, indexOf(array.shape, address));
    const deed = conflict.writes ? "writes" : "reads";
    if (sameBlock) return `${verb} ${element}, which thread ${formatTriple(thread)} ${deed} with no barrier between`;
    return `${verb} ${element}, which a thread of block ${formatTriple(block)} ${deed} in the same launch`;
  };
  const variant = sameBlock ? "block" : "launch";
  report(machine, "race", site, message, { array: array.name, ...other, variant });
}
