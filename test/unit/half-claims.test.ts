/**
 * Claims of kernels on halves: real kernels with their floats in other formats are proved, wrong ones refuted, and f32 stays
 * where a claim names it.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type ElementType, isHalfElement } from "../../src/ir/kernel/elements.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { checkEquivalence } from "../../src/verify/equivalence/equivalence.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { collectClaims, verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

type Format = "f32" | "f16" | "bf16";

const KERNELS = join(import.meta.dirname, "../../kernels");
const pool = new SolverPool();
afterAll(() => pool.close());

/** The kernel of a file with these formats of its inputs and of its output, whose stores round to it. */
function withFormats(file: string, inputs: Format, output: Format, change = (text: string): string => text): Kernel {
  const text = readFileSync(join(KERNELS, file), "utf8")
    .replace("import {", "import { bf16, erf, f16, ")
    // What stands in another file of kernels/.
    .replace(/import \{ geluErf \} from "\.\/math\.ts";/, "const geluErf = (x: number) => 0.5 * x * (1.0 + erf(x));")
    .replace("0.5 * x * (1.0 + erf(x))", "0.5 * x * (1.0 + erf(x * 0.7071067811865476))")
    .replaceAll("input(f32,", `input(${inputs},`)
    .replaceAll("output(f32,", `output(${output},`)
    .replace(/performance: \{[^}]*\},/, "")
    .replace(/([yz](?:\[\w+\])+) = ([^;]+);/g, (_, element, value) =>
      isHalfElement(output) ? `${element} = ${output}(${value});` : `${element} = ${value};`,
    );
  const [kernel, another] = [...kernelsFrom(change(text)).values()];
  if (kernel === undefined || another !== undefined) throw new Error(`${file} has not one kernel`);
  return kernel;
}

const verdictOf = (kernel: Kernel) => checkEquivalence(kernel).verdicts.map(({ verdict }) => verdict);

describe("a kernel of halves", () => {
  const formats: readonly (readonly [Format, Format])[] = [
    ["bf16", "f32"],
    ["f16", "f16"],
    ["bf16", "f16"],
    ["f32", "bf16"],
  ];
  const dense = ["linear.ts", "linear-gelu.ts", "matmul.ts", "matmul-nn.ts", "matmul-tn.ts"];
  const files = [...dense, "grouped-linear.ts", "grouped-matmul-nn.ts", "grouped-matmul-tn.ts"];
  const cases = files.map((file, i) => [file, ...(formats[i % 4] ?? [])] as const);

  it.each(cases)("%s from %s to %s computes what it claims", (file, inputs = "f32", output = "f32") => {
    const kernel = withFormats(file, inputs, output);
    const elements = new Set(kernel.params.map(({ element }) => element));
    expect(elements.has(inputs) && elements.has(output)).toBe(true);
    expect(verdictOf(kernel)).toEqual(["proved"]);
  });

  it.each<readonly [string, string, string]>([
    ["linear.ts", "acc + bias[n]", "acc + bias[n] * 1.5"],
    ["matmul-tn.ts", "acc +=", "acc -="],
  ])("%s is refuted where it computes something else", (file, from, to) => {
    const kernel = withFormats(file, "bf16", "bf16", (text) => text.replace(from, to));
    const [verdict] = checkEquivalence(kernel).verdicts;
    expect(verdict?.verdict).toBe("refuted");
    expect(verdict?.witness?.replayed).toMatch(/^the interpreter computes [yz]\[\d+\]\[\d+\] = /);
  });

  it("is proved as a whole: linear from bf16 to bf16", { timeout: 300_000 }, async () => {
    const [report] = await verifyKernels([withFormats("linear.ts", "bf16", "bf16")], openSession(pool));
    expect(report?.obligations.filter(({ verdict }) => verdict !== "proved")).toEqual([]);
    expect(report?.certificate).toBeDefined();
  });
});

describe("elements that a claim does not take", () => {
  const k = kernelsFrom(`import { block, f32, input, kernel, output } from "tokitai/dsl";
export const k = kernel({ x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [1] }, ({ x, y }, { N }) => { y[block.x] = x[block.x]; });`).get("k");

  /** What is said of the elements where the kernel's x and y have these, and it claims that. */
  const saidOf = (computes: string, x: ElementType, y: ElementType): readonly string[] => {
    if (k === undefined) throw new Error("no kernel");
    const elements: Readonly<Record<string, ElementType>> = { x, y };
    const params = k.params.map((param) =>
      param.kind === "tensor" ? { ...param, element: elements[param.name] ?? "f32" } : param,
    );
    const { common } = collectClaims({ ...k, computes, params });
    return common.filter(({ statement }) => statement.includes(" holds ")).map((one) => `${one.statement}; ${one.fix}`);
  };

  it.each<readonly [string, ElementType, ElementType, string]>([
    ["row_squares", "i32", "f32", "x holds floats, as x in row_squares; declare it as f32, f16 or bf16"],
    ["loss_scale", "bf16", "f32", "x holds f32, as squares in loss_scale; declare it as f32"],
    ["adamw_half", "bf16", "f32", "x holds f16, as weight in adamw_half; declare it as f16"],
    ["expert_counts", "i32", "bf16", "y holds i32, as counts in expert_counts; declare it as i32"],
  ])("%s from %s to %s", (computes, x, y, expected) => {
    expect(saidOf(computes, x, y)).toContain(expected);
  });

  it.each<readonly [ElementType, ElementType]>([
    ["f32", "f32"],
    ["bf16", "f16"],
    ["f16", "bf16"],
  ])("are none from %s to %s where it takes floats", (x, y) => {
    expect(saidOf("row_squares", x, y)).toEqual([]);
  });
});
