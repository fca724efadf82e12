/** Reading kernels from a cache: what is believed, and that nothing else is. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseKernels, writeKernels } from "../../src/compiler/frontend/kernel-text.ts";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { type KernelsAtHand, readKernelsWith } from "../../src/compiler/frontend/read-cached.ts";
import { packageRoot } from "../../src/compiler/inputs.ts";
import { allObligations, prove, readSources } from "../../src/compiler/prove.ts";
import {
  add,
  call,
  castToFloat,
  float,
  ghost,
  int,
  neg,
  not,
  random,
  round,
  select,
} from "../../src/ir/kernel/build.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openProofCache, type ProofCache } from "../../src/verify/proof-cache.ts";
import {
  and,
  array,
  assign,
  atomic,
  barrier,
  constant,
  forall,
  halving,
  i,
  kernelOf,
  loop,
  lt,
  read,
  readShared,
  scalarParam,
  store,
  tensor,
  tiledMatmul,
  variable,
  vectorOf,
  when,
} from "./kernel-ir-samples.ts";

/** As text in which nothing is lost: the order of fields, the sign of zero, what is `undefined`. */
function exactly(kernels: unknown): string {
  return JSON.stringify(kernels, (_, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    if (value === undefined) return "undefined";
    return typeof value === "number" ? `${Object.is(value, -0) ? "-0" : value}f` : value;
  });
}

/** Every object below, each once. */
function nodesOf(value: unknown, found = new Set<object>()): ReadonlySet<object> {
  if (typeof value !== "object" || value === null || found.has(value)) return found;
  found.add(value);
  for (const part of Object.values(value)) nodesOf(part, found);
  return found;
}

const shared = add(i("k"), int(3));
const everything: Kernel = kernelOf({
  params: [tensor("x", "input", [int(4)]), tensor("n", "input", [int(4)], "i32"), scalarParam("a", "i64")],
  requires: [not(lt(int(1), shared))],
  dataRequires: [forall({ t: int(4) }, lt(i("t"), shared))],
  ensures: [
    forall(
      { t: shared },
      and(lt(i("t"), int(2n ** 70n)), lt(ghost("prefix-sum", { space: "global", name: "n" }, [i("t")]), int(-5))),
    ),
  ],
  covers: [
    { array: "y", variables: ["r"], thread: [i("r")], counters: [{ name: "k", value: shared }], span: int(0).span },
    { array: "z", variables: [], counters: [], span: int(0).span },
  ],
  computes: undefined,
  indexWidth: "i32",
  performance: {
    coalesced: ["x"],
    segments: [
      { tensor: "y", bytes: 64n },
      { tensor: "z", bytes: 32n },
    ],
    conflictFree: ["s", "t"],
    span: int(1).span,
  },
  budget: { limits: [{ resource: "vgprs", most: 64n }], span: int(0).span },
  arrays: [array("shared", "s", [2n, 3n])],
  body: [
    constant("c", float(-0)),
    variable("v", select(lt(shared, shared), float(Number.NaN), call("exp", [float(Number.NEGATIVE_INFINITY)]))),
    when(lt(i("k"), int(1)), [assign("v", neg(castToFloat(shared)))], [barrier(), barrier("wave")]),
    loop("k", int(0), shared, [store("y", [shared], read("x", shared))]),
    store("y", [shared], round("f16", float(0.1), random([shared, int(1), int(2), i("k")]))),
    store("y", [shared], round("f16", float(0.1), undefined)),
    store("y", [shared], round("bf16", float(0.1), undefined)),
    halving("s", 8n, [store("y", [i("s")], readShared("s", i("s"), i("s")))]),
    atomic("max", "global", "q", [shared], i("k")),
    vectorOf("load", "r", 4n, "global", "x", [shared]),
  ],
});

describe("the text of kernels", () => {
  it("gives back every kind of node, with its values exact", () => {
    expect(exactly(parseKernels(writeKernels([everything, tiledMatmul(16)])))).toBe(
      exactly([everything, tiledMatmul(16)].map(inOrder)),
    );
  });

  it("gives back the kernels of the package to the last field, nodes that were shared still so, and frozen", () => {
    const { kernels } = readKernels([join(packageRoot(), "kernels")], { cwd: packageRoot() });
    expect(kernels.length).toBeGreaterThan(15);
    const back = parseKernels(writeKernels(kernels));
    expect(exactly(back)).toBe(exactly(kernels));
    expect([...nodesOf(back)].every(Object.isFrozen)).toBe(true);
    const countOf = (kind: string, of: unknown): number =>
      [...nodesOf(of)].filter((node) => "kind" in node && node.kind === kind).length;
    for (const kind of ["int", "local", "int-op", "compare", "load", "let", "if", "for"]) {
      expect(countOf(kind, back), kind).toBe(countOf(kind, kernels));
    }
  });

  it("takes no text that is not one of kernels, whatever single part of it is another", () => {
    const text = writeKernels([everything]);
    const wrong: readonly unknown[] = [null, -1, 1e9, 0.5, "", "no", true, [], ["int"], {}];
    let refused = 0;
    const root: unknown = JSON.parse(text);
    const judge = (): void => {
      const found = parseKernels(JSON.stringify(root));
      // Another name, or the number of another row, makes the text of other kernels.
      if (found === undefined) refused++;
      else expect(exactly(parseKernels(writeKernels(found)))).toBe(exactly(found));
    };
    const visit = (parts: unknown[]): void => {
      for (const [at, part] of parts.entries()) {
        for (const other of wrong) {
          parts[at] = other;
          judge();
        }
        parts[at] = part;
        if (Array.isArray(part)) visit(part);
      }
      parts.push(null);
      expect(parseKernels(JSON.stringify(root))).toBeUndefined();
      parts.pop();
    };
    if (!Array.isArray(root)) throw new Error("the text is a list");
    visit(root);
    expect(refused).toBeGreaterThan(1000);
    for (const broken of ["", "{}", "[]", "[[],[],[],[]", text.slice(0, -1)]) {
      expect(parseKernels(broken)).toBeUndefined();
    }
    expect(parseKernels("[[],[],[],[]]")).toEqual([]);
  });
});

/** A kernel's fields as the front end orders them. */
function inOrder(kernel: Kernel): Kernel {
  const { name, doc, params, dims, requires, dataRequires, ensures, covers, arrays, body, span, ...launch } = kernel;
  const { grid, block, where, computes, indexWidth, matrix, simd, performance, budget } = launch;
  const front = { name, doc, params, dims, requires, dataRequires, ensures, covers, arrays, body, span };
  return { ...front, grid, block, where, computes, indexWidth, matrix, simd, performance, budget };
}

const HELPER = "export const place = (i: number): number => i;\n";
const KERNEL = `import { block, ceilDiv, f32, kernel, output, thread } from "tokitai/dsl";
import { place } from "./helper.ts";
export const fill = kernel(
  { y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, 32)], block: [32] },
  ({ y }, { N }) => {
    const i = block.x * 32 + thread.x;
    if (i < N) y[place(i)] = f32(1);
  },
);
`;

let folder = "";
let caches = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tokitai-read-"));
  caches = mkdtempSync(join(tmpdir(), "tokitai-read-cache-"));
  write("helper.ts", HELPER);
  write("fill.ts", KERNEL);
});
afterEach(() => {
  for (const path of [folder, caches]) rmSync(path, { recursive: true, force: true });
});

function write(name: string, text: string, at = folder): void {
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, name), text);
}

/** Reads `fill.ts` as one run of tokitai does: opens the cache, reads, saves. */
async function run(at = folder, files: readonly string[] = ["fill.ts"]): Promise<KernelsAtHand> {
  const cache = openProofCache(caches);
  const found = await readKernelsWith(
    cache,
    files.map((file) => join(at, file)),
    at,
  );
  cache.save();
  return found;
}

/** The verdict on each kind of obligation that is not proved. */
async function verdicts(cached: boolean): Promise<readonly string[]> {
  const pool = new SolverPool({ processes: 1 });
  const cache = cached ? openProofCache(caches) : undefined;
  try {
    const sources = await readSources({ inputs: ["."], cwd: folder, config: undefined, ...(cache && { cache }) });
    const proof = await prove(sources, pool, cache);
    return allObligations(proof).flatMap(({ id, verdict }) => (verdict === "proved" ? [] : [`${id} ${verdict}`]));
  } finally {
    pool.close();
  }
}

/** A cache of which every entry is this value, whatever its key. */
function forged(change: (entry: string) => string): ProofCache {
  const cache = openProofCache(caches);
  return {
    ...cache,
    get: (key) => {
      const entry = cache.get(key);
      return entry === undefined ? undefined : change(entry);
    },
  };
}

describe("reading with a cache", () => {
  it("gives the same kernels and sources again, without the front end", async () => {
    const first = await run();
    const second = await run();
    expect([first.cached, second.cached]).toEqual([false, true]);
    expect(exactly(second.kernels)).toBe(exactly(first.kernels));
    for (const name of ["fill.ts", "helper.ts", "absent.ts"]) expect(second.sources(name)).toBe(first.sources(name));
    expect(second.sources("helper.ts")).toBe(HELPER);
  });

  it("holds for the same files elsewhere, and not for other files of the same names", async () => {
    await run();
    const elsewhere = join(folder, "elsewhere");
    write("helper.ts", HELPER, elsewhere);
    write("fill.ts", KERNEL, elsewhere);
    expect((await run(elsewhere)).cached).toBe(true);
    write("fill.ts", KERNEL.replace("f32(1)", "f32(2)"), elsewhere);
    const other = await run(elsewhere);
    expect(other.cached).toBe(false);
    expect(exactly(other.kernels)).toBe(exactly(readKernels(["fill.ts"], { cwd: elsewhere }).kernels));
    expect((await run(folder, ["fill.ts", "helper.ts"])).cached).toBe(false);
  });

  it("reads a changed kernel anew, and proves what it says then", async () => {
    expect(await verdicts(true)).toEqual([]);
    write("fill.ts", KERNEL.replace("i < N", "i <= N"));
    const cached = await verdicts(true);
    expect(cached).toContain("fill/bounds/y#1 refuted");
    expect(cached).toEqual(await verdicts(false));
    write("fill.ts", KERNEL);
    expect(await verdicts(true)).toEqual([]);
  });

  it("reads a kernel anew whose imported helper has changed, also where that is imported by another helper", async () => {
    write("helper.ts", 'import { shift } from "./shift.ts";\nexport const place = (i: number): number => shift(i);\n');
    write("shift.ts", "export const shift = (i: number): number => i;\n");
    expect(await verdicts(true)).toEqual([]);
    expect((await run()).cached).toBe(false);
    expect((await run()).cached).toBe(true);
    write("shift.ts", "export const shift = (i: number): number => i + 1;\n");
    expect((await run()).cached).toBe(false);
    const cached = await verdicts(true);
    expect(cached).toContain("fill/bounds/y#1 refuted");
    expect(cached).toEqual(await verdicts(false));
  });

  it("refuses a file whose helper is gone", async () => {
    await run();
    rmSync(join(folder, "helper.ts"));
    const { cached, kernels, diagnostics } = await run();
    expect([cached, kernels]).toEqual([false, []]);
    expect(diagnostics.map(({ code }) => code)).toContain("TK100");
  });

  it("keeps nothing where a file that is not there could take the place of one that is", async () => {
    mkdirSync(join(folder, "helper"));
    write("index.ts", HELPER, join(folder, "helper"));
    rmSync(join(folder, "helper.ts"));
    write("fill.ts", KERNEL.replace("./helper.ts", "./helper"));
    expect((await run()).diagnostics).toEqual([]);
    const before = await run();
    write("helper.ts", HELPER.replace("=> i;", "=> i + 1;"));
    const after = await run();
    expect([before.cached, after.cached]).toEqual([false, false]);
    expect(exactly(after.kernels)).not.toBe(exactly(before.kernels));
  });

  it("reads anew for an entry that was altered in the file, and puts it right", async () => {
    await run();
    const path = join(caches, "answers");
    const before = readFileSync(path, "utf8");
    // The guard of the kernel that the entry holds, in the entry's own words.
    expect(before).toContain('["compare","bool","lt"');
    writeFileSync(path, before.replace('["compare","bool","lt"', '["compare","bool","gt"'));
    const read = await run();
    expect(read.cached).toBe(false);
    expect(exactly(read.kernels)).toBe(exactly(readKernels(["fill.ts"], { cwd: folder }).kernels));
    expect(readFileSync(path, "utf8")).toBe(before);
    expect((await run()).cached).toBe(true);
  });

  it("believes no entry that is about other texts or files, or holds what is no well-formed kernel", async () => {
    await run();
    const files = [join(folder, "fill.ts")];
    const read = (change: (entry: string) => string): Promise<KernelsAtHand> =>
      readKernelsWith(forged(change), files, folder);
    expect((await read((entry) => entry)).cached).toBe(true);
    const changes: readonly ((entry: string) => string)[] = [
      () => "",
      () => "[]",
      () => `[]\t${writeKernels([])}`,
      (entry) => entry.replace("\t", " "),
      (entry) => entry.replace('"fill.ts"', '"helper.ts"'),
      (entry) => entry.replace('"helper.ts"', '"absent.ts"'),
      (entry) => entry.replace(/"[0-9a-f]{64}"/, `"${"0".repeat(64)}"`),
      (entry) => entry.slice(0, -1),
      (entry) => entry.replace('["dim","int","N"', '["dim","int","M"'),
      (entry) => entry.replace('["compare","bool","lt"', '["compare","bool","less"'),
    ];
    for (const change of changes) {
      const { cached, kernels } = await read(change);
      expect(cached, String(change)).toBe(false);
      expect(kernels.map(({ name }) => name)).toEqual(["fill"]);
    }
  });

  it("looks at no cache without one, and says the same then", async () => {
    await run();
    const { cached, kernels } = await readKernelsWith(undefined, [join(folder, "fill.ts")], folder);
    expect(cached).toBe(false);
    expect(exactly(kernels)).toBe(exactly((await run()).kernels));
  });

  it("keeps nothing of what was refused, and refuses it again in the same words", async () => {
    write("broken.ts", KERNEL.replace("f32(1)", "f32(i / 2)").replace("fill =", "broken ="));
    const [first, second] = [await run(folder, ["broken.ts", "fill.ts"]), await run(folder, ["broken.ts", "fill.ts"])];
    expect(first.diagnostics.length).toBeGreaterThan(0);
    expect(second.diagnostics).toEqual(first.diagnostics);
    expect([first.cached, second.cached]).toEqual([false, false]);
    expect(second.kernels.map(({ name }) => name)).toEqual(["fill"]);
    expect(second.sources("broken.ts")).toBe(first.sources("broken.ts"));
  });
});
