/** Tables of WebAssembly that remember their entries behave as before. */

import { afterAll, describe, expect, it } from "vitest";
import { rememberTableEntries } from "../../src/verify/wasm-table.ts";

declare global {
  namespace WebAssembly {
    class Module {
      constructor(bytes: Uint8Array);
    }
    class Instance {
      constructor(module: Module);
      readonly exports: Readonly<Record<string, unknown>>;
    }
  }
}

const { prototype } = WebAssembly.Table;
const original = { get: prototype.get, set: prototype.set, grow: prototype.grow };
afterAll(() => Object.assign(prototype, original));

/** A module of two functions without parameters, which give 1 and 2: its exports are what a table can hold. */
const BYTES = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f],
  ...[0x03, 0x03, 0x02, 0x00, 0x00],
  ...[0x07, 0x0d, 0x02, 0x03, 0x6f, 0x6e, 0x65, 0x00, 0x00, 0x03, 0x74, 0x77, 0x6f, 0x00, 0x01],
  ...[0x0a, 0x0b, 0x02, 0x04, 0x00, 0x41, 0x01, 0x0b, 0x04, 0x00, 0x41, 0x02, 0x0b],
]);

describe("a table that remembers its entries", () => {
  rememberTableEntries();
  const { one, two } = new WebAssembly.Instance(new WebAssembly.Module(BYTES)).exports;
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 2 });

  it("gives what was set, before and after it was asked", () => {
    expect(table.get(0)).toBeNull();
    table.set(0, one);
    expect(table.get(0)).toBe(one);
    table.set(0, two);
    expect(table.get(0)).toBe(two);
    table.set(0);
    expect(table.get(0)).toBeNull();
  });

  it("gives what it has grown by, and refuses what is beyond its end", () => {
    expect(() => table.get(2)).toThrow(RangeError);
    expect(table.grow(1, one)).toBe(2);
    expect(table.get(2)).toBe(one);
    expect(() => table.get(3)).toThrow(RangeError);
  });

  it("is not taken for another", () => {
    const other = new WebAssembly.Table({ element: "anyfunc", initial: 3 });
    other.set(2, two);
    expect([table.get(2), other.get(2), table.get(2)]).toEqual([one, two, one]);
  });
});
