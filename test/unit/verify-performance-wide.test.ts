/**
 * Performance contracts of vectors and of fragments: the verdict is what the definition says, of all lanes of all waves, counted
 * here.
 *
 * Segments: places a·x + b·y + c·k + d of threads (x, y) in iteration k, alone or in vectors, compared with the threads of each
 * 32, 64 or 128 bytes. Fragments: tiles with rows of many lengths, on each matrix unit, compared with the banks of what its lanes read; the
 * lanes' places and the lanes that are served together are written down here once more.
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

const HEADER = `import { bf16, block, div, f16, f32, fragment, input, kernel, loadFragment, loadVector, matrix, mod, output, registers, requires, shared, thread } from "tokitai/dsl";
`;

/** The verdicts of the kind, by kernel, of all such obligations. */
async function verdicts(text: string, kind: ObligationKind): Promise<ReadonlyMap<string, readonly Verdict[]>> {
  const kernels = [...kernelsFrom(`${HEADER}${text}`).values()];
  const reports = await verifyKernels(kernels, openSession(pool));
  return new Map(
    reports.map(({ kernel, obligations }) => [
      kernel.name,
      obligations.filter((one) => one.kind === kind).map(({ verdict }) => verdict),
    ]),
  );
}

const next = numbers(23);
const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] ?? (values[0] as T);

interface Runs {
  readonly name: string;
  readonly block: readonly [number, number];
  /** Factors of x, y and k, in vectors of so many elements. */
  readonly factors: readonly [number, number, number];
  readonly lanes: number;
  readonly element: "f32" | "f16";
  readonly bytes: 32 | 64 | 128;
}

const RUNS = Array.from({ length: 42 }, (_, i): Runs => {
  const block = pick([
    [64, 1],
    [16, 4],
    [8, 8],
    [4, 16],
    [12, 4],
  ] as const);
  const factors = [pick([0, 1, 1, 1, 2]), pick([0, 1, 4, 8, 16, 40]), pick([0, 7])] as const;
  const [lanes, element] = [pick([1, 1, 4, 8]), pick(["f32", "f16"] as const)];
  return { name: `r${i}`, block, factors, lanes, element, bytes: pick([32, 64, 64, 128] as const) };
});

/** Whether two threads of what fills a segment are further apart than they are. */
function scattered({ block: [X, Y], factors: [a, b], lanes, element, bytes }: Runs): boolean {
  const group = Math.max(1, bytes / (lanes * (element === "f16" ? 2 : 4)));
  const place = (thread: number): number => lanes * (a * (thread % X) + b * Math.floor(thread / X));
  for (let first = 0; first < X * Y; first++) {
    for (let second = first + 1; second < X * Y && second % group !== 0; second++) {
      if (Math.abs(place(second) - place(first)) > lanes * (second - first)) return true;
    }
  }
  return false;
}

describe("a tensor that is accessed in segments", { timeout: 600_000 }, () => {
  it("is one of which threads that fill a segment together lie side by side", async () => {
    const text = RUNS.map(({ name, block, factors: [a, b, c], lanes, element, bytes }) => {
      const place = `${lanes} * (${a} * thread.x + ${b} * thread.y + ${c} * k)`;
      const access = lanes === 1 ? `r[0] = x[block.x][${place}]` : `loadVector(r, x[block.x][${place}])`;
      const most = lanes * (a * (block[0] - 1) + b * (block[1] - 1) + 2 * c + 1);
      return `export const ${name} = kernel({ x: input(${element}, ["N", "M"]), y: output(f32, ["N"]) },
        { grid: ({ N }) => [N], block: [${block}], performance: { segments: ${bytes === 64 ? `["x"]` : `{ x: ${bytes} }`} } },
        ({ x, y }, { N, M }) => {
          requires(M > ${most} && mod(M, ${lanes}) === 0);
          const r = registers(${element}, [${lanes}]);
          for (let k = 0; k < 3; k++) ${access};
          if (thread.x === 0 && thread.y === 0) y[block.x] = 1.0;
        });`;
    });
    const found = await verdicts(text.join("\n"), "coalesced");
    for (const one of RUNS) {
      expect(found.get(one.name), JSON.stringify(one)).toEqual([scattered(one) ? "refuted" : "proved"]);
    }
    const bad = RUNS.filter(scattered).length;
    expect(bad).toBeGreaterThan(6);
    expect(bad).toBeLessThan(RUNS.length - 6);
  });
});

const IN_ORDER = (lanes: number): readonly (readonly number[])[] =>
  Array.from({ length: 32 / lanes }, (_, group) => Array.from({ length: lanes }, (_lane, i) => group * lanes + i));
const MI300 = [
  [0, 20],
  [4, 16],
  [8, 28],
  [12, 24],
].map((starts) => starts.flatMap((start) => [0, 1, 2, 3].map((lane) => start + lane)));

/** Per unit: lanes of a wave, elements of a lane, and how far apart in k those of lanes 16 apart begin. */
const UNITS = {
  gfx11: { wave: 32, elements: 16, stride: 0 },
  gfx12: { wave: 32, elements: 8, stride: 8 },
  cdna: { wave: 64, elements: 4, stride: 4 },
} as const;

interface Tile {
  readonly name: string;
  readonly unit: keyof typeof UNITS;
  readonly element: "f16" | "bf16" | "f32";
  readonly pad: number;
}

/** Rows of some lengths at which a lane's access starts at a multiple of itself. */
const TILES = (Object.keys(UNITS) as (keyof typeof UNITS)[]).flatMap((unit) =>
  (unit === "cdna" ? (["f16", "f32"] as const) : (["bf16"] as const)).flatMap((element) => {
    const step = unit === "cdna" ? 4 : 8;
    return Array.from({ length: 4 }, (_, i): Tile => {
      const pad = i * step;
      return { name: `t_${element}_${pad}`, unit, element, pad };
    });
  }),
);

function meets({ unit, element, pad }: Tile): boolean {
  const bytes = element === "f32" ? 4 : 2;
  const { wave, elements, stride } = UNITS[unit];
  const width = Math.min(16, elements * bytes);
  const read = unit === "cdna" ? MI300 : IN_ORDER(8);
  const phases = width === 16 ? read : IN_ORDER(16);
  for (let half = 0; half < wave; half += 32) {
    for (const phase of phases) {
      const words = new Set(
        phase.flatMap((one) => {
          const lane = half + one;
          const start = ((lane % 16) * (16 + pad) + stride * Math.floor(lane / 16)) * bytes;
          return Array.from({ length: width / 4 }, (_, i) => start / 4 + i);
        }),
      );
      if (new Set([...words].map((word) => word % 32)).size < words.size) return true;
    }
  }
  return false;
}

describe("a tile that fragments are loaded from", { timeout: 600_000 }, () => {
  it("is free of conflicts where those lanes' words are in different banks that its matrix unit serves together", async () => {
    const text = TILES.map(
      ({ name, unit, element, pad }) =>
        `export const ${name} = kernel({ y: output(f32, ["N"]) },
        { matrix: ["${unit}"], grid: ({ N }) => [N], block: [64], performance: { conflictFree: ["s"] } },
        ({ y }, { N }) => {
          const s = shared(${element}, [2, 32, ${16 + pad}]);
          const a = fragment("a", ${element});
          for (let t = 0; t < N; t++) loadFragment(a, s[mod(t, 2)][16 * div(matrix.wave, 2)][0]);
          if (thread.x === 0) y[block.x] = 1.0;
        });`,
    );
    const free: string[] = [];
    for (const unit of Object.keys(UNITS)) {
      const own = TILES.filter((tile) => tile.unit === unit);
      const found = await verdicts(text.filter((_, i) => TILES[i]?.unit === unit).join("\n"), "conflict-free");
      for (const tile of own) {
        const name = [...found.keys()].find((one) => one.startsWith(`${tile.name}_${unit}`) || one === tile.name);
        const of = found.get(name ?? "") ?? [];
        expect(of.length, JSON.stringify(tile)).toBeGreaterThan(0);
        const expected = meets(tile) ? "refuted" : "proved";
        expect(of, JSON.stringify(tile)).toEqual(of.map(() => expected));
        if (expected === "proved") free.push(`${unit} ${tile.element} ${tile.pad}`);
      }
    }
    // One vector of padding suits halves on every unit; f32 on CDNA needs two.
    expect(free).toContain("gfx11 bf16 8");
    expect(free).toContain("gfx12 bf16 8");
    expect(free).toContain("cdna f16 4");
    expect(free).toContain("cdna f32 8");
    expect(free).not.toContain("cdna f32 4");
  });
});
