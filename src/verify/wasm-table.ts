/**
 * The function table of Z3's WebAssembly, remembered in JavaScript.
 *
 * The package is built with Emscripten's assertions and with exceptions through JavaScript: every call that may throw looks its
 * function up with `WebAssembly.Table.get`, which is slow: a third of the time of hard queries goes there (`node --cpu-prof`).
 * What is remembered is what `get` would return: all that changes a table from JavaScript forgets it, and the code that Z3 is
 * compiled to has no instruction that does (`wasm-objdump -d z3-built.wasm` shows no `table.*`).
 */

interface Table {
  readonly length: number;
  get(index: number): unknown;
  set(index: number, ...value: readonly unknown[]): void;
  grow(delta: number, ...value: readonly unknown[]): number;
}

declare global {
  namespace WebAssembly {
    /** Node.js has it, and its types leave it out. */
    const Table: {
      new (of: { readonly element: "anyfunc"; readonly initial: number }): Table;
      readonly prototype: Table;
    };
  }
}

/** Replaces the methods of all tables of this process. */
export function rememberTableEntries(): void {
  const prototype: Table = WebAssembly.Table.prototype;
  const { get, set, grow } = prototype;
  let remembered: Table | undefined;
  let entries: readonly unknown[] = [];

  prototype.get = function (index) {
    if (this !== remembered) {
      remembered = this;
      // Filled from the start, so that V8 keeps it as an array and not as a dictionary.
      entries = Array.from({ length: this.length }, (_, position) => get.call(this, position));
    }
    // Beyond the end V8 has its own answer.
    return index in entries ? entries[index] : get.call(this, index);
  };
  prototype.set = function (index, ...value) {
    remembered = undefined;
    set.call(this, index, ...value);
  };
  prototype.grow = function (delta, ...value) {
    remembered = undefined;
    return grow.call(this, delta, ...value);
  };
}
