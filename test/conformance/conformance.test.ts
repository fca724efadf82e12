/**
 * Conformance: the one case table on the interpreter, the CPU build and the sanitized CPU build.
 *
 * The expected values are those of the claim in float64, with bounds that hold for any order of summation. The GPU code
 * is built from the same IR by the same generator; `emulator.test.ts` executes it.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheDirectory } from "../../src/compiler/build/cache-folder.ts";
import { buildCpu } from "../../src/compiler/build/compile.ts";
import { findToolchain, INSTALL, type Toolchain } from "../../src/compiler/build/toolchain.ts";
import { isFloat } from "../../src/ir/kernel/elements.ts";
import { denseTensor, interpretKernel } from "../../src/ir/kernel/interpret.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { callCase, caseData, disagreement, expectedOutputs, faultOfCall, tensorsOf, UNWRITTEN } from "./case-run.ts";
import { CASES, type Case, caseName, VECTOR_CASES } from "./cases.ts";
import { readReport, runChild } from "./child-report.ts";
import { buildInto, type ProvedSources, proveKernels, unwrap } from "./library.ts";
import { describeRefusals } from "./refusals.ts";
import { lacksUnit, MISSING } from "./vector-units.ts";

const TABLE = [...CASES, ...VECTOR_CASES];
const KERNELS = [...new Set(TABLE.map(({ kernel }) => kernel))];
/** What this CPU can run of it. */
const RUN = TABLE.filter(({ kernel }) => !lacksUnit(kernel));
const folder = mkdtempSync(join(tmpdir(), "tokitai-conformance-"));
const built = { plain: join(folder, "plain"), sanitized: join(folder, "sanitized") };
const toolchain: Toolchain = await findToolchain(process.env);

let proved: ProvedSources;
let library: CpuLibrary;

beforeAll(async () => {
  proved = await proveKernels();
  await buildInto(built.plain, proved, toolchain, false);
  library = unwrap(openCpuLibrary(built.plain));
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * What `routing.test.ts` runs, kernels with index tensors and those that pack weights, and what `adamw.test.ts` does: those in place or
 * of no size.
 */
const isElsewhere = ({ params, dims, computes }: Kernel): boolean =>
  dims.length === 0 ||
  computes?.endsWith("pack_panels") === true ||
  params.some((param) => param.kind === "tensor" && (!isFloat(param.element) || param.role === "inout"));
/** The size of the first dimension. */
const rowsOf = ({ dims }: Case): number | undefined => Object.values(dims)[0];
const casesOf = (kernel: string): readonly Case[] => TABLE.filter((one) => one.kernel === kernel);

const NO_UNIT = `this CPU lacks ${MISSING.join(" and ")}`;

describe("the case table", () => {
  it("has every kernel of kernels/ that claims an operation of floats and writes outputs of some size, and no other", () => {
    const claiming = proved.sources.kernels.filter((kernel) => kernel.computes !== undefined && !isElsewhere(kernel));
    expect([...KERNELS].sort()).toEqual(claiming.map(({ name }) => name).sort());
  });

  it("has a case with no rows, an interpreted case with data, and NaN for every kernel", () => {
    for (const kernel of KERNELS) {
      const cases = casesOf(kernel);
      expect(
        cases.some((one) => rowsOf(one) === 0),
        kernel,
      ).toBe(true);
      expect(
        cases.some((one) => one.interpreted && rowsOf(one) !== 0),
        kernel,
      ).toBe(true);
      expect(
        cases.some(({ fill }) => fill === "nan" || fill === "masked"),
        kernel,
      ).toBe(true);
    }
  });

  it("has no case twice", () => {
    expect(new Set(TABLE.map(caseName)).size).toBe(TABLE.length);
  });

  it("has a bound that a result can miss in most cases", () => {
    const bounds = CASES.flatMap((one) => {
      const tensors = tensorsOf(library.abi, one);
      const claim = proved.sources.kernels.find(({ name }) => name === one.kernel)?.computes;
      return expectedOutputs(claim, one, tensors, caseData(one, tensors)).flatMap(({ bound }) => [...bound]);
    });
    const promised = bounds.filter((bound) => bound !== Number.POSITIVE_INFINITY).length;
    expect(promised / bounds.length).toBeGreaterThan(0.9);
  });

  it.for(KERNELS)("would show %s to be wrong by one element, and by one that nobody writes", (name, { skip }) => {
    skip(lacksUnit(name), NO_UNIT);
    const one = casesOf(name).find(({ dims, fill }) => fill === "plain" && !Object.values(dims).includes(0));
    if (one === undefined) throw new Error(`${name} has no plain case`);
    const data = callCase(library, one);
    expect(faultOfCall(library, one, data)).toBeUndefined();
    const tensors = tensorsOf(library.abi, one);
    const output = data.get(tensors.find(({ role }) => role === "output")?.name ?? "");
    const claim = proved.sources.kernels.find((kernel) => kernel.name === name)?.computes;
    const [expected] = expectedOutputs(claim, one, tensors, data);
    if (output === undefined || expected === undefined) throw new Error(`${name} has no output`);
    const last = output.length - 1;
    const [value, bound] = [expected.values[last] ?? 0, expected.bound[last] ?? 0];
    output[last] = value + 4 * bound + 2 ** -20 * (1 + Math.abs(value));
    expect(faultOfCall(library, one, data)).toContain(`is ${output[last]}, not ${value}`);
    output[last] = UNWRITTEN;
    expect(faultOfCall(library, one, data)).toContain("was not written");
  });
});

describe("the interpreter", () => {
  it.each(KERNELS)("runs %s as claimed, without faults, at both index widths", (name) => {
    const kernel = proved.sources.kernels.find((candidate) => candidate.name === name);
    if (kernel === undefined) throw new Error(`no kernel ${name}`);
    const wrong = casesOf(name)
      .filter(({ interpreted }) => interpreted)
      .flatMap((one, position) => {
        const tensors = tensorsOf(library.abi, one);
        const data = caseData(one, tensors);
        const { faults, complete } = interpretKernel({
          kernel,
          dims: Object.fromEntries(Object.entries(one.dims).map(([dim, size]) => [dim, BigInt(size)])),
          scalars: { ...one.attributes },
          tensors: Object.fromEntries(
            tensors.map(({ name: tensor, shape }) => [
              tensor,
              denseTensor(shape, data.get(tensor) ?? new Float32Array(0)),
            ]),
          ),
          width: position % 2 === 0 ? 32 : 64,
        });
        const fault = faults.map(({ kind, message }) => `${caseName(one)}: ${kind}: ${message}`);
        const incomplete = complete ? [] : [`${caseName(one)}: did not end`];
        const expected = expectedOutputs(kernel.computes, one, tensors, data);
        return [
          ...fault,
          ...incomplete,
          ...(fault.length > 0 ? [] : [disagreement(one, tensors, data, expected) ?? []].flat()),
        ];
      });
    expect(wrong).toEqual([]);
  });
});

describe("the CPU build", () => {
  it.for(KERNELS)("runs %s as claimed", (name, { skip }) => {
    skip(lacksUnit(name), NO_UNIT);
    expect(casesOf(name).flatMap((one) => faultOfCall(library, one, callCase(library, one)) ?? [])).toEqual([]);
  });

  it("gives the same bits with 1, 2 and 5 threads", async () => {
    const runs = [];
    for (const threads of ["1", "2", "5"]) {
      runs.push(
        readReport(await runChild("child.ts", [built.plain], { OMP_NUM_THREADS: threads, OMP_DYNAMIC: "false" })),
      );
    }
    for (const { cases, faults } of runs) expect({ cases, faults }).toEqual({ cases: RUN.length, faults: [] });
    expect(new Set(runs.map(({ outputs }) => outputs)).size).toBe(1);
  });

  describeRefusals(() => library);
});

const OVERRUN = `#include <cstdint>
extern "C" __attribute__((visibility("default"))) float sum(const float* x, int32_t count) {
  float total = 0;
  for (int32_t i = 0; i < count; ++i) total += x[i];
  return total;
}
extern "C" __attribute__((visibility("default"))) float overflow(const float* x, int32_t count) {
  return x[0] + static_cast<float>(count + 2147483647);
}
`;

const sanitizer = toolchain.cxx?.sanitizer;
/** In continuous integration nothing is skipped: what is missing there is a failure. */
const skipped = sanitizer === undefined && process.env["CI"] === undefined;

describe("the sanitized CPU build", () => {
  const sanitized = (): Record<string, string> => {
    if (sanitizer === undefined) throw new Error(`the sanitizer's runtime is missing: ${INSTALL.cxx}`);
    return {
      LD_PRELOAD: sanitizer,
      ASAN_OPTIONS: "detect_leaks=0:halt_on_error=1:exitcode=99",
      UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
      OMP_NUM_THREADS: "2",
    };
  };

  it("would be seen to read one number too many, and to overflow an integer", async ({ skip }) => {
    skip(skipped, `the sanitizer's runtime is missing: ${INSTALL.cxx}`);
    const sources = [{ name: "overrun.cpp", text: OVERRUN }];
    const { path } = unwrap(await buildCpu({ toolchain, cache: cacheDirectory(process.env), sources, sanitize: true }));
    const run = (name: string, count: number) => runChild("overrun-child.ts", [path, name, `${count}`], sanitized());
    expect(await run("sum", 4)).toMatchObject({ kind: "exited", code: 0, stdout: "0\n" });
    const overrun = await run("sum", 5);
    expect(overrun.code).not.toBe(0);
    expect(overrun.stderr).toContain("heap-buffer-overflow");
    const overflow = await run("overflow", 1);
    expect(overflow.code).not.toBe(0);
    expect(overflow.stderr).toContain("signed integer overflow");
  });

  it("runs the whole table as claimed, with no report", async ({ skip }) => {
    skip(skipped, `the sanitizer's runtime is missing: ${INSTALL.cxx}`);
    await buildInto(built.sanitized, proved, toolchain, true);
    const run = await runChild("child.ts", [built.sanitized], sanitized());
    expect(run.stderr).toBe("");
    const { cases, faults } = readReport(run);
    expect({ cases, faults }).toEqual({ cases: RUN.length, faults: [] });
  });
});
