/** The mutation operators: what each does to a kernel, and that all of it is well-formed and different. */

import { describe, expect, it } from "vitest";
import { add, call, compare, dim, float, int, intOp, logic, select, sub } from "../../src/ir/kernel/build.ts";
import { checkKernel } from "../../src/ir/kernel/check.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import {
  and,
  array,
  assign,
  atomic,
  barrier,
  block,
  constant,
  f,
  forall,
  halving,
  i,
  kernelOf,
  loop,
  lt,
  read,
  readInt,
  readShared,
  rowMean,
  store,
  storeShared,
  tensor,
  thread,
  tiledMatmul,
  variable,
  vectorOf,
  when,
} from "../unit/kernel-ir-samples.ts";
import { type Mutant, mutantsOf, OPERATOR_NAMES, SIZE_OPERATOR } from "./mutants.ts";

const [N, M] = [dim("N"), dim("M")];
const zero = int(0);

/** Something for every operator; what it computes means nothing. */
const everything: Kernel = kernelOf({
  name: "everything",
  params: [
    tensor("x", "input", [N, int(64)]),
    tensor("ids", "input", [N], "i32"),
    tensor("counts", "inout", [M], "i32"),
    tensor("y", "output", [N]),
  ],
  dims: ["N", "M"],
  requires: [and(lt(zero, N), lt(zero, M)), compare("eq", intOp("mod", N, int(4)), zero)],
  dataRequires: [forall({ t: N }, and(compare("le", zero, readInt("ids", i("t"))), lt(readInt("ids", i("t")), M)))],
  ensures: [forall({ e: M }, compare("le", zero, readInt("counts", i("e"))))],
  grid: [N, int(1), int(1)],
  block: [64n, 1n, 1n],
  arrays: [array("shared", "s", [64n]), array("register", "v", [4n])],
  body: [
    constant("n", add(block(), int(0))),
    variable("acc", float(0)),
    loop("k", thread(), int(64), [assign("acc", call("fma", [f("acc"), read("x", i("n"), i("k")), f("acc")]))], {
      step: 64n,
    }),
    storeShared("s", [thread()], call("max", [f("acc"), read("x", i("n"), thread())])),
    barrier("wave"),
    barrier(),
    halving("h", 32n, [
      when(lt(thread(), i("h")), [storeShared("s", [thread()], readShared("s", add(thread(), i("h"))))]),
      barrier(),
    ]),
    when(
      compare("eq", thread(), zero),
      [store("y", [i("n")], select(lt(i("n"), sub(N, int(1))), f("acc"), readShared("s", zero)))],
      [atomic("add", "global", "counts", [readInt("ids", i("n"))], int(1))],
    ),
    when(logic("and", lt(thread(), int(2)), compare("ge", thread(), int(1))), [
      vectorOf("load", "v", 4n, "global", "x", [i("n"), intOp("mul", thread(), int(4))]),
    ]),
  ],
});

const named = (mutants: readonly Mutant[], operator: string): readonly string[] =>
  mutants.filter((mutant) => mutant.operator === operator).map(({ description }) => description);

describe("the mutants of a kernel", () => {
  it.each([everything, tiledMatmul(16), rowMean(64n)])(
    "$name: are well-formed, and differ from it and each other",
    (kernel) => {
      expect(checkKernel(kernel)).toEqual([]);
      const mutants = mutantsOf(kernel);
      const texts = mutants.flatMap((mutant) => (mutant.weakened === undefined ? [printKernel(mutant.kernel)] : []));
      expect(new Set([...texts, printKernel(kernel)]).size).toBe(texts.length + 1);
      expect(mutants.flatMap((mutant) => checkKernel(mutant.kernel))).toEqual([]);
      expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
      expect(mutants.map(({ id }) => id)).toContain(`${kernel.name}/comparison#1`);
    },
  );

  it("come from every operator", () => {
    const mutants = [everything, tiledMatmul(16)].flatMap(mutantsOf);
    expect(new Set(mutants.map(({ operator }) => operator))).toEqual(new Set(OPERATOR_NAMES));
  });

  it("say what was done", () => {
    const mutants = mutantsOf(everything);
    expect(named(mutants, "requires-dropped")).toEqual([
      "requires(0 < N && 0 < M) is dropped",
      "requires(0 < N) is dropped",
      "requires(0 < M) is dropped",
      "requires(mod(N, 4) === 0) is dropped",
      "of requires(forall(…)) the condition 0 <= ids[t] && ids[t] < M is dropped",
      "of requires(forall(…)) the condition 0 <= ids[t] is dropped",
      "of requires(forall(…)) the condition ids[t] < M is dropped",
    ]);
    expect(named(mutants, "level-dropped")).toEqual([
      "h in 32, 16, 8, 4, 2, 1 becomes 16, 8, 4, 2, 1",
      "h in 32, 16, 8, 4, 2, 1 becomes 32, 16, 8, 4, 2",
    ]);
    expect(named(mutants, "bound-high")).toEqual([
      "the loop over k: 64 becomes 65",
      "the loop over k: 64 becomes 63",
      "the loop over k: 64 becomes 128",
      "the loop over k: 64 becomes 0",
    ]);
    expect(named(mutants, "array-smaller")).toEqual(["s of [64] becomes one of [63]"]);
    expect(named(mutants, "barrier-branched")).toHaveLength(3);
    expect(named(mutants, "barrier-dropped")).toHaveLength(2);
    expect(named(mutants, "wave-barrier-dropped")).toEqual(["the wave barrier is dropped"]);
    expect(named(mutants, "atomic-plain")).toEqual(["counts[ids[n]] is changed plainly"]);
    expect(named(mutants, "accumulator-start")).toEqual(["acc starts at f32(1) and not at f32(0)"]);
    expect(named(mutants, SIZE_OPERATOR)).toHaveLength(3);
  });

  it("change one place of a nested one", () => {
    const kernel = tiledMatmul(16);
    const lines = printKernel(kernel).split("\n");
    for (const mutant of mutantsOf(kernel)) {
      if (!["comparison", "index-plus-one", "plus-minus", "barrier-narrowed", "min-max"].includes(mutant.operator))
        continue;
      const changed = printKernel(mutant.kernel)
        .split("\n")
        .filter((line, at) => line !== lines[at]);
      expect(changed, mutant.id).toHaveLength(1);
    }
  });
});
