/**
 * What the editor refuses before the compiler is asked: TypeScript, with the settings of kernels/tsconfig.json, on the
 * declarations of `tokitai/dsl`.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const KERNELS = resolve(import.meta.dirname, "../../kernels");

/** Each line between BEGIN and END stands alone; `y[0] = x[0][0];` and the like are right, the others wrong. */
const LINES: readonly (readonly [line: string, code: number | undefined])[] = [
  ["y[B - B][N - N] = x[0][0] * a;", undefined],
  ["s[0][1] = x[0][0];", undefined],
  ["x[0][0] = f32(1);", 2542],
  ["x[0] = x[1];", 2542],
  ["y[0] = f32(1);", 2322],
  ["y[0][0] = x[0];", 2322],
  ["y[0][0] = x[0][0][0];", 7053],
  ["y[0][0] = f32(1) + x[0];", 2365],
  ["y[0][0] = f32(M);", 2304],
  ["s[0] = s[1];", 2542],
  ["x.map(f32);", 2339],
  ["barrier(shared);", 2345],
];

/** The same of memory statements and specifications: `undefined` where the editor has nothing to say. */
const CALLS: readonly (readonly [line: string, code: number | undefined])[] = [
  ["atomicAdd(q[0][0], 1); atomicMin(n[0], -1); atomicMax(n[0], N);", undefined],
  ["loadVector(v, x[0][4]); storeVector(y[0][4], v); loadVector(w, x[0][0]);", undefined],
  ["wave.barrier();", undefined],
  ["requires(N > 0); requires(forall([N], (i) => ids[i] < N)); requires(ids[0] === 0);", undefined],
  ["requires(forall([N, B + 1], (i, j) => implies(i < j, ids[i] < prefixSum(ids, j))));", undefined],
  ["ensures(n[0] === occurrences(ids, N, 0)); ensures(forall([N], (i) => n[i] > 0));", undefined],
  ["covers(q, (row, column) => ({ block: [row], thread: [column, 0, 0], row }));", undefined],
  ["covers(n, (i) => ({ thread: [i], k: i + 1 }));", undefined],
  ["atomicAdd(q[0], 1);", 2345],
  ["atomicAdd(n, 1);", 2345],
  ["atomicAdd(n[0]);", 2554],
  ["n[0] = atomicAdd(n[1], 1);", 2322],
  ["atomicMin(n[0], true);", 2345],
  ["loadVector(x[0][0], v);", 2345],
  ["loadVector(v, x[0]);", 2345],
  ["loadVector(s, x[0][0]);", 2345],
  ["loadVector(three, x[0][0]);", 2345],
  ["storeVector(y[0][0], square);", 2345],
  ["y[0][0] = loadVector(v, x[0][0]);", 2322],
  ["wave.barrier(64);", 2554],
  ["wave.bariers();", 2551],
  ["requires(N);", 2769],
  ["requires(N > 0 && forall([N], (i) => ids[i] < N));", 2769],
  ["invariant(forall([N], (i) => ids[i] < N));", 2345],
  ["requires(forall([N], (i) => ids[i]));", 2322],
  ["requires(forall([N], (i, j) => ids[i] < j));", 2345],
  ["requires(forall(N, (i) => ids[i] < N));", 2345],
  ["requires(forall([], () => ids[0] < N));", 2345],
  ["requires(forall([N], (i) => forall([B], (j) => ids[i] < j)));", 2322],
  ["n[0] = prefixSum(x, 0);", 2345],
  ["n[0] = prefixSum(ids[0], 0);", 2345],
  ["n[0] = occurrences(ids, 0);", 2554],
  ["covers(q, (row, column, other) => ({ thread: [row] }));", 2345],
  ["covers(n[0], (i) => ({ thread: [i] }));", 2345],
  ["covers(n, (i) => ({ thread: i }));", 2322],
  ["covers(n, (i) => ({ thread: [i, 0, 0, 0] }));", 2322],
  ["covers(n, (i) => ({ k: i > 0 }));", 2322],
  ["if (implies(N, true)) n[0] = 1;", 2345],
];

const MISSPELT: readonly (readonly [source: string, code: number])[] = [
  ["{ grid: ({ M }) => [M], block: [1] }, ({ y }, { N }) => { y[0] = f32(N); }", 2339],
  ["{ grid: ({ N }) => [N], block: [1] }, ({ y }, { M }) => { y[0] = f32(M); }", 2339],
  ["{ grid: ({ N }) => [N], block: [1] }, ({ z }, { N }) => { z[0] = f32(N); }", 2339],
  ["{ grid: ({ N }, { TILE }) => [N * TILE], block: [1] }, ({ y }, { N }) => { y[0] = f32(N); }", 2339],
  ["{ grid: ({ N }) => [N], block: [1], blok: 1 }, ({ y }, { N }) => { y[0] = f32(N); }", 2561],
  ["{ grid: ({ N }) => [N, 1, 1, 1], block: [1] }, ({ y }, { N }) => { y[0] = f32(N); }", 2322],
  ["{ grid: ({ N }) => [N], block: [1], where: { T: ({ N }) => N } }, ({ y }, { N }) => { y[0] = f32(N); }", 2353],
  ['{ grid: ({ N }) => [N], block: [1], index: "i16" }, ({ y }, { N }) => { y[0] = f32(N); }', 2322],
];

function check(text: string): readonly { readonly line: number; readonly code: number }[] {
  const settings = ts.readConfigFile(join(KERNELS, "tsconfig.json"), ts.sys.readFile);
  const { options, errors } = ts.parseJsonConfigFileContent(settings.config, ts.sys, KERNELS);
  expect(errors.map(({ messageText }) => messageText)).toEqual([]);
  const folder = mkdtempSync(join(KERNELS, "../test/unit/editor-"));
  try {
    const file = join(folder, "kernel.ts");
    writeFileSync(file, text);
    const program = ts.createProgram([file], options);
    const source = program.getSourceFile(file);
    return ts.getPreEmitDiagnostics(program, source).map(({ start, code }) => {
      const place = source?.getLineAndCharacterOfPosition(start ?? 0);
      return { line: (place?.line ?? -1) + 1, code };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const IMPORT = 'import { barrier, f32, input, kernel, output, scalar, shared } from "tokitai/dsl";';

describe("the editor", () => {
  it("refuses a write to an input, a wrong rank and an unknown name, each on its line and nothing else", () => {
    const head = [
      IMPORT,
      "export const k = kernel(",
      '{ x: input(f32, ["B", "K"]), y: output(f32, ["B", "N"]), a: scalar(f32) },',
      "{ grid: ({ B }, { TILE }) => [B * TILE], block: ({ TILE }) => [TILE], params: { TILE: [16, 32] } },",
      "({ x, y, a }, { B, N }, { TILE }) => { const s = shared(f32, [TILE, 4]);",
    ];
    const text = [...head, ...LINES.map(([line]) => line), "});"].join("\n");
    const expected = LINES.flatMap(([line, code]) => (code === undefined ? [] : [`${line} ${code}`]));
    // A write that is wrong in two ways is reported twice; the first complaint of each line is the one compared.
    const first = new Map(
      check(text)
        .map(({ line, code }) => [line, code] as const)
        .reverse(),
    );
    const found = [...first]
      .sort(([a], [b]) => a - b)
      .map(([line, code]) => `${LINES[line - head.length - 1]?.[0] ?? `line ${line}`} ${code}`);
    expect(found).toEqual(expected);
  });

  it("knows the forms of memory statements and specifications, and refuses each other one on its line", () => {
    const head = [
      'import { atomicAdd, atomicMax, atomicMin, covers, ensures, f32, forall, i32, implies, inout, input, invariant, kernel, loadVector, occurrences, output, prefixSum, registers, requires, shared, storeVector, wave } from "tokitai/dsl";',
      "export const k = kernel(",
      '{ x: input(f32, ["B", "N"]), ids: input(i32, ["N"]), y: output(f32, ["B", "N"]), q: output(i32, ["B", "N"]), n: inout(i32, ["N"]) },',
      "{ grid: ({ B }) => [B], block: [64], params: { LANES: [4, 8] } },",
      "({ x, ids, y, q, n }, { B, N }, { LANES }) => { const s = shared(f32, [4]); const v = registers(f32, [4]); const w = registers(f32, [LANES]); const three = registers(f32, [3]); const square = registers(f32, [4, 4]);",
    ];
    const text = [...head, ...CALLS.map(([line]) => line), "});"].join("\n");
    const found = check(text);
    const first = CALLS.map(([line], position) => {
      const complaint = found.find((each) => each.line === head.length + position + 1);
      return [line, complaint?.code];
    });
    expect(first).toEqual(CALLS);
    expect(found.filter(({ line }) => line <= head.length || line > head.length + CALLS.length)).toEqual([]);
  });

  it("refuses a misspelt dimension, parameter, option and compile-time parameter, and a grid of four axes", () => {
    const start = 'kernel({ y: output(f32, ["N"]) }, ';
    const kernels = MISSPELT.map(([source], i) => `export const k${i} = ${start}${source});`);
    const imports = 'import { f32, kernel, output } from "tokitai/dsl";';
    const found = check([imports, ...kernels].join("\n"));
    for (const [i, [source, code]] of MISSPELT.entries()) {
      const codes = found.filter(({ line }) => line === i + 2).map((complaint) => complaint.code);
      expect(codes, source).toContain(code);
    }
  });
});
