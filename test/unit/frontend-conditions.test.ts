/** What the front end makes of specifications: conditions before and after, witnesses, ghosts, invariants. */

import { describe, expect, it } from "vitest";
import { checkKernel } from "../../src/ir/kernel/check.ts";
import { printKernel } from "../../src/ir/kernel/print.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { accept, bodyOf, IMPORT } from "./frontend-reading.ts";

const TOP = `const WIDTH = 64;
const within = (v: number, n: number) => 0 <= v && v < n;
function ordered(a: number, b: number): boolean {
  return a <= b;
}
`;

const KERNELS: Readonly<Record<string, string>> = {
  before: `
    requires(T < 1000 && limit > 0);
    requires(forall([T], (t) => within(ids[t], E)));
    requires(forall([E + 1, E + 1], (e, f) => implies(e <= f, ordered(offsets[e], offsets[f]))));
    requires(offsets[0] === 0);
    requires((forall([limit * WIDTH], (t: number) => (held[t] !== -1))));
    requires(forall([E], (e) => offsets[e] === prefixSum(counts, e)));
    requires(prefixSum(counts, E) === T);
    held[0] = 1;`,
  after: `
    ensures(forall([T, T], (s, t) => s === t || position[s] !== position[t]));
    requires(T > 0);
    ensures(position[0] === 0);
    ensures(forall([T], (t) => position[t] === offsets[ids[t]] + occurrences(ids, t, ids[t])));
    const t = block.x * WIDTH + thread.x;
    held[0] = t;`,
  witness: `
    covers(position, (t) => ({ thread: [mod(ids[t], WIDTH), 0], block: [div(ids[t], WIDTH)], t }));
    covers(grid, (row, column) => ({ t: row + column, thread: [0, E, limit] }));
    covers(rest, (t) => ({ block: [t] }));
    const e = block.x * WIDTH + thread.x;
    for (let t = 0; t < T; t++) if (ids[t] === e) position[t] = t;
    for (let t = 0; t < E; t++) for (let u = 0; u < E; u++) grid[t][u] = 0;
    for (let t = 0; t < E; t++) grid[t][0] = 1;
    for (let t = 0; t < E; t++) held[t] = 1;
    rest[block.x] = 0;`,
  invariants: `
    let next = offsets[0];
    for (let t = 0; t < T; t++) {
      invariant(next === offsets[0] + occurrences(ids, t, limit));
      invariant(implies(t > 0, ids[t - 1] >= 0) && prefixSum(counts, E) >= next);
      if (ids[t] === limit) next += 1;
    }
    held[0] = next;`,
  everywhere: `
    if (implies(T > E, ids[0] > 0)) held[0] = 1;`,
};

const source = (name: string, body: string): string => `export const ${name} = kernel(
  {
    ids: input(i32, ["T"]), counts: input(i32, ["E"]), offsets: input(u32, ["E+1"]), limit: scalar(i32),
    position: output(i32, ["T"]), grid: output(i32, ["E", "E"]), rest: output(i32, ["B"]), held: inout(i64, ["T"]),
  },
  { grid: ({ E, B }) => [ceilDiv(E, WIDTH), B], block: [WIDTH] },
  ({ ids, counts, offsets, limit, position, grid, rest, held }, { T, E }) => {
${body}
  },
);
`;

const text = Object.entries(KERNELS)
  .map(([name, body]) => source(name, body))
  .join("");
const kernels = new Map(accept({ "k.ts": `${IMPORT}${TOP}${text}` }).map((kernel) => [kernel.name, kernel]));

function kernelOf(name: string): Kernel {
  const kernel = kernels.get(name);
  if (kernel === undefined) throw new Error(`no kernel ${name}`);
  return kernel;
}

/** The clauses of a kernel as printed, one a line. */
function clauses(name: string): readonly string[] {
  return printKernel(kernelOf(name))
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^(requires|ensures|covers)\b/.test(line));
}

describe("conditions before the kernel runs", () => {
  it("are on sizes, or on contents with and without variables", () => {
    expect(clauses("before")).toEqual([
      "requires T < 1000 && limit > 0",
      "requires forall([T], (t) => 0 <= ids[t] && ids[t] < E)",
      "requires forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f])",
      "requires forall([], () => offsets[0] === 0)",
      "requires forall([limit * 64], (t_1) => held[t_1] !== -1)",
      "requires forall([E], (e_1) => offsets[e_1] === prefixSum(counts, e_1))",
      "requires forall([], () => prefixSum(counts, E) === T)",
    ]);
    expect(kernelOf("before").requires).toHaveLength(1);
    expect(kernelOf("before").dataRequires).toHaveLength(6);
  });

  it("have the place of the whole condition", () => {
    const [first] = kernelOf("before").dataRequires;
    const column = "    requires(".length + 1;
    expect(first?.span).toMatchObject({ column, endColumn: column + "forall([T], (t) => within(ids[t], E))".length });
    expect(first?.span.line).toBe(first?.span.endLine);
  });
});

describe("conditions after it has run", () => {
  it("stand among the others, and leave the body its names", () => {
    expect(clauses("after")).toEqual([
      "requires T > 0",
      "ensures forall([T, T], (s, t_1) => s === t_1 || position[s] !== position[t_1])",
      "ensures forall([], () => position[0] === 0)",
      "ensures forall([T], (t_2) => position[t_2] === offsets[ids[t_2]] + occurrences(ids, t_2, ids[t_2]))",
    ]);
    expect(bodyOf(kernelOf("after"))).toBe("const t: int = block.x * 64 + thread.x\nheld[0] = t");
  });
});

describe("witnesses of coverage", () => {
  it("name block, thread, and the counters of the loops that write the output", () => {
    expect(clauses("witness")).toEqual([
      "covers(position, (t_4) => ({ block: [div(ids[t_4], 64)], thread: [mod(ids[t_4], 64), 0], t: t_4 }))",
      "covers(grid, (row, column) => ({ thread: [0, E, limit], t_1: row + column, t_2: row + column }))",
      "covers(rest, (t_5) => ({ block: [t_5] }))",
    ]);
  });

  it("leave out what they do not name", () => {
    const rest = kernelOf("witness").covers[2];
    expect(rest && Object.keys(rest).sort()).toEqual(["array", "block", "counters", "span", "variables"]);
    expect(rest?.counters).toEqual([]);
  });
});

describe("invariants", () => {
  it("read integer inputs, and ghosts of them", () => {
    expect(bodyOf(kernelOf("invariants"))).toContain(`for (t = 0; t < T; t += 1) {
  invariant next === offsets[0] + occurrences(ids, t, limit)
  invariant (!(t > 0) || ids[t - 1] >= 0) && prefixSum(counts, E) >= next
`);
  });
});

describe("conditions of all clauses", () => {
  it("use implies, which stands in code as well", () => {
    expect(bodyOf(kernelOf("everywhere"))).toContain("if (!(T > E) || ids[0] > 0) {");
  });

  it("are well-formed IR of names that are unique", () => {
    expect([...kernels.values()].flatMap(checkKernel)).toEqual([]);
    for (const { dataRequires, ensures, covers } of kernels.values()) {
      const variables = [...dataRequires, ...ensures].flatMap((condition) =>
        condition.variables.map(({ name }) => name),
      );
      const names = [...variables, ...covers.flatMap((clause) => clause.variables)];
      expect(new Set(names).size).toBe(names.length);
    }
  });
});
