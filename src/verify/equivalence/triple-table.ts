/** A hash table from three integers of 32 bits to one that is not negative: open addressing, at most half full. */

const FIELDS = 4;
const EMPTY = -1;

export class TripleTable {
  #slots = 1 << 12;
  #used = 0;
  /** Per slot: the three integers and the value, `EMPTY` where there is none. */
  #cells = newCells(this.#slots);

  /** The value, or −1. */
  get(a: number, b: number, c: number): number {
    return this.#cells[this.#find(a, b, c) + FIELDS - 1] ?? EMPTY;
  }

  /** Adds a value for integers that have none. */
  add(a: number, b: number, c: number, value: number): void {
    if (2 * (this.#used + 1) > this.#slots) this.#grow();
    this.#put(this.#find(a, b, c), a, b, c, value);
    this.#used++;
  }

  /** Where the integers are, or where there is room for them. */
  #find(a: number, b: number, c: number): number {
    const cells = this.#cells;
    const mask = this.#slots - 1;
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slot * FIELDS;
      if (cells[at + 3] === EMPTY || (cells[at] === a && cells[at + 1] === b && cells[at + 2] === c)) return at;
    }
  }

  #put(at: number, a: number, b: number, c: number, value: number): void {
    this.#cells[at] = a;
    this.#cells[at + 1] = b;
    this.#cells[at + 2] = c;
    this.#cells[at + 3] = value;
  }

  #grow(): void {
    const old = this.#cells;
    this.#slots *= 2;
    this.#cells = newCells(this.#slots);
    for (let at = 0; at < old.length; at += FIELDS) {
      const [a = 0, b = 0, c = 0, value = EMPTY] = old.subarray(at, at + FIELDS);
      if (value !== EMPTY) this.#put(this.#find(a, b, c), a, b, c, value);
    }
  }
}

function newCells(slots: number): Int32Array {
  return new Int32Array(slots * FIELDS).fill(EMPTY);
}
