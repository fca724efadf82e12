/** Equivalence on whole kernels: wrong ones refuted with a replayed witness, right ones proved, the rest left open. */

import { describe, expect, it } from "vitest";
import { checkEquivalence, type OutputVerdict } from "../../src/verify/equivalence/equivalence.ts";
import { runRecord } from "../../src/verify/replay-record.ts";
import { kernelsFrom } from "../kernel-source.ts";
import { OPEN } from "./equivalence-open.ts";
import { RIGHT } from "./equivalence-right.ts";
import { kernelsOf } from "./equivalence-sources.ts";
import { WRONG } from "./equivalence-wrong.ts";

/** The verdict on the kernel's only output. */
function only(verdicts: readonly OutputVerdict[]): OutputVerdict {
  const [verdict] = verdicts;
  if (verdict === undefined || verdicts.length !== 1) throw new Error(`${verdicts.length} outputs`);
  return verdict;
}

const namesOf = <Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] => {
  const isName = (name: string): name is Name => Object.hasOwn(table, name);
  return Object.keys(table).filter(isName);
};

describe("a kernel that computes something else", () => {
  const kernelOf = kernelsOf(WRONG);
  it.each(namesOf(WRONG))("is refuted: %s", (name) => {
    const kernel = kernelOf(name);
    const { verdict, witness } = only(checkEquivalence(kernel).verdicts);
    expect(verdict).toBe("refuted");
    expect(witness?.text).toContain(WRONG[name].says);
    const [, element = ""] = /; (\w+(?:\[\d+\])+) is /.exec(witness?.text ?? "") ?? [];
    expect(witness?.replayed.startsWith(`the interpreter computes ${element} = `)).toBe(true);
    expect(witness?.replayed).toContain(`, where ${WRONG[name].claim} gives `);
    // The record alone shows it again.
    const replay = witness?.replay;
    const faults = replay === undefined ? [] : runRecord(kernel, replay).faults;
    expect(faults.map(({ message }) => `the interpreter ${message}`)).toContain(witness?.replayed);
  });
});

describe("a kernel that computes the same in another way", () => {
  const kernelOf = kernelsOf(RIGHT);
  it.each(namesOf(RIGHT))("is proved: %s", (name) => {
    expect(only(checkEquivalence(kernelOf(name)).verdicts)).toMatchObject({ verdict: "proved" });
  });
});

describe("a kernel that cannot be followed", () => {
  const kernelOf = kernelsOf(OPEN);
  it.each(namesOf(OPEN))("is left open: %s", (name) => {
    const { verdict, reason } = only(checkEquivalence(kernelOf(name)).verdicts);
    expect(verdict).toBe("unknown");
    expect(reason).toContain(OPEN[name].reason);
  });
});

describe("the shapes at which a kernel is proved", () => {
  it("are those at which something was compared", () => {
    const kernel =
      kernelsFrom(`import { block, f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";
export const third_row = kernel(
  { x: input(f32, ["R", "N"]), source: input(i32, ["T"]), y: output(f32, ["T", "N"]) },
  { computes: "gather_rows", grid: ({ T, N }) => [T, N], block: [1] },
  ({ x, source, y }, { R, T }) => {
    requires(T > 0);
    requires(forall([T], (t) => source[t] === 2 && source[t] < R));
    y[block.x][block.y + thread.x] = x[source[block.x]][block.y];
  },
);`).get("third_row");
    if (kernel === undefined) throw new Error("no kernel");
    // With fewer rows there is no third one, so that nothing meets the contract.
    expect(only(checkEquivalence(kernel).verdicts)).toMatchObject({
      verdict: "proved",
      shapes: "R ∈ {3}, N ∈ {0, 1, 2, 3}, T ∈ {1, 2, 3}",
    });
  });
});
