/**
 * Tensor memory: the contents of one tensor parameter while the interpreter runs a kernel.
 *
 * An element is named by its index tuple, one index per axis. Integers are JavaScript numbers; an i64 element that no
 * number is equal to cannot be read (`InexactElement`).
 */

import { InternalError } from "../../support/result.ts";

/** An element that is read is an integer which no double is equal to. The interpreter ends the run. */
export class InexactElement extends Error {
  override readonly name = "InexactElement";
}

/** One tensor's contents; index tuple per axis; may be sparse, so that a tensor of 2⁴⁰ elements works. */
export interface TensorMemory {
  /** `undefined` is an element that was never written. */
  read(index: readonly number[]): number | undefined;
  write(index: readonly number[], value: number): void;
  /** Row-major contents, where there is such an array: the interpreter then bypasses `read` and `write`. */
  readonly dense?: DenseContents;
}

export type NumberArray = Float32Array | Float64Array | Int32Array | Uint32Array;

export interface DenseContents {
  readonly shape: readonly number[];
  readonly data: NumberArray;
}

/** A tensor over the caller's array, row-major; the kernel's stores go into that array. */
export function denseTensor(shape: readonly number[], data: NumberArray | BigInt64Array): TensorMemory {
  const elements = shape.reduce((product, extent) => product * extent, 1);
  if (elements !== data.length) {
    throw new InternalError(`a tensor of shape [${shape.join(", ")}] over ${data.length} elements`);
  }
  if (data instanceof BigInt64Array) {
    return {
      read: (index) => {
        const value = data[addressOf(shape, index)];
        if (value === undefined) return undefined;
        const number = Number(value);
        if (BigInt(number) !== value) throw new InexactElement();
        return number;
      },
      write: (index, value) => {
        data[addressOf(shape, index)] = BigInt(value);
      },
    };
  }
  return {
    dense: { shape, data },
    read: (index) => data[addressOf(shape, index)],
    write: (index, value) => {
      data[addressOf(shape, index)] = value;
    },
  };
}

/** A tensor whose elements are made when they are first read; what the kernel writes is kept. */
export function sparseTensor(fill: (index: readonly number[]) => number | undefined): TensorMemory {
  const written = new Map<string, number>();
  return {
    read: (index) => written.get(index.join()) ?? fill(index),
    write: (index, value) => {
      written.set(index.join(), value);
    },
  };
}

/** The row-major address of an index that is within the shape. */
export function addressOf(shape: readonly number[], index: readonly number[]): number {
  return index.reduce((address, i, axis) => address * (shape[axis] ?? 0) + i, 0);
}

/** The index of a row-major address within the shape: the inverse of `addressOf`. */
export function indexOf(shape: readonly number[], address: number): readonly number[] {
  const index: number[] = [];
  let rest = address;
  for (const extent of [...shape].reverse()) {
    index.push(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return index.reverse();
}

export function elementText(name: string, index: readonly number[]): string {
  return `${name}${index.map((i) => `[${i}]`).join("")}`;
}
