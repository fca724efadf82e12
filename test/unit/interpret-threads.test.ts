/** Faults between threads, races and divergence: found whatever the order of the threads, and only where they are. */

import { describe, expect, it } from "vitest";
import { add, bool, compare, dim, float, floatOp, int, intOp, logic, select } from "../../src/ir/kernel/build.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { faultKinds, faultTexts, onVector, run, runOn, vector } from "./interpret-runs.ts";
import {
  assign,
  barrier,
  block,
  constant,
  f,
  halving,
  loop,
  lt,
  read,
  readShared,
  store,
  storeRegister,
  storeShared,
  thread,
  variable,
  when,
} from "./kernel-ir-samples.ts";

const N = dim("N");
const one = float(1);
const zero = int(0);

describe("race", () => {
  const next = intOp("mod", add(thread(), int(1)), int(8));

  it("is found between threads of a block with no barrier between, whichever comes first", () => {
    const writeThenRead = onVector(8n, [storeShared("s", [thread()], one), constant("a", readShared("s", next))]);
    expect(faultTexts(runOn(writeThenRead))).toEqual([
      "uninitialised: reads s[1] before it is written",
      "race: writes s[1], which thread (0, 0, 0) reads with no barrier between",
      "race: reads s[0], which thread (0, 0, 0) writes with no barrier between",
    ]);
    const before = [storeShared("s", [thread()], one), barrier()];
    const readThenWrite = onVector(8n, [
      ...before,
      constant("a", readShared("s", next)),
      storeShared("s", [thread()], f("a")),
    ]);
    expect(faultKinds(runOn(readThenWrite))).toEqual(["race", "race"]);
  });

  it("names the other thread", () => {
    const outcome = runOn(onVector(8n, [store("y", [intOp("div", thread(), int(2))], one)]));
    expect(outcome.faults[0]).toMatchObject({ kind: "race", array: "y", thread: [1, 0, 0], otherThread: [0, 0, 0] });
  });

  it("is not found where a barrier stands between, on shared and on global memory", () => {
    const outcome = runOn(
      onVector(8n, [
        storeShared("s", [thread()], one),
        store("y", [thread()], one),
        barrier(),
        constant("a", floatOp("add", readShared("s", next), read("y", next))),
        barrier(),
        storeShared("s", [next], f("a")),
        store("y", [next], f("a")),
      ]),
    );
    expect(outcome).toEqual({ faults: [], complete: true });
  });

  it("is found across the back edge of a loop", () => {
    const body = (last: readonly Stmt[]): Kernel =>
      onVector(8n, [
        loop("k", zero, int(3), [
          storeShared("s", [thread()], one),
          barrier(),
          assign("sum", floatOp("add", f("sum"), readShared("s", next))),
          ...last,
        ]),
      ]);
    const declared = (kernel: Kernel): Kernel => ({ ...kernel, body: [variable("sum", one), ...kernel.body] });
    expect(faultKinds(runOn(declared(body([]))))).toEqual(["race"]);
    expect(runOn(declared(body([barrier()])))).toEqual({ faults: [], complete: true });
  });

  it("is found for equal values", () => {
    expect(faultKinds(runOn(onVector(2n, [store("y", [zero], one)])))).toEqual(["race"]);
  });

  it("is not found for two reads, nor for a thread with itself, nor for registers", () => {
    const outcome = runOn(
      onVector(2n, [
        constant("a", read("y", zero)),
        store("y", [add(thread(), int(1))], f("a")),
        store("y", [add(thread(), int(1))], one),
        storeRegister("r", [zero], read("y", add(thread(), int(1)))),
      ]),
    );
    // Thread 0 reads y[0] and writes y[1], thread 1 reads y[0] and writes y[2].
    expect(outcome).toEqual({ faults: [], complete: true });
  });

  it("is found by a writer among several readers, the writer being one of them", () => {
    const readers = [constant("a", read("y", zero)), when(compare("eq", thread(), zero), [store("y", [zero], one)])];
    // Thread by thread: 0 reads and writes, then 1 reads what 0 wrote.
    expect(faultKinds(runOn(onVector(4n, readers)))).toEqual(["race"]);
    const last = [constant("a", read("y", zero)), when(compare("eq", thread(), int(3)), [store("y", [zero], one)])];
    expect(faultKinds(runOn(onVector(4n, last)))).toEqual(["race"]);
  });

  it("is found by the first reader's write after other reads, where the block runs in step without a barrier", () => {
    const kernel = onVector(4n, [
      constant("a", read("y", zero)),
      // No thread takes the branch, so that its barrier orders nothing.
      when(lt(N, zero), [barrier()]),
      when(compare("eq", thread(), zero), [store("y", [zero], one)]),
    ]);
    expect(faultTexts(runOn(kernel))).toEqual([
      "race: writes y[0], which thread (1, 0, 0) reads with no barrier between",
    ]);
  });

  it("is found between blocks anywhere in the launch, in spite of barriers", () => {
    const blocks = { grid: [int(3), int(1), int(1)] as const };
    const written = runOn(onVector(1n, [store("y", [intOp("div", block(), int(2))], one), barrier()], blocks));
    expect(faultTexts(written)).toEqual([
      "race: writes y[0], which a thread of block (0, 0, 0) writes in the same launch",
    ]);
    expect(written.faults[0]).toMatchObject({ block: [1, 0, 0], otherBlock: [0, 0, 0] });
    const readBefore = [
      barrier(),
      constant("a", read("y", block())),
      barrier(),
      when(compare("eq", block(), int(2)), [barrier(), store("y", [zero], f("a"))]),
    ];
    const outcome = runOn(onVector(2n, readBefore, blocks));
    expect(outcome.faults.map(({ kind, otherBlock }) => [kind, otherBlock])).toContainEqual(["race", [0, 0, 0]]);
  });

  it("remembers a reader of an earlier block behind readers of the writer's own", () => {
    const kernel = onVector(
      1n,
      [
        constant("a", read("y", zero)),
        barrier(),
        constant("b", read("y", zero)),
        barrier(),
        when(compare("eq", block(), int(1)), [store("y", [zero], one)]),
      ],
      { grid: [int(2), int(1), int(1)] },
    );
    expect(faultTexts(runOn(kernel))).toEqual([
      "race: writes y[0], which a thread of block (0, 0, 0) reads in the same launch",
    ]);
  });

  it("is not found between blocks on shared memory, which each block has for itself", () => {
    const kernel = onVector(1n, [storeShared("s", [zero], one)], { grid: [int(3), int(1), int(1)] });
    expect(runOn(kernel)).toEqual({ faults: [], complete: true });
  });
});

describe("divergence", () => {
  const some = lt(thread(), int(5));

  it("is a barrier in a branch that some threads take, and ends the block", () => {
    const outcome = runOn(onVector(8n, [when(some, [barrier()]), store("y", [zero], one)]));
    expect(faultTexts(outcome)).toEqual([
      "divergence: reaches the barrier with 5 of 8 threads, without thread (5, 0, 0)",
    ]);
    expect(outcome.faults[0]).toMatchObject({ thread: [0, 0, 0], otherThread: [5, 0, 0] });
    expect(outcome.complete).toBe(false);
  });

  it("is a barrier in each of two branches", () => {
    expect(faultKinds(runOn(onVector(8n, [when(some, [barrier()], [barrier()])])))).toEqual(["divergence"]);
  });

  it("is a barrier in a loop that some threads have left", () => {
    const outcome = runOn(onVector(8n, [loop("k", zero, select(some, int(2), int(3)), [barrier()])]));
    expect(faultTexts(outcome)).toEqual([
      "divergence: reaches the barrier with 3 of 8 threads, without thread (0, 0, 0)",
    ]);
  });

  it("does not end other blocks", () => {
    const kernel = onVector(
      8n,
      [when(logic("or", some, compare("eq", block(), int(1))), [barrier(), store("y", [thread()], one)])],
      { grid: [int(2), int(1), int(1)] },
    );
    const y = vector(8);
    const outcome = run(kernel, { dims: { N: 8n }, tensors: { y: y.memory } });
    expect(faultKinds(outcome)).toEqual(["divergence"]);
    expect([...y.data]).toEqual(Array(8).fill(1));
  });

  it("is not a branch that all threads or none take, nor a branch without a barrier", () => {
    const outcome = runOn(
      onVector(8n, [
        when(bool(true), [barrier()]),
        when(lt(N, zero), [barrier()], [barrier()]),
        when(some, [constant("a", one)]),
        loop("k", zero, N, [barrier()]),
        loop("none", thread(), zero, [barrier()]),
        halving("h", 4n, [barrier()]),
      ]),
    );
    expect(outcome).toEqual({ faults: [], complete: true });
  });
});
