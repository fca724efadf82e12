/**
 * Performance contracts: the verdict is what the definition says, of all lanes of all waves, counted here.
 *
 * Vectors: the same, of the lanes that are served together.
 *
 * Shared memory: words a·x + b·y + c·k + d of threads (x, y) in iteration k, for random a to d and block shapes; the verdict is
 * compared with the banks that each wave touches. Global memory: the same, with the place in a row.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ObligationKind, Verdict } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { numbers } from "../conformance/cases.ts";
import { kernelsFrom } from "../kernel-source.ts";

let pool: SolverPool;
beforeAll(() => {
  pool = new SolverPool();
});
afterAll(() => pool.close());

const HEADER = `import { barrier, block, div, f32, forall, i32, input, inout, kernel, mod, output, requires, shared, thread, wave } from "tokitai/dsl";
`;

/** The verdicts of the kind, by kernel: each kernel has one such obligation that is asked about, its last. */
async function verdicts(text: string, kind: ObligationKind): Promise<ReadonlyMap<string, Verdict | undefined>> {
  const kernels = [...kernelsFrom(`${HEADER}${text}`).values()];
  const reports = await verifyKernels(kernels, openSession(pool));
  return new Map(
    reports.map(({ kernel, obligations }) => [kernel.name, obligations.findLast((one) => one.kind === kind)?.verdict]),
  );
}

interface Affine {
  readonly name: string;
  readonly block: readonly [number, number];
  /** Factors of x, y and k. */
  readonly factors: readonly [number, number, number];
  /** Threads with x ≥ active do nothing. */
  readonly active: number;
}

const ITERATIONS = 3;

function randomCases(): readonly Affine[] {
  const next = numbers(91);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] ?? (values[0] as T);
  return Array.from({ length: 40 }, (_, i) => {
    const block = pick([
      [64, 1],
      [32, 4],
      [16, 8],
      [8, 8],
      [48, 2],
      [5, 7],
    ] as const);
    const factors = [pick([0, 1, 1, 2, 3, 4, 17, 32, 33]), pick([0, 1, 16, 32, 33, 40]), pick([0, 1, 7, 32])] as const;
    return { name: `k${i}`, block, factors, active: pick([block[0], block[0], Math.ceil(block[0] / 2), 1]) };
  });
}

/** The places of the threads of each wave that take part, with their numbers, iteration by iteration. */
function waves({
  block: [X, Y],
  factors: [a, b, c],
  active,
}: Affine): readonly (readonly (readonly [number, number])[])[] {
  return Array.from({ length: Math.ceil((X * Y) / 32) * ITERATIONS }, (_, i) => {
    const [wave, k] = [Math.floor(i / ITERATIONS), i % ITERATIONS];
    return Array.from({ length: 32 }, (_lane, lane) => wave * 32 + lane)
      .filter((thread) => thread < X * Y && thread % X < active)
      .map((thread) => [thread, a * (thread % X) + b * Math.floor(thread / X) + c * k] as const);
  });
}

const CASES = randomCases();
const largest = (one: Affine): number =>
  Math.max(
    ...waves(one)
      .flat()
      .map(([, place]) => place),
  );

describe("a shared array without conflicts", { timeout: 600_000 }, () => {
  it("is one of which no wave touches two words of a bank", async () => {
    const text = CASES.map((one) => {
      const [a, b, c] = one.factors;
      return `export const ${one.name} = kernel({ y: output(f32, ["N"]), n: input(i32, ["N"]) },
        { grid: ({ N }) => [N], block: [${one.block}], performance: { conflictFree: ["s"] } },
        ({ y, n }, { N }) => {
          const s = shared(f32, [${largest(one) + 1}]);
          let sum = f32(0);
          if (thread.x < ${one.active})
            for (let k = 0; k < ${ITERATIONS}; k++) sum += s[${a} * thread.x + ${b} * thread.y + ${c} * k];
          if (thread.x === 0 && thread.y === 0) y[block.x] = sum;
        });`;
    });
    const found = await verdicts(text.join("\n"), "conflict-free");
    let free = 0;
    for (const one of CASES) {
      const conflicts = waves(one).some((lanes) => {
        const words = new Map<number, number>();
        return lanes.some(([, word]) => {
          const before = words.get(word % 32);
          words.set(word % 32, word);
          return before !== undefined && before !== word;
        });
      });
      if (!conflicts) free++;
      expect(found.get(one.name), JSON.stringify(one)).toBe(conflicts ? "refuted" : "proved");
    }
    expect(free).toBeGreaterThan(8);
    expect(free).toBeLessThan(CASES.length - 8);
  });
});

/** Lanes that are served together, for accesses of 8 and 16 bytes: in order, and as MI300 reads 16 bytes. */
const IN_ORDER = (lanes: number): readonly (readonly number[])[] =>
  Array.from({ length: 32 / lanes }, (_, group) => Array.from({ length: lanes }, (_lane, i) => group * lanes + i));
const MI300 = [0, 4, 8, 12].map((first, i) => {
  const second = [20, 16, 28, 24][i] ?? 0;
  return [0, 1, 2, 3].flatMap((lane) => [first + lane, second + lane]);
});
const PHASES = {
  "2 f32, load": IN_ORDER(16),
  "4 f32, load": [...IN_ORDER(8), ...MI300],
  "4 f32, store": IN_ORDER(8),
  "4 f16, load": IN_ORDER(16),
  "8 f16, load": [...IN_ORDER(8), ...MI300],
  "8 f16, store": IN_ORDER(8),
  "2 f16, load": IN_ORDER(32),
} as const;

describe("a shared array that is accessed in vectors", { timeout: 600_000 }, () => {
  it("is free of conflicts where no lanes that are served together touch two words of a bank", async () => {
    const next = numbers(17);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] ?? (values[0] as T);
    const forms = Object.entries(PHASES);
    // Lane l = 16·h + 8·g + r accesses the vector a·r + b·g + c·h.
    const cases = Array.from({ length: 28 }, (_, i) => {
      const [form, phases] = forms[i % forms.length] ?? ["2 f32, load", IN_ORDER(16)];
      const factors = [pick([1, 1, 1, 2, 9]), pick([8, 8, 9, 16, 4]), pick([16, 16, 20, 24, 17, 0])] as const;
      return { name: `v${i}`, form, phases, factors };
    });
    const text = cases.map(({ name, form, factors: [a, b, c] }) => {
      const [lanes, element, verb] = form.split(/,? /);
      const place = `(${a} * mod(thread.x, 8) + ${b} * mod(div(thread.x, 8), 2) + ${c} * div(thread.x, 16)) * ${lanes}`;
      const access = verb === "load" ? `loadVector(r, s[${place}])` : `storeVector(s[${place}], r)`;
      return `export const ${name} = kernel({ y: output(f32, ["N"]) },
        { grid: ({ N }) => [N], block: [32], performance: { conflictFree: ["s"] } },
        ({ y }, { N }) => {
          const s = shared(${element}, [1024]);
          const r = registers(${element}, [${lanes}]);
          ${access};
          if (thread.x === 0) y[block.x] = 1.0;
        });`;
    });
    const header = 'import { f16, loadVector, registers, storeVector } from "tokitai/dsl";\n';
    const found = await verdicts(`${header}${text.join("\n")}`, "conflict-free");
    let free = 0;
    for (const { name, form, phases, factors } of cases) {
      const [lanes, element] = form.split(/,? /);
      const words = (Number(lanes) * (element === "f16" ? 2 : 4)) / 4;
      const [a, b, c] = factors;
      const start = (lane: number): number =>
        (a * (lane % 8) + b * (Math.floor(lane / 8) % 2) + c * (lane >> 4)) * words;
      const conflicts = phases.some((phase) => {
        const touched = new Set(phase.flatMap((lane) => Array.from({ length: words }, (_, i) => start(lane) + i)));
        return new Set([...touched].map((word) => word % 32)).size < touched.size;
      });
      if (!conflicts) free++;
      expect(found.get(name), `${form} ${factors}`).toBe(conflicts ? "refuted" : "proved");
    }
    expect(free).toBeGreaterThan(6);
    expect(free).toBeLessThan(cases.length - 6);
  });
});

describe("a coalesced tensor", { timeout: 600_000 }, () => {
  it("is one that each wave touches side by side", async () => {
    const text = CASES.map((one) => {
      const [a, b, c] = one.factors;
      return `export const ${one.name} = kernel({ x: input(f32, ["N", "M"]), y: output(f32, ["N"]) },
        { grid: ({ N }) => [N], block: [${one.block}], performance: { coalesced: ["x"] } },
        ({ x, y }, { N, M }) => {
          requires(M > ${largest(one)});
          let sum = f32(0);
          if (thread.x < ${one.active})
            for (let k = 0; k < ${ITERATIONS}; k++) sum += x[block.x][${a} * thread.x + ${b} * thread.y + ${c} * k];
          if (thread.x === 0 && thread.y === 0) y[block.x] = sum;
        });`;
    });
    const found = await verdicts(text.join("\n"), "coalesced");
    let near = 0;
    for (const one of CASES) {
      const apart = waves(one).some((lanes) =>
        lanes.some(([thread, at]) => lanes.some(([other, its]) => Math.abs(at - its) > Math.abs(thread - other))),
      );
      if (!apart) near++;
      expect(found.get(one.name), JSON.stringify(one)).toBe(apart ? "refuted" : "proved");
    }
    expect(near).toBeGreaterThan(8);
    expect(near).toBeLessThan(CASES.length - 8);
  });
});

/** Kernels whose last access of `s` is in question, by name; each has blocks of 64 threads, or of those that it says. */
const SHARED = {
  // Two 16-bit elements are in one word: thread 0 and thread 1 read the same one.
  halves: ["f16", 128, "s[thread.x] = f16(1.0);", "proved"],
  halves_far_apart: ["f16", 8192, "s[thread.x * 64] = f16(1.0);", "refuted"],
  // In one iteration all threads are at the same counter, however many iterations each of them runs.
  ragged_loop: ["f32", 4096, "for (let k = 0; k < thread.x; k++) s[k * 64] = 1.0;", "proved"],
  // Thread t starts at t: in one iteration the words are neighbours.
  started_apart: ["f32", 4096, "for (let k = thread.x; k < 4096; k += 64) s[k] = 1.0;", "proved"],
  started_far_apart: ["f32", 4096, "for (let k = 32 * thread.x; k < 32 * thread.x + 32; k++) s[k] = 1.0;", "refuted"],
  guarded: ["f32", 4096, "if (mod(thread.x, 32) === 7) s[thread.x * 64] = 1.0;", "proved"],
  two_of_a_wave: ["f32", 4096, "if (mod(thread.x, 16) === 7) s[thread.x * 64] = 1.0;", "refuted"],
  // Wave 1 has the end of one row of the block and the start of the next: bits of thread.x above 32 differ in it.
  wave_over_rows: ["f32", 4096, "s[64 * div(thread.x, 32)] = 1.0;", "refuted", "48, 2"],
  wave_of_rows: ["f32", 4096, "s[64 * div(thread.x, 32)] = 1.0;", "proved", "64, 2"],
  nested_digits: ["f32", 4096, "s[32 * div(mod(mod(thread.x, 32), 8), 8) + mod(thread.x, 32)] = 1.0;", "proved"],
  nested_digits_apart: ["f32", 4096, "s[32 * div(mod(mod(thread.x, 32), 16), 8)] = 1.0;", "refuted"],
  // What the loop leaves in p is not known without an invariant.
  carried: ["f32", 4096, "let p = 0; for (let k = 0; k < 2; k++) p = p + 32; s[p + thread.x] = 1.0;", "unknown"],
} as const;

describe("a shared array's accesses", () => {
  it.each(Object.entries(SHARED))("%s", async (name, [element, size, body, expected, threads = "64"]) => {
    const text = `import { f16 } from "tokitai/dsl";
      export const ${name} = kernel({ y: output(f32, ["N"]) },
        { grid: ({ N }) => [N], block: [${threads}], performance: { conflictFree: ["s"] } },
        ({ y }, { N }) => {
          const s = shared(${element}, [${size}]);
          ${body}
          if (thread.x === 0) y[block.x] = 1.0;
        });`;
    expect((await verdicts(text, "conflict-free")).get(name)).toBe(expected);
  });
});
