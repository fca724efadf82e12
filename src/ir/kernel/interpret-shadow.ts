/**
 * Shadow memory: who read and wrote each location of an array, as far as a race with a later access can depend on it.
 *
 * Two accesses by different threads to one location race if at least one writes and no barrier of their block orders
 * them; threads of different blocks are never ordered. Blocks run one after another, so that it suffices to remember of
 * each location: the last writer; two different readers of the current epoch; one reader of an earlier block. (If there
 * was another writer before the last, those two have already been reported.)
 */

import { InternalError } from "../../support/result.ts";
import type { Machine } from "./interpret-machine.ts";

/** Larger arrays keep records of touched locations only. */
const DENSE_LIMIT = 2 ** 22;
const FIRST_CAPACITY = 1024;

/** All arrays hold agents or epochs by record; 0 stands for none. */
interface Records {
  readonly writer: Int32Array;
  readonly writeEpoch: Int32Array;
  readonly reader: Int32Array;
  readonly otherReader: Int32Array;
  readonly readEpoch: Int32Array;
  readonly earlierReader: Int32Array;
}

export interface Shadow {
  /** Global memory is shared by all blocks of the launch. */
  readonly acrossBlocks: boolean;
  /** The record of each touched address; absent where the address is its own record. */
  readonly touched?: Map<number, number>;
  records: Records;
}

/** An access of another agent that the current one races with. */
export interface Conflict {
  readonly agent: number;
  readonly writes: boolean;
}

export function newShadow(elements: number, acrossBlocks: boolean): Shadow {
  if (elements <= DENSE_LIMIT) return { acrossBlocks, records: newRecords(elements) };
  return { acrossBlocks, touched: new Map(), records: newRecords(FIRST_CAPACITY) };
}

function newRecords(capacity: number, from?: Records): Records {
  const grown = (old: Int32Array | undefined): Int32Array => {
    const array = new Int32Array(capacity);
    if (old) array.set(old);
    return array;
  };
  return {
    writer: grown(from?.writer),
    writeEpoch: grown(from?.writeEpoch),
    reader: grown(from?.reader),
    otherReader: grown(from?.otherReader),
    readEpoch: grown(from?.readEpoch),
    earlierReader: grown(from?.earlierReader),
  };
}

function recordOf(shadow: Shadow, address: number): number {
  const { touched, records } = shadow;
  if (touched === undefined) return address;
  const known = touched.get(address);
  if (known !== undefined) return known;
  const record = touched.size;
  touched.set(address, record);
  if (record >= records.writer.length) shadow.records = newRecords(2 * records.writer.length, records);
  return record;
}

/** The agent that last wrote the address; 0 if none has. */
export function writerOf(shadow: Shadow, address: number): number {
  return at(shadow.records.writer, recordOf(shadow, address));
}

/** Notes a read by the running thread, and says with which write it races. */
export function noteRead(machine: Machine, shadow: Shadow, address: number): Conflict | undefined {
  const record = recordOf(shadow, address);
  const { reader, otherReader, readEpoch, earlierReader } = shadow.records;
  const { agent, epoch } = machine;
  const first = at(reader, record);
  if (at(readEpoch, record) !== epoch) {
    if (first !== 0 && first < machine.firstAgent) earlierReader[record] = first;
    reader[record] = agent;
    otherReader[record] = 0;
    readEpoch[record] = epoch;
  } else if (first !== agent && at(otherReader, record) === 0) {
    otherReader[record] = agent;
  }
  return racingWriter(machine, shadow, record);
}

/** Notes a write by the running thread, and says with which access it races. */
export function noteWrite(machine: Machine, shadow: Shadow, address: number): Conflict | undefined {
  const record = recordOf(shadow, address);
  const { writer, writeEpoch } = shadow.records;
  const conflict = racingWriter(machine, shadow, record) ?? racingReader(machine, shadow, record);
  writer[record] = machine.agent;
  writeEpoch[record] = machine.epoch;
  return conflict;
}

function racingWriter(machine: Machine, shadow: Shadow, record: number): Conflict | undefined {
  const { writer, writeEpoch } = shadow.records;
  const agent = at(writer, record);
  if (agent === 0 || agent === machine.agent) return undefined;
  const unordered = at(writeEpoch, record) === machine.epoch || (shadow.acrossBlocks && agent < machine.firstAgent);
  return unordered ? { agent, writes: true } : undefined;
}

function racingReader(machine: Machine, shadow: Shadow, record: number): Conflict | undefined {
  const { reader, otherReader, readEpoch, earlierReader } = shadow.records;
  const first = at(reader, record);
  if (first === 0) return undefined;
  if (at(readEpoch, record) === machine.epoch) {
    const agent = first === machine.agent ? at(otherReader, record) : first;
    if (agent !== 0) return { agent, writes: false };
  }
  if (!shadow.acrossBlocks) return undefined;
  const earlier = first < machine.firstAgent ? first : at(earlierReader, record);
  return earlier === 0 ? undefined : { agent: earlier, writes: false };
}

function at(array: Int32Array, record: number): number {
  const value = array[record];
  if (value === undefined) throw new InternalError(`no shadow record ${record}`);
  return value;
}
