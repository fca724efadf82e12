/** What a run leaves behind, and what it is given: outputs that are written once, conditions on data, and ghosts. */

import { describe, expect, it } from "vitest";
import { add, compare, dim, float, ghost, int, intOp, logic, mul, not, scalar } from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import { denseTensor, type RunRequest, sparseTensor, type TensorMemory } from "../../src/ir/kernel/interpret.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { faultTexts, onVector, run, runOn, vector } from "./interpret-runs.ts";
import {
  and,
  assign,
  barrier,
  block,
  forall,
  i,
  kernelOf,
  loop,
  lt,
  read,
  readInt,
  scalarParam,
  store,
  tensor,
  thread,
  variable,
  when,
} from "./kernel-ir-samples.ts";

const N = dim("N");
const one = float(1);
const zero = int(0);

describe("an output element", () => {
  const writing = (body: readonly Stmt[], threads = 4n): Kernel =>
    kernelOf({
      params: [tensor("y", "output", [N])],
      dims: ["N"],
      grid: [intOp("div", add(N, int(3)), int(4)), int(1), int(1)],
      block: [threads, 1n, 1n],
      body,
    });
  const own = add(mul(block(), int(4)), thread());
  const runWriting = (kernel: Kernel, size: number, more = {}): readonly string[] =>
    faultTexts(run(kernel, { dims: { N: BigInt(size) }, tensors: { y: vector(size).memory }, ...more }));
  const guarded = writing([when(lt(own, N), [store("y", [own], one)])]);

  it("that nobody writes is uncovered when the run ends: the first one of each output", () => {
    expect(runWriting(guarded, 7)).toEqual([]);
    const gaps = writing([when(lt(own, intOp("sub", N, int(2))), [store("y", [own], one)])]);
    expect(runWriting(gaps, 7)).toEqual(["uncovered: leaves y[5] unwritten"]);
  });

  it("is uncovered too where the grid is empty, unless there is none", () => {
    const empty = { ...guarded, grid: [zero, int(1), int(1)] as const };
    expect(runWriting(empty, 3)).toEqual(["uncovered: leaves y[0] unwritten"]);
    expect(runWriting(empty, 0)).toEqual([]);
  });

  it("is not missed in a run that is restricted, cut short or unchecked", () => {
    expect(runWriting(guarded, 7, { blocks: [[0, 0, 0]] })).toEqual([]);
    expect(runWriting(guarded, 7, { maxSteps: 5 })).toEqual([]);
    expect(runWriting(writing([]), 7, { checks: false })).toEqual([]);
  });

  it("that two threads write is a fault, whatever barriers lie between, and names both", () => {
    const twice = writing([
      when(lt(own, N), [store("y", [own], one)]),
      barrier(),
      when(compare("eq", own, zero), [store("y", [int(1)], one)]),
    ]);
    const outcome = run(twice, { dims: { N: 4n }, tensors: { y: vector(4).memory } });
    expect(faultTexts(outcome)).toEqual([
      "twice: writes y[1] from thread (0, 0, 0) after thread (1, 0, 0) has written it",
    ]);
    expect(outcome.faults[0]).toMatchObject({ thread: [0, 0, 0], otherThread: [1, 0, 0], otherBlock: [0, 0, 0] });
    expect(outcome.faults[0]?.index).toEqual([1]);
    // In another block it is a race as well.
    expect(runWriting(writing([store("y", [thread()], one)]), 8)).toEqual([
      "twice: writes y[0] from thread (0, 0, 0) after thread (0, 0, 0) of block (0, 0, 0) has written it",
      "race: writes y[0], which a thread of block (0, 0, 0) writes in the same launch",
      "uncovered: leaves y[4] unwritten",
    ]);
  });

  it("may be written again by its own thread, and an inout by any", () => {
    const again = [when(lt(own, N), [store("y", [own], one), store("y", [own], read("y", own))])];
    expect(runWriting(writing(again), 7)).toEqual([]);
    const shared = [store("y", [thread()], one), barrier(), store("y", [intOp("mod", add(thread(), int(1)), N)], one)];
    expect(runOn(onVector(4n, shared), 4).faults).toEqual([]);
  });
});

const le = (left: Expr, right: Expr): Expr => compare("le", left, right);
const eq = (left: Expr, right: Expr): Expr => compare("eq", left, right);
const integers = (...values: readonly number[]): TensorMemory => denseTensor([values.length], Int32Array.from(values));

/** ids is an input and p an inout of N integers. */
const onIds = (more: Partial<Kernel>): Kernel =>
  kernelOf({
    params: [tensor("ids", "input", [N], "i32"), tensor("p", "inout", [N], "i32"), scalarParam("k", "i32")],
    dims: ["N"],
    ...more,
  });
const runIds = (kernel: Kernel, ids: readonly number[], more: Partial<RunRequest> = {}): readonly string[] =>
  faultTexts(
    run(kernel, {
      dims: { N: BigInt(ids.length) },
      scalars: { k: 3 },
      tensors: { ids: integers(...ids), p: integers(...ids.map(() => 0)) },
      ...more,
    }),
  );

const below = forall({ t: N }, and(le(zero, readInt("ids", i("t"))), lt(readInt("ids", i("t")), scalar("k", "int"))));
const sorted = forall(
  { s: N, t: N },
  logic("or", not(le(i("s"), i("t"))), le(readInt("ids", i("s")), readInt("ids", i("t")))),
);

describe("a condition on data before the run", () => {
  it("stops a run that it forbids, and names the values that break it", () => {
    const kernel = onIds({ dataRequires: [below, sorted], body: [store("p", [zero], int(7))] });
    expect(runIds(kernel, [0, 1, 2])).toEqual([]);
    const p = Int32Array.of(0, 0, 0);
    const tensors = { ids: integers(1, 3, 0), p: denseTensor([3], p) };
    const outcome = run(kernel, { dims: { N: 3n }, scalars: { k: 3 }, tensors });
    expect(faultTexts(outcome)).toEqual([
      "requires: is given data that breaks requires(forall([N], (t) => 0 <= ids[t] && ids[t] < k)) at t = 1",
      "requires: is given data that breaks requires(forall([N, N], (s, t) => !(s <= t) || ids[s] <= ids[t])) at s = 0, t = 2",
    ]);
    expect(outcome.complete).toBe(false);
    expect([...p]).toEqual([0, 0, 0]);
  });

  it("is evaluated within the budget of the run, and its addresses are no integers of the machine", () => {
    const counted = (value: Expr): Kernel =>
      onIds({ dataRequires: [forall({}, eq(ghost("occurrences", { space: "global", name: "ids" }, [N, value]), N))] });
    const size = 2n ** 31n;
    const given: Partial<RunRequest> = {
      dims: { N: size },
      tensors: { ids: sparseTensor(() => 0), p: sparseTensor(() => 0) },
      width: 32,
      limits: { maxDim: size, maxElements: 2n * size },
      maxSteps: 1000,
    };
    expect(run(counted(zero), { scalars: { k: 3 }, ...given })).toEqual({ faults: [], complete: false });
    const last = onIds({ dataRequires: [forall({}, eq(readInt("ids", intOp("sub", N, int(1))), int(1)))] });
    expect(runIds(last, [], given)).toEqual([
      "requires: is given data that breaks requires(forall([], () => ids[N - 1] === 1))",
    ]);
  });

  it("holds where there is nothing that could break it, and may have no variables", () => {
    expect(runIds(onIds({ dataRequires: [below] }), [])).toEqual([]);
    const first = onIds({ dataRequires: [forall({}, eq(readInt("ids", zero), zero))] });
    expect(runIds(first, [0, 9])).toEqual([]);
    expect(runIds(first, [9, 0])).toEqual([
      "requires: is given data that breaks requires(forall([], () => ids[0] === 0))",
    ]);
  });

  it("has no value where it reads an element that is not there, but for what && and || leave out", () => {
    const next = readInt("ids", add(i("t"), int(1)));
    const rising = le(readInt("ids", i("t")), next);
    const kernel = onIds({ dataRequires: [forall({ t: N }, rising)] });
    const span = { file: "ids.ts", line: 3, column: 1, endLine: 3, endColumn: 9 };
    const placed = { ...kernel, dataRequires: kernel.dataRequires.map((condition) => ({ ...condition, span })) };
    const outcome = run(placed, {
      dims: { N: 2n },
      scalars: { k: 3 },
      tensors: { ids: integers(0, 1), p: integers(0, 0) },
    });
    expect(faultTexts(outcome)).toEqual(["bounds: reads ids[2] out of bounds (axis 0: index 2, length 2)"]);
    expect(outcome.faults[0]?.span).toEqual(span);
    const guard = logic("or", not(lt(add(i("t"), int(1)), N)), rising);
    expect(runIds(onIds({ dataRequires: [forall({ t: N }, guard)] }), [0, 1])).toEqual([]);
  });

  it("has no value where it divides by what is not positive", () => {
    const kernel = onIds({ dataRequires: [forall({ t: N }, eq(intOp("mod", int(6), readInt("ids", i("t"))), zero))] });
    expect(runIds(kernel, [3, 0])).toEqual(["division: divides by 0 in mod(6, ids[t])"]);
    const extent = onIds({ dataRequires: [forall({ t: intOp("div", N, scalar("k", "int")) }, lt(i("t"), N))] });
    expect(runIds(extent, [3, 0], { scalars: { k: 0 } })[0]).toContain(
      "breaks the extent div(N, k), which has no value",
    );
  });

  it("takes part in no race, is held to no width, and to the budget of steps", () => {
    const large = add(mul(readInt("ids", i("t")), int(2n ** 20n)), i("t"));
    const kernel = onIds({ dataRequires: [forall({ t: N }, lt(large, int(2n ** 50n)))] });
    expect(runIds(kernel, [2 ** 20], { width: 32 })).toEqual([]);
    const tensors = { ids: sparseTensor(() => 0), p: sparseTensor(() => 0) };
    const long = { dims: { N: 2n ** 30n }, scalars: { k: 3 }, tensors, maxSteps: 1000 };
    expect(run(onIds({ dataRequires: [below] }), long)).toEqual({ faults: [], complete: false });
    expect(runIds(onIds({ dataRequires: [below] }), [5], { checks: false })).toEqual([]);
  });
});

describe("a condition on data after the run", () => {
  const identity = forall({ t: N }, eq(readInt("p", i("t")), readInt("ids", i("t"))));
  const copying = (value: Expr): Kernel =>
    onIds({
      grid: [N, int(1), int(1)],
      ensures: [identity],
      body: [store("p", [block()], value)],
    });

  it("is checked at the end of the run", () => {
    expect(runIds(copying(readInt("ids", block())), [4, 5, 6])).toEqual([]);
    expect(runIds(copying(int(4)), [4, 5, 6])).toEqual([
      "ensures: leaves data that breaks ensures(forall([N], (t) => p[t] === ids[t])) at t = 1",
    ]);
  });

  it("says nothing of a run at fault, restricted, cut short or unchecked", () => {
    expect(runIds(copying(int(4)), [4, 5, 6], { blocks: [[0, 0, 0]] })).toEqual([]);
    expect(runIds(copying(int(4)), [4, 5, 6], { maxSteps: 2 })).toEqual([]);
    expect(runIds(copying(int(4)), [4, 5, 6], { checks: false })).toEqual([]);
    expect(runIds(copying(readInt("ids", add(block(), int(1)))), [4, 5])).toEqual([
      "bounds: reads ids[2] out of bounds (axis 0: index 2, length 2)",
    ]);
  });
});

describe("a ghost function", () => {
  const ids = { space: "global", name: "ids" } as const;
  const holding = (condition: Expr, values: readonly number[]): readonly string[] =>
    runIds(onIds({ dataRequires: [forall({}, condition)] }), values);

  it("sums the elements before a position", () => {
    const sum = (end: number): Expr => ghost("prefix-sum", ids, [int(end)]);
    for (const [end, expected] of [0, 5, 5, -2].entries())
      expect(holding(eq(sum(end), int(expected)), [5, 0, -7])).toEqual([]);
    expect(holding(eq(sum(2), int(6)), [5, 0, -7])).toHaveLength(1);
  });

  it("counts the occurrences of a value before a position", () => {
    const count = (end: number, value: number): Expr => ghost("occurrences", ids, [int(end), int(value)]);
    const values = [3, 1, 3, 3];
    for (const [end, expected] of [0, 1, 1, 2, 3].entries())
      expect(holding(eq(count(end, 3), int(expected)), values)).toEqual([]);
    expect(holding(eq(count(4, 2), zero), values)).toEqual([]);
    // Asked in descending order too: what has been seen does not count twice.
    const descending = and(eq(count(4, 3), int(3)), eq(count(1, 3), int(1)));
    expect(holding(descending, values)).toEqual([]);
    const both = forall(
      { t: N },
      le(ghost("occurrences", ids, [intOp("sub", N, i("t")), int(3)]), intOp("sub", N, i("t"))),
    );
    expect(runIds(onIds({ dataRequires: [both] }), values)).toEqual([]);
  });

  it("counts the elements below a value before a position", () => {
    const count = (end: number, value: number): Expr => ghost("below", ids, [int(end), int(value)]);
    const values = [3, -1, 3, 0];
    for (const [end, expected] of [0, 0, 1, 1, 2].entries())
      expect(holding(eq(count(end, 3), int(expected)), values)).toEqual([]);
    expect(holding(eq(count(4, 4), int(4)), values)).toEqual([]);
    expect(holding(eq(count(4, -1), zero), values)).toEqual([]);
    expect(holding(eq(count(4, 3), int(3)), values)).toHaveLength(1);
  });

  it("has no value beyond the array's end", () => {
    expect(holding(eq(ghost("prefix-sum", ids, [int(4)]), zero), [1, 2, 3])).toEqual([
      "bounds: evaluates prefixSum(ids, 4) up to 4 of 3 elements",
    ]);
    expect(holding(eq(ghost("occurrences", ids, [int(-1), zero]), zero), [1])).toHaveLength(1);
  });

  it("stands in invariants, beside elements of inputs", () => {
    const counting = (expected: Expr, step: Expr): readonly string[] =>
      runIds(
        onIds({
          body: [
            variable("c", zero),
            loop("t", zero, N, [when(eq(readInt("ids", i("t")), int(3)), [assign("c", add(i("c"), step))])], {
              invariants: [eq(i("c"), expected)],
            }),
          ],
        }),
        [3, 1, 3],
      );
    expect(counting(ghost("occurrences", ids, [i("t"), int(3)]), int(1))).toEqual([]);
    expect(counting(ghost("occurrences", ids, [i("t"), int(3)]), int(2))).toEqual([
      "invariant: breaks the invariant c === occurrences(ids, t, 3) at t = 1",
    ]);
    // At the exit test the counter is N, where ids has no element.
    expect(counting(readInt("ids", i("t")), zero)).toEqual([
      "invariant: breaks the invariant c === ids[t] at t = 0",
      "bounds: reads ids[3] out of bounds (axis 0: index 3, length 3)",
    ]);
  });
});
