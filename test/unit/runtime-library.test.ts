/** A built library as a caller has it: integer tensors in calls, conditions on data, and what the manifest says of them. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheDirectory } from "../../src/compiler/build/cache-folder.ts";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { compile, writeCompilation } from "../../src/compiler/compile.ts";
import { dataCheck, formatCondition } from "../../src/compiler/data-check.ts";
import type { Proof } from "../../src/compiler/prove.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import type { Result } from "../../src/support/result.ts";
import { proved } from "./codegen-ir.ts";
import { inPlace, sorted, sorting } from "./codegen-kernels-data.ts";
import { integers } from "./codegen-kernels-plain.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-runtime-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The author of the test vouches for its kernels; conditions 4 and 5 of the launch `copy` are said to be proved. */
function proofOf(kernels: readonly Kernel[]): Proof {
  return {
    kernels: kernels.map((kernel) => {
      const certificate = proved(kernel, [64]);
      return { kernel, obligations: certificate.obligations, widths: certificate.widths, certificate };
    }),
    programs: [
      {
        program: {
          name: sorting.name,
          dims: sorting.dims,
          inputs: [],
          weights: [],
          outputs: [],
          nodes: [],
          updates: [],
        },
        plan: sorting,
        obligations: [],
        discharged: new Map([
          [
            "copy",
            new Map([
              [4, "positions"],
              [5, "positions"],
            ]),
          ],
        ]),
      },
    ],
    solverVersion: "none",
  };
}

const kernels = [integers, sorted, inPlace, ...[dataCheck(sorted)?.kernel ?? []].flat()];
const request = {
  name: "runtime",
  lookup: () => undefined,
  targets: ["cpu"],
  architectures: [],
  emits: ["so", "manifest", "types"],
  toolchain: await findToolchain(process.env),
  cache: cacheDirectory(process.env),
} as const;

let library: CpuLibrary;

beforeAll(async () => {
  unwrap(await writeCompilation(folder, unwrap(await compile({ ...request, proof: proofOf(kernels) }))));
  library = unwrap(openCpuLibrary(folder));
});

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

describe("a call", () => {
  it("passes tensors of i32, u32 and i64, and scalars of both widths", () => {
    const x = Int32Array.of(-7, 5, 100);
    const [a, r, big] = [new Int32Array(3), new Uint32Array(3), BigInt64Array.of(2n ** 40n, -1n, 0n)];
    library.call("integers", { tensors: { x, a, r, big }, dims: { N: 3 }, scalars: { d: 4, offset: 2n ** 41n } });
    expect([...a]).toEqual([-2, 1, 24]);
    expect([...r]).toEqual([1, 0, 2]);
    expect([...big]).toEqual([2n ** 40n - 3n + 2n ** 41n, 3n + 2n ** 41n, 98n + 2n ** 41n]);
  });

  const tensors = () => ({
    x: Float32Array.of(1, 2, 3),
    ids: Int32Array.of(1, 0, 1),
    counts: BigInt64Array.of(1n, 2n),
    offsets: Int32Array.of(0, 1, 3),
    y: new Float32Array(3),
  });

  it("is refused where its data breaks a condition", () => {
    const position = Int32Array.of(1, 0, 2);
    const given = { ...tensors(), position };
    library.call("sorted", { tensors: given, dims: { T: 3, E: 2 } });
    expect([...given.y]).toEqual([1, 2, 3]);
    const wrong = { ...tensors(), ids: Int32Array.of(1, 2, 1), position };
    const call = (): void => library.call("sorted", { tensors: wrong, dims: { T: 3, E: 2 } });
    expect(call).toThrow(expect.objectContaining({ name: "LaunchError", status: "TOK_REQUIRES" }));
    expect(call).toThrow(/^sorted: requires forall\(\[T\], .*which does not hold at t = 1$/);
    expect([...wrong.y]).toEqual([0, 0, 0]);
  });

  it("of a program checks what nobody proved", () => {
    const first = new Int32Array(3);
    const given = { ...tensors(), first };
    library.call("sorting", { tensors: given, dims: { T: 3, E: 2 } });
    expect([...given.y, ...first]).toEqual([1, 2, 3, 0, 1, 2]);
    const wrong = { ...given, counts: BigInt64Array.of(2n, 1n) };
    expect(() => library.call("sorting", { tensors: wrong, dims: { T: 3, E: 2 } })).toThrow(
      /^sorting at copy: sorted: requires .*prefixSum\(counts, e\)\), which does not hold at e = 1$/,
    );
  });

  it("that is bound works on what its tensors hold by then, and not on memory that has gone", () => {
    const given = { ...tensors(), first: new Int32Array(3) };
    const run = library.bind("sorting", { tensors: given, dims: { T: 3, E: 2 } });
    run();
    expect([...given.y]).toEqual([1, 2, 3]);
    given.x.set([4, 5, 6]);
    // A larger call in between takes another arena.
    const many = 1_000;
    const larger = {
      x: new Float32Array(many),
      ids: Int32Array.from({ length: many }, (_, t) => t % 2),
      counts: BigInt64Array.of(500n, 500n),
      offsets: Int32Array.of(0, 500, 1_000),
      y: new Float32Array(many),
      first: new Int32Array(many),
    };
    library.call("sorting", { tensors: larger, dims: { T: many, E: 2 } });
    run();
    expect([...given.y]).toEqual([4, 5, 6]);
    given.counts.set([2n, 1n]);
    expect(run).toThrow(expect.objectContaining({ name: "LaunchError", status: "TOK_REQUIRES" }));
    structuredClone(given.x, { transfer: [given.x.buffer] });
    expect(run).toThrow(new TypeError("the memory of x of sorting has gone: bind again"));
  });

  it("of a function that the library lacks names what was meant", () => {
    const call = (name: string) => () => library.call(name, { tensors: {}, dims: {} });
    expect(call("sortd")).toThrow(new TypeError("the library runtime has no function sortd; did you mean sorted?"));
    expect(call("matmul")).toThrow(/has no function matmul; it has sorting, integers, sorted, in_place, sorted_check/);
  });
});

describe("the manifest", () => {
  const texts = sorted.dataRequires.map(formatCondition);

  it("lists each condition of a kernel as checked at launch", () => {
    const of = (name: string) => library.manifest.kernels.find((kernel) => kernel.name === name)?.conditions;
    expect(of("sorted")).toEqual(texts.map((text) => ({ text, status: "checked at launch" })));
    expect(of("integers")?.map(({ status }) => status)).toEqual(["checked at launch", "checked at launch"]);
    expect(of("in_place")).toEqual([]);
  });

  it("says of each launch of a program which conditions a producer proves", () => {
    const launches = library.manifest.programs.flatMap((program) => program.launches);
    expect(launches.map(({ label, conditions }) => [label, conditions.map(({ status }) => status)])).toEqual([
      ["first", []],
      ["positions", []],
      ["copy", [...new Array(4).fill("checked at launch"), "proved from positions", "proved from positions"]],
    ]);
    expect(launches[2]?.conditions.map(({ text }) => text)).toEqual(texts);
  });
});

describe("a compilation", () => {
  it("is refused for two functions of one name", async () => {
    const clash = { ...integers, name: "sorted_check" };
    const result = await compile({ ...request, proof: { ...proofOf([...kernels, clash]), programs: [] } });
    expect(result.ok ? [] : result.diagnostics.map(({ code }) => code)).toEqual(["TK412"]);
  });
});
