/**
 * Shadow memory: who read and wrote each location of an array, as far as a race with a later access can depend on it.
 *
 * Two accesses by different threads to one location race if at least one writes, not both are atomic, and nothing orders
 * them: a block barrier orders threads of a block, a wave barrier only those of one wave; threads of different blocks are
 * never ordered. Blocks run one after another. So it suffices to remember of each location: the last thread that wrote it
 * plainly (if there was another before, those two have already been reported); and of its readers, as of the threads
 * that changed it atomically, the *peers* below.
 */

import { InternalError } from "../../support/result.ts";
import { type Machine, waveOf } from "./interpret-machine.ts";

/** Larger arrays keep records of touched locations only. */
const DENSE_LIMIT = 2 ** 22;
const FIRST_CAPACITY = 1024;

/**
 * Accesses to a location that do not race with each other. All arrays hold agents or epochs by record; 0 is none.
 *
 * Of the last block that touched the location: one agent of its last epoch, and a second one. The second is of another
 * wave if there is one, since every later access conflicts with one of the two then, whatever wave barriers come;
 * otherwise it is another agent of the last wave epoch. Of the blocks before: one agent.
 */
interface Peers {
  readonly agent: Int32Array;
  readonly second: Int32Array;
  readonly epoch: Int32Array;
  readonly waveEpoch: Int32Array;
  readonly earlier: Int32Array;
}

interface Records {
  readonly writer: Int32Array;
  readonly writeEpoch: Int32Array;
  readonly writeWaveEpoch: Int32Array;
  readonly readers: Peers;
  /** Absent where no statement changes the array atomically. */
  readonly atomics: Peers | undefined;
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
  readonly deed: "reads" | "writes" | "atomically changes";
}

export function newShadow(elements: number, acrossBlocks: boolean, atomics: boolean): Shadow {
  if (elements <= DENSE_LIMIT) return { acrossBlocks, records: newRecords(elements, atomics) };
  return { acrossBlocks, touched: new Map(), records: newRecords(FIRST_CAPACITY, atomics) };
}

function newRecords(capacity: number, atomics: boolean, from?: Records): Records {
  const grown = (old: Int32Array | undefined): Int32Array => {
    const array = new Int32Array(capacity);
    if (old) array.set(old);
    return array;
  };
  const grownPeers = (old: Peers | undefined): Peers => ({
    agent: grown(old?.agent),
    second: grown(old?.second),
    epoch: grown(old?.epoch),
    waveEpoch: grown(old?.waveEpoch),
    earlier: grown(old?.earlier),
  });
  return {
    writer: grown(from?.writer),
    writeEpoch: grown(from?.writeEpoch),
    writeWaveEpoch: grown(from?.writeWaveEpoch),
    readers: grownPeers(from?.readers),
    atomics: atomics ? grownPeers(from?.atomics) : undefined,
  };
}

function recordOf(shadow: Shadow, address: number): number {
  const { touched, records } = shadow;
  if (touched === undefined) return address;
  const known = touched.get(address);
  if (known !== undefined) return known;
  const record = touched.size;
  touched.set(address, record);
  if (record >= records.writer.length) {
    shadow.records = newRecords(2 * records.writer.length, records.atomics !== undefined, records);
  }
  return record;
}

/** The agent that last wrote the address plainly; 0 if none has. */
export function writerOf(shadow: Shadow, address: number): number {
  const record = shadow.touched === undefined ? address : shadow.touched.get(address);
  return record === undefined ? 0 : at(shadow.records.writer, record);
}

/** Notes a read by the running thread, and says with which change of the location it races. */
export function noteRead(machine: Machine, shadow: Shadow, address: number): Conflict | undefined {
  const record = recordOf(shadow, address);
  const { readers, atomics } = shadow.records;
  join(machine, readers, record);
  return racingWriter(machine, shadow, record) ?? (atomics && racingAtomic(machine, shadow, atomics, record));
}

/** Notes a write by the running thread, and says with which access it races. */
export function noteWrite(machine: Machine, shadow: Shadow, address: number): Conflict | undefined {
  const record = recordOf(shadow, address);
  const { writer, writeEpoch, writeWaveEpoch, atomics } = shadow.records;
  const conflict =
    racingWriter(machine, shadow, record) ??
    racingReader(machine, shadow, record) ??
    (atomics && racingAtomic(machine, shadow, atomics, record));
  writer[record] = machine.agent;
  writeEpoch[record] = machine.epoch;
  writeWaveEpoch[record] = machine.waveEpoch;
  return conflict;
}

/** Notes an atomic change by the running thread, and says with which plain access it races. */
export function noteAtomic(machine: Machine, shadow: Shadow, address: number): Conflict | undefined {
  const record = recordOf(shadow, address);
  const { atomics } = shadow.records;
  if (atomics === undefined) throw new InternalError("an atomic change of an array that is said to have none");
  join(machine, atomics, record);
  return racingWriter(machine, shadow, record) ?? racingReader(machine, shadow, record);
}

/** Makes the running thread one of the peers. */
function join(machine: Machine, peers: Peers, record: number): void {
  const { agent, second, epoch, waveEpoch, earlier } = peers;
  const first = at(agent, record);
  if (at(epoch, record) !== machine.epoch) {
    if (first !== 0 && first < machine.firstAgent) earlier[record] = first;
    startInterval(machine, peers, record);
    return;
  }
  const other = at(second, record);
  if (waveOf(machine, first) !== waveOf(machine, machine.agent)) {
    second[record] = machine.agent;
  } else if (other === 0 || waveOf(machine, other) === waveOf(machine, first)) {
    // One wave so far: its earlier accesses are ordered before whatever its threads do from here on.
    if (at(waveEpoch, record) !== machine.waveEpoch) startInterval(machine, peers, record);
    else if (first !== machine.agent && other === 0) second[record] = machine.agent;
  }
}

function startInterval(machine: Machine, { agent, second, epoch, waveEpoch }: Peers, record: number): void {
  agent[record] = machine.agent;
  second[record] = 0;
  epoch[record] = machine.epoch;
  waveEpoch[record] = machine.waveEpoch;
}

/** A peer that nothing orders before the running thread; 0 if there is none. */
function racingPeer(machine: Machine, shadow: Shadow, peers: Peers, record: number): number {
  const first = at(peers.agent, record);
  if (first === 0) return 0;
  if (at(peers.epoch, record) === machine.epoch) {
    const wave = waveOf(machine, machine.agent);
    const sameInterval = at(peers.waveEpoch, record) === machine.waveEpoch;
    for (const peer of [first, at(peers.second, record)]) {
      if (peer === 0 || peer === machine.agent) continue;
      if (sameInterval || waveOf(machine, peer) !== wave) return peer;
    }
  }
  if (!shadow.acrossBlocks) return 0;
  return first < machine.firstAgent ? first : at(peers.earlier, record);
}

function racingWriter(machine: Machine, shadow: Shadow, record: number): Conflict | undefined {
  const { writer, writeEpoch, writeWaveEpoch } = shadow.records;
  const agent = at(writer, record);
  if (agent === 0 || agent === machine.agent) return undefined;
  if (agent < machine.firstAgent) return shadow.acrossBlocks ? { agent, deed: "writes" } : undefined;
  if (at(writeEpoch, record) !== machine.epoch) return undefined;
  const ordered =
    at(writeWaveEpoch, record) !== machine.waveEpoch && waveOf(machine, agent) === waveOf(machine, machine.agent);
  return ordered ? undefined : { agent, deed: "writes" };
}

function racingReader(machine: Machine, shadow: Shadow, record: number): Conflict | undefined {
  const agent = racingPeer(machine, shadow, shadow.records.readers, record);
  return agent === 0 ? undefined : { agent, deed: "reads" };
}

function racingAtomic(machine: Machine, shadow: Shadow, atomics: Peers, record: number): Conflict | undefined {
  const agent = racingPeer(machine, shadow, atomics, record);
  return agent === 0 ? undefined : { agent, deed: "atomically changes" };
}

function at(array: Int32Array, record: number): number {
  const value = array[record];
  if (value === undefined) throw new InternalError(`no shadow record ${record}`);
  return value;
}
