/** Kernels that differ in the formats of halves alone: one execution for all, and each is tried out with its own numbers. */

import { describe, expect, it } from "vitest";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { checkEquivalence } from "../../src/verify/equivalence/equivalence.ts";
import { equivalenceOf } from "../../src/verify/kinds/equivalence.ts";
import type { Session } from "../../src/verify/session.ts";
import { kernelsFrom } from "../kernel-source.ts";

const SESSION: Session = {
  solve: () => Promise.reject(new Error("equivalence asks no solver")),
  counted: (work) => work,
  cache: undefined,
  solverVersion: () => "none",
};

const SUM = "x[b][n] + bias[n]";
/** Times e^g/e^g with g = 0.00888·max(x, 0): beyond f32 at x = 10000 (88.8), which bf16 rounds to 9984 (88.66). */
const OVERFLOWING = `(${SUM}) * (exp(max(x[b][n], 0.0) * 0.00888) / exp(max(x[b][n], 0.0) * 0.00888))`;

function kernelOf(name: string, input: string, output: string, value: string): Kernel {
  const text = `import { bf16, block, exp, f16, f32, input, kernel, max, output } from "tokitai/dsl";
export const ${name} = kernel(
  { x: input(${input}, ["B", "N"]), bias: input(f32, ["N"]), y: output(${output}, ["B", "N"]) },
  { computes: "bias_add", grid: ({ B, N }) => [B, N], block: [1] },
  ({ x, bias, y }) => { const b = block.x; const n = block.y; y[b][n] = ${output}(${value}); });`;
  const kernel = kernelsFrom(text).get(name);
  if (kernel === undefined) throw new Error(`no kernel ${name}`);
  return kernel;
}

/** The verdict on each kernel's output, and whether the kernel was executed for it. */
async function verdicts(kernels: readonly Kernel[]): Promise<readonly string[]> {
  const equivalence = equivalenceOf(kernels, SESSION);
  const results = (await Promise.all(kernels.map(equivalence))).flat();
  return results.map(({ id, verdict, solverMs }) => `${id} ${verdict}${solverMs > 0 ? "" : ", as another"}`);
}

describe("kernels that differ in formats of halves", () => {
  it("are executed once, and keep their names and places", async () => {
    const kernels = [
      kernelOf("one", "f16", "f16", SUM),
      kernelOf("two", "bf16", "bf16", SUM),
      kernelOf("three", "bf16", "f16", SUM),
    ];
    expect(await verdicts(kernels)).toEqual([
      "one/equivalence/y#1 proved",
      "two/equivalence/y#1 proved, as another",
      "three/equivalence/y#1 proved, as another",
    ]);
    const [, second] = await Promise.all(kernels.map(equivalenceOf(kernels, SESSION)));
    expect(second?.[0]).toMatchObject({ kernel: "two", span: kernels[1]?.params[2]?.span });
  });

  it.each([
    ["in f32", kernelOf("other", "f32", "bf16", SUM)],
    ["with another sum", kernelOf("other", "bf16", "bf16", `${SUM} * 2.0`)],
  ])("are executed each where they differ in more: %s", async (_what, other) => {
    const [first, second] = await verdicts([kernelOf("one", "f16", "f16", SUM), other]);
    expect([first, second]).not.toContainEqual(expect.stringContaining("as another"));
  });

  it("are tried out each: what overflows in one format alone is refuted there alone, in any order", async () => {
    const half = kernelOf("half", "f16", "f16", OVERFLOWING);
    const brain = kernelOf("brain", "bf16", "bf16", OVERFLOWING);
    const expected = ["half/equivalence/y#1 refuted", "brain/equivalence/y#1 proved"];
    expect(await verdicts([half, brain])).toEqual(expected);
    expect(await verdicts([brain, half])).toEqual(expected.toReversed());
    expect(checkEquivalence(brain, [half]).alike).toEqual([false]);
    expect(checkEquivalence(half, [brain])).toMatchObject({ verdicts: [{ verdict: "refuted" }], alike: [false] });
  });

  it("share no refutation: each has its own counterexample", async () => {
    const wrong = ["f16", "bf16"].map((format) => kernelOf(`in_${format}`, format, format, `${SUM} * 2.0`));
    expect(await verdicts(wrong)).toEqual(["in_f16/equivalence/y#1 refuted", "in_bf16/equivalence/y#1 refuted"]);
  });
});
