/**
 * Arrays of a run: where each array's elements are, and the accesses to them as closures.
 *
 * An access evaluates its index, checks it axis by axis, and only then touches the element; each check that fails is a
 * fault, and the access is not performed. Where it is in bounds, each partial result of its row-major address
 * (i·D₁ + j)·D₂ + k is at most the address, and that is below the element count: so an address in bounds overflows only
 * where the launch's size limits let the element count exceed the index width.
 */

import { roundToNearest } from "../../support/half-formats.ts";
import { InternalError } from "../../support/result.ts";
import { type ElementType, isFloat, isHalfElement } from "./elements.ts";
import { noteSecondWriter, reportRace } from "./interpret-conflicts.ts";
import { exactRange, type FaultSite, type Machine, report, Stopped, settleInt } from "./interpret-machine.ts";
import {
  type Conflict,
  newShadow,
  noteAtomic,
  noteRead,
  noteWrite,
  type Shadow,
  writerOf,
} from "./interpret-shadow.ts";
import { compileNote } from "./interpret-waves.ts";
import { ELEMENT_RANGE } from "./limits.ts";
import { elementText, indexOf, type NumberArray, type TensorMemory } from "./memory.ts";
import type { LocalArray, Role, TensorParam } from "./types.ts";

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

/** What is looked for in accesses to an array: anything at all, and whether some of them are atomic. */
export interface Watch {
  readonly checks: boolean;
  readonly atomic: boolean;
}

export function globalArray(
  param: TensorParam,
  shape: readonly number[],
  memory: TensorMemory,
  watch: Watch,
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
    shadow: watch.checks && role !== "input" ? newShadow(elements, true, watch.atomic) : undefined,
  };
}

export function localArray(array: LocalArray, threads: number, watch: Watch): RunArray {
  const { name, element } = array;
  const shape = array.shape.map(Number);
  const size = shape.reduce((product, extent) => product * extent, 1);
  switch (array.space) {
    case "shared": {
      const shadow = watch.checks ? newShadow(size, false, watch.atomic) : undefined;
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
export function compileAddress(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  site: FaultSite,
  verb: Conflict["deed"],
): NumberCode {
  const place = compilePlace(machine, array, index, site, verb);
  const note = compileNote(machine, array, site, verb);
  const address =
    note === undefined
      ? place
      : (): number => {
          const at = place();
          if (at >= 0) note(at);
          return at;
        };
  const { max } = exactRange(machine.width);
  const elements = array.shape.reduce((product, extent) => product * extent, 1);
  if (elements - 1 <= max) return address;
  // The size limits that the run was given do not keep addresses within the width.
  return () => {
    const at = address();
    if (at <= max) return at;
    const text = (): string => `the address of ${elementText(array.name, indexOf(array.shape, at))}`;
    return settleInt(machine, site, BigInt(at), text);
  };
}

/** As `compileAddress`, for a specification: the machine does not compute the address, so that it has no width to fit. */
export function compilePlace(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  site: FaultSite,
  verb: Conflict["deed"],
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

/** Reads an element. A read that is at fault gives NaN or 0. */
export function compileLoad(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  site: FaultSite,
): NumberCode {
  const address = compileAddress(machine, array, index, site, "reads");
  const missing = isFloat(array.element) ? Number.NaN : 0;
  const accept = compileAccept(machine, array, site);
  const fetch = compileFetch(machine, array);
  return () => {
    const at = address();
    if (at < 0) return missing;
    const value = fetch(at, site);
    if (value !== undefined) return accept(value);
    noteUnwritten(machine, array, at, site);
    return missing;
  };
}

/** A read of an element that nobody has written. What a skipped iteration would have written is unknown. */
function noteUnwritten(machine: Machine, array: RunArray, address: number, site: FaultSite): void {
  if (machine.skipped && !isInput(array)) {
    if (!isFloat(array.element)) throw new Stopped("run");
    return;
  }
  const message = (): string => `reads ${elementText(array.name, indexOf(array.shape, address))} before it is written`;
  if (machine.checks) report(machine, "uninitialised", site, message, { array: array.name });
}

function isInput({ place }: RunArray): boolean {
  return place.space === "global" && place.role === "input";
}

/** Reads an element within bounds, noting who reads it; `undefined` for one that nobody has written. */
function compileFetch(machine: Machine, array: RunArray): (address: number, site: FaultSite) => number | undefined {
  const { shadow } = array;
  const peek = compilePeek(machine, array);
  if (shadow === undefined) return peek;
  return (address, site) => {
    const conflict = noteRead(machine, shadow, address);
    if (conflict) reportRace(machine, array, address, "reads", conflict, site);
    return peek(address);
  };
}

/** The value of an element within bounds, noting nothing; `undefined` for one that nobody has written. */
export function compilePeek(machine: Machine, array: RunArray): (address: number) => number | undefined {
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
      // Agents ascend from block to block: a smaller one wrote in an earlier block, whose contents are gone.
      return (address) => (writerOf(shadow, address) < machine.firstAgent ? undefined : data?.[address]);
    case "global": {
      const { memory, role } = place;
      const read = data
        ? (address: number): number | undefined => data[address]
        : (address: number): number | undefined => memory.read(indexOf(array.shape, address));
      if (shadow === undefined || role !== "output") return read;
      return (address) => (writerOf(shadow, address) === 0 ? undefined : read(address));
    }
    default:
      place satisfies never;
      throw new InternalError("unknown space");
  }
}

/** Makes a value of memory one of the machine: a float is one of the element type, an integer fits the index width. */
function compileAccept(machine: Machine, array: RunArray, site: FaultSite): (value: number) => number {
  const { element, name } = array;
  if (element === "f32") return Math.fround;
  if (isHalfElement(element)) return (value) => roundToNearest(element, value);
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
  if (isFloat(element)) return () => true;
  // Both are powers of two, or 0, and so are exact as doubles; the largest i64 is not.
  const [min, end] = [Number(ELEMENT_RANGE[element].min), Number(ELEMENT_RANGE[element].max + 1n)];
  return (value) => {
    if (value >= min && value < end) return true;
    const message = (): string => `stores ${BigInt(value)} into ${name}, whose ${element} elements do not hold it`;
    report(machine, "range", site, message, { array: name });
    return false;
  };
}

function compilePut(machine: Machine, array: RunArray): (address: number, value: number, site: FaultSite) => void {
  const { place, shadow } = array;
  const write = compileWrite(array);
  if (place.space === "register") {
    const { size, writtenBy } = place;
    return (address, value) => {
      const own = machine.thread * size + address;
      writtenBy[own] = machine.agent;
      write(own, value);
    };
  }
  if (shadow === undefined) return write;
  const once = isOutput(array);
  return (address, value, site) => {
    if (once) noteSecondWriter(machine, array, shadow, address, site);
    const conflict = noteWrite(machine, shadow, address);
    if (conflict) reportRace(machine, array, address, "writes", conflict, site);
    write(address, value);
  };
}

/** Changes the contents, noting nothing. */
function compileWrite({ place, data, shape }: RunArray): (address: number, value: number) => void {
  if (place.space === "global" && data === undefined) {
    return (address, value) => place.memory.write(indexOf(shape, address), value);
  }
  return (address, value) => {
    if (data) data[address] = value;
  };
}

/**
 * Changes an element in one step that no other access comes between: the operand is evaluated first, then the index.
 * `combine` makes the element's value of the one before and the operand.
 */
export function compileUpdate(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  operand: NumberCode,
  combine: (before: number, operand: number) => number,
  site: FaultSite,
): Code {
  const { shadow } = array;
  const address = compileAddress(machine, array, index, site, "atomically changes");
  const holds = compileHolds(machine, array, site);
  const peek = compilePeek(machine, array);
  const write = compileWrite(array);
  const once = isOutput(array);
  return () => {
    const value = operand();
    const at = address();
    if (at < 0 || !holds(value)) return;
    if (shadow) {
      if (once) noteSecondWriter(machine, array, shadow, at, site);
      const conflict = noteAtomic(machine, shadow, at);
      if (conflict) reportRace(machine, array, at, "atomically changes", conflict, site);
    }
    const before = peek(at);
    if (before === undefined) noteUnwritten(machine, array, at, site);
    else write(at, combine(before, value));
  };
}

function isOutput({ place }: RunArray): boolean {
  return place.space === "global" && place.role === "output";
}
