/**
 * Memory of the reference interpreter: tensors with their contents, and what the checks know of each location.
 *
 * A location's shadow remembers its last write and its reads, so that a conflict between two threads is seen when the
 * second of them comes, in whatever order they run.
 */

/** One tensor's contents, by index tuple; may be sparse, so that a tensor of 2^40 elements can be used. */
export interface TensorMemory {
  /** `undefined` for an element that was never written. */
  readonly read: (index: readonly number[]) => number | undefined;
  readonly write: (index: readonly number[], value: number) => void;
}

/** Row-major storage in a typed array, which is written through. */
export function denseTensor(
  shape: readonly number[],
  data: Float32Array | Float64Array | Int32Array | Uint32Array,
): TensorMemory {
  const flat = (index: readonly number[]): number => index.reduce((sum, i, axis) => sum * (shape[axis] ?? 1) + i, 0);
  return {
    read: (index) => data[flat(index)],
    write: (index, value) => {
      data[flat(index)] = value;
    },
  };
}

/** Storage for the elements written; the others hold what `fill` says. */
export function sparseTensor(fill: (index: readonly number[]) => number | undefined): TensorMemory {
  const written = new Map<string, number>();
  return {
    read: (index) => written.get(index.join()) ?? fill(index),
    write: (index, value) => {
      written.set(index.join(), value);
    },
  };
}

/** Who performs an access. Threads and blocks are numbered; an epoch is a barrier interval of one block. */
export interface Actor {
  readonly block: number;
  readonly thread: number;
  readonly epoch: number;
}

const NOBODY = -1;
const SEVERAL = -2;

/** The accesses to one location so far, as far as a later one can conflict with them. */
interface Location {
  writeBlock: number;
  writeThread: number;
  writeEpoch: number;
  readBlock: number;
  readThread: number;
  readEpoch: number;
}

export interface Conflict {
  readonly block: number;
  readonly thread: number;
  readonly write: boolean;
}

/** The shadow of one array: `touch` notes an access and returns the earlier one that it races with. */
export class Shadow {
  readonly #locations = new Map<number, Location>();

  touch(address: number, { block, thread, epoch }: Actor, write: boolean): Conflict | undefined {
    let location = this.#locations.get(address);
    if (location === undefined) {
      location = {
        writeBlock: NOBODY,
        writeThread: NOBODY,
        writeEpoch: NOBODY,
        readBlock: NOBODY,
        readThread: NOBODY,
        readEpoch: NOBODY,
      };
      this.#locations.set(address, location);
    }
    const conflict = findConflict(location, block, thread, epoch, write);
    if (write) {
      location.writeBlock = block;
      location.writeThread = thread;
      location.writeEpoch = epoch;
    } else {
      const fresh = location.readEpoch !== epoch;
      location.readThread = fresh || location.readThread === thread ? thread : SEVERAL;
      location.readBlock = location.readBlock === NOBODY || location.readBlock === block ? block : SEVERAL;
      location.readEpoch = epoch;
    }
    return conflict;
  }
}

function findConflict(
  location: Location,
  block: number,
  thread: number,
  epoch: number,
  write: boolean,
): Conflict | undefined {
  const { writeBlock, writeThread, writeEpoch, readBlock, readThread, readEpoch } = location;
  if (writeBlock !== NOBODY) {
    const unordered = writeBlock !== block || (writeEpoch === epoch && writeThread !== thread);
    if (unordered) return { block: writeBlock, thread: writeThread, write: true };
  }
  if (!write || readBlock === NOBODY) return undefined;
  const unordered = readBlock !== block || (readEpoch === epoch && readThread !== thread);
  return unordered ? { block: readBlock, thread: readThread, write: false } : undefined;
}
