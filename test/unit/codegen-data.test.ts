/** Conditions on data: the check kernel is proved, and the launcher refuses what breaks a condition, with its first index. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeAbi } from "../../src/compiler/codegen/abi.ts";
import { STATUSES } from "../../src/compiler/codegen/abi-constants.ts";
import { emitCpu, emitKernelCpu } from "../../src/compiler/codegen/cpu.ts";
import { emitHeader } from "../../src/compiler/codegen/header.ts";
import type { Discharged, LibrarySpec } from "../../src/compiler/codegen/library.ts";
import { dataCheck, formatCondition } from "../../src/compiler/data-check.ts";
import { checkKernel } from "../../src/ir/kernel/check.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { type KernelReport, verifyKernels } from "../../src/verify/verify.ts";
import { proved } from "./codegen-ir.ts";
import { linear } from "./codegen-kernels.ts";
import { inPlace, sorted, sorting } from "./codegen-kernels-data.ts";
import { build, int, type Library, type TypedArray, tensor, workspace } from "./codegen-library.ts";

const check = dataCheck(sorted);
if (check === undefined) throw new Error("no check kernel");

const TEXTS = sorted.dataRequires.map(formatCondition);
const kernels = [sorted, check.kernel, inPlace].map((kernel) => proved(kernel, [64]));
const spec = (plan: Partial<Discharged> = {}): LibrarySpec => ({ name: "data", kernels, plans: [sorting], ...plan });

/** Conditions 0 to 3 mention nothing that the plan makes; 4 and 5 read `position`. */
const allDischarged: Discharged = new Map([
  ["copy", new Map(TEXTS.map((_, ordinal): [number, string] => [ordinal, "positions"]))],
]);

let library: Library;
let trusting: Library;
let report: KernelReport | undefined;

beforeAll(async () => {
  library = build(emitCpu(spec()), ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"]);
  trusting = build(emitCpu({ ...spec(), discharged: new Map([["sorting", allDischarged]]) }));
  const pool = new SolverPool({ processes: 1 });
  try {
    [report] = await verifyKernels([check.kernel], openSession(pool));
  } finally {
    pool.close();
  }
});
afterAll(() => {
  library.close();
  trusting.close();
});

interface Data {
  readonly ids: readonly number[];
  readonly counts: readonly (number | bigint)[];
  readonly offsets: readonly number[];
  readonly position: readonly number[];
}

/** Five tokens, sorted by expert. */
const right: Data = {
  ids: [2, 0, 2, 1, 0],
  counts: [2, 1, 2],
  offsets: [0, 2, 3, 5],
  position: [3, 0, 4, 2, 1],
};

function call(data: Data, of: Library = library): { readonly status: string | undefined; readonly message: string } {
  const { ids, counts, offsets, position } = data;
  const [T, E] = [ids.length, counts.length];
  const x = Float32Array.from(ids, (_, i) => i + 0.5);
  const y = new Float32Array(T).fill(-1);
  const tensors: readonly TypedArray[] = [
    x,
    Int32Array.from(ids),
    BigInt64Array.from(counts, BigInt),
    Int32Array.from(offsets),
    Int32Array.from(position),
    y,
  ];
  const answer = of.call("sorted", [...tensors.map(tensor), int(T), int(E)]);
  expect(y).toEqual(answer.status === 0 ? x : new Float32Array(T).fill(-1));
  return { status: STATUSES[answer.status]?.name, message: answer.message };
}

describe("the check kernel", () => {
  it("is proved as any kernel, so that it may run on whatever data there is", () => {
    expect(report?.obligations.filter(({ verdict }) => verdict !== "proved").map(({ id }) => id)).toEqual([]);
    expect(report?.certificate).toBeDefined();
  });

  it("is well-formed, and there is none for a kernel without such conditions", () => {
    expect(checkKernel(check.kernel)).toEqual([]);
    expect(dataCheck(linear)).toBeUndefined();
    expect(dataCheck(check.kernel)).toBeUndefined();
  });

  it("only reads what it checks, whatever the kernel does with it", () => {
    const roles = check.kernel.params.flatMap((param) => (param.kind === "tensor" ? [[param.name, param.role]] : []));
    expect(roles).toEqual([
      ["ids", "input"],
      ["counts", "input"],
      ["offsets", "input"],
      ["position", "input"],
      ["first_broken", "inout"],
    ]);
  });

  it("gives its own names way to those of the kernel", () => {
    const taken = { ...sorted, dims: ["T", "E", "value", "sum", "first_broken"] };
    const clash = dataCheck(taken);
    expect(clash?.findings).toBe("first_broken_2");
    if (clash !== undefined) expect(checkKernel(clash.kernel)).toEqual([]);
  });
});

describe("a launcher with conditions on data", () => {
  it("launches where all of them hold, and where there is nothing to hold", () => {
    expect(call(right)).toEqual({ status: "TOK_OK", message: "" });
    expect(call({ ids: [], counts: [], offsets: [0], position: [] }).status).toBe("TOK_OK");
  });

  it.each([
    ["an id below the range", { ids: [2, 0, -1, 1, 0] }, 0, "t = 2"],
    ["an id at the end of the range", { ids: [2, 0, 2, 1, 3] }, 0, "t = 4"],
    ["ids as wrong as can be, in two places", { ids: [2, 2 ** 31 - 1, 2, 1, -(2 ** 31)] }, 0, "t = 1"],
    ["an offset that does not start at 0", { offsets: [1, 2, 3, 5] }, 1, undefined],
    ["offsets that fall", { offsets: [0, 3, 2, 5] }, 2, "e = 1"],
    ["an offset that is not the sum of the counts", { offsets: [0, 2, 4, 5] }, 3, "e = 2"],
    ["counts that are not the offsets'", { counts: [2, 1, 3] }, 3, "e = 3"],
    ["counts whose sum no 64 bits hold", { counts: [2, 2n ** 63n - 1n, -(2n ** 63n)] }, 3, "e = 2"],
    ["counts that wrap around to the offsets", { counts: [2, 2n ** 63n - 1n, 2n ** 63n - 1n] }, 3, "e = 2"],
    ["a position that is another token's", { position: [3, 0, 3, 2, 1] }, 4, "t = 2"],
    ["a position beyond the tokens", { position: [3, 0, 4, 2, 5] }, 4, "t = 4"],
  ] as const)("refuses %s, and computes nothing", (_, change, ordinal, index) => {
    const where = index === undefined ? "" : ` at ${index}`;
    expect(call({ ...right, ...change })).toEqual({
      status: "TOK_REQUIRES",
      message: `sorted: requires ${TEXTS[ordinal]}, which does not hold${where}`,
    });
  });

  it("looks at the contents after everything else", () => {
    const { status, message } = call({ ...right, ids: [9, 9, 9, 9, 9], counts: [2, 1] });
    expect([status, message.startsWith("sorted: offsets has 16 bytes")]).toEqual(["TOK_BYTES", true]);
  });

  it("says so in the header, the description and the comment", () => {
    const text = emitHeader(spec()).text.replaceAll("\n// ", " ");
    expect(text).toContain("Prepares, checks what is required of the contents of tensors, waiting for the stream");
    expect(text).toContain("is up to the caller, who runs sorted_check.");
    expect(text).toContain("unless it breaks a condition on data that an earlier launch makes");
    expect(describeAbi(spec()).kernels[0]?.check).toEqual({
      kernel: "sorted_check",
      findings: "first_broken",
      conditions: TEXTS,
    });
    expect(emitKernelCpu(proved(sorted))).toContain("//   requires forall([T], (t) => 0 <= ids[t] && ids[t] < E)\n");
  });

  it("is not made without its check kernel, or with another of that name", () => {
    const without = { ...spec(), kernels: [proved(sorted), proved(inPlace)] };
    expect(() => emitCpu(without)).toThrow(/the library has no sorted_check/);
    const weaker = { ...check.kernel, body: check.kernel.body.slice(0, 1) };
    expect(printKernel(weaker)).not.toBe(printKernel(check.kernel));
    const altered = { ...spec(), kernels: [proved(sorted), proved(weaker), proved(inPlace)] };
    expect(() => emitCpu(altered)).toThrow(/the library has no sorted_check/);
  });
});

describe("a program with conditions on data", () => {
  const T = 4;
  const run = (of: Library, ids: readonly number[]) => {
    const first = new Int32Array(T).fill(-1);
    const y = new Float32Array(T).fill(-1);
    const inputs = [Float32Array.of(1, 2, 3, 4), Int32Array.from(ids), BigInt64Array.of(3n, 1n)];
    const tensors = [...inputs, Int32Array.of(0, 3, 4), first, y].map(tensor);
    const room = workspace(Number(of.workspace("sorting", T, 2)));
    const { status, message } = of.call("sorting", [...tensors, room, int(T), int(2)]);
    return { status: STATUSES[status]?.name, message, first: [...first], y: [...y] };
  };

  it("runs where all of them hold", () => {
    expect(run(library, [0, 0, 0, 1])).toEqual({ status: "TOK_OK", message: "", first: [0, 1, 2, 3], y: [1, 2, 3, 4] });
  });

  it("checks what the caller passes before anything runs", () => {
    const { status, message, first, y } = run(library, [0, 0, 2, 1]);
    expect({ status, message }).toEqual({
      status: "TOK_REQUIRES",
      message: `sorting at copy: sorted: requires ${TEXTS[0]}, which does not hold at t = 2`,
    });
    expect([...first, ...y]).toEqual(new Array(2 * T).fill(-1));
  });

  it("checks what a launch makes once it is made, and stops there", () => {
    const { status, message, first, y } = run(library, [0, 1, 0, 0]);
    expect({ status, message }).toEqual({
      status: "TOK_REQUIRES",
      message: `sorting at copy: sorted: requires ${TEXTS[4]}, which does not hold at t = 1`,
    });
    expect(first).toEqual([0, 1, 2, 3]);
    expect(y).toEqual(new Array(T).fill(-1));
  });

  it("leaves out what its producers prove", () => {
    expect(run(trusting, [0, 1, 7, 0])).toMatchObject({ status: "TOK_OK", y: [1, 2, 3, 4] });
    const text = (plan: LibrarySpec): string => emitCpu(plan)[0]?.text ?? "";
    expect(text(spec())).toContain("sorted_data(call, {0, 1, 2, 3}, stream)");
    expect(text(spec())).toContain("sorted_data(call, {4, 5}, stream)");
    expect(text({ ...spec(), discharged: new Map([["sorting", allDischarged]]) })).not.toContain("sorted_data(call");
    const some: Discharged = new Map([
      [
        "copy",
        new Map([
          [4, "positions"],
          [1, "first"],
        ]),
      ],
    ]);
    const partly = text({ ...spec(), discharged: new Map([["sorting", some]]) });
    expect(partly).toContain("sorted_data(call, {0, 2, 3}, stream)");
    expect(partly).toContain("sorted_data(call, {5}, stream)");
  });
});
