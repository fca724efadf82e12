/**
 * The reference evaluator on sparse programs whose choice is open in f32: what it still promises of them.
 *
 * The router has the logits x itself, three experts of which one is chosen. In the first row two of them are nearer to each
 * other than the errors of softmax; in the others the choice is clear.
 */

import { describe, expect, it } from "vitest";
import { evaluateProgram } from "../../src/ir/tensor/evaluate.ts";
import { type ModelBuilder, type Tensor, tensorProgram } from "../../src/ir/tensor/model.ts";
import { unwrap } from "../conformance/library.ts";

const ROWS = [
  [1, 1 + 2 ** -23, -5],
  [0, 0, 9],
  [9, 0, 0],
];
const X = Float64Array.from(ROWS.flat());
const UNKNOWN = Number.POSITIVE_INFINITY;

function boundsOf(define: (t: ModelBuilder, x: Tensor) => Readonly<Record<string, Tensor>>, given = X) {
  const program = unwrap(
    tensorProgram("sparse", (t) => {
      for (const [name, value] of Object.entries(define(t, t.input("x", ["B", 3])))) t.output(name, value);
    }),
  );
  const { outputs, uncertainRows } = evaluateProgram(program, { B: given.length / 3 }, new Map([["x", given]]));
  return { uncertainRows, bound: (name: string) => [...(outputs.get(name)?.bound ?? [])] };
}

const routed = (t: ModelBuilder, x: Tensor) => {
  const { ids, gates } = t.topKExperts("top_k", t.softmax("p", x), 1);
  const groups = t.groupByExpert("groups", ids, 3);
  const rows = t.gatherAssignments("rows", x, groups.source, 1);
  return { ids, gates, groups, rows, y: t.combineRows("combine", gates, rows, groups.position) };
};

describe("a choice that f32 may make otherwise", () => {
  it("leaves the rows open of which it is, and bounds the others", () => {
    const { uncertainRows, bound } = boundsOf((t, x) => {
      const { ids, gates, y } = routed(t, x);
      return { expert_of_row: ids, gate_of_row: gates, y };
    });
    expect(uncertainRows).toEqual([0]);
    expect(bound("expert_of_row")).toEqual([UNKNOWN, 0, 0]);
    expect(bound("gate_of_row").map(Number.isFinite)).toEqual([false, true, true]);
    expect(bound("y").map(Number.isFinite)).toEqual([false, false, false, true, true, true, true, true, true]);
  });

  it("promises nothing of what is counted or sorted by it, since another row may stand in each place", () => {
    const { bound } = boundsOf((t, x) => {
      const { groups, rows } = routed(t, x);
      const { offsets, position, expert, source } = groups;
      return {
        starts: offsets,
        place: position,
        owner: expert,
        token: source,
        sorted: rows,
        sums: t.rowSquares("s", rows),
      };
    });
    for (const name of ["starts", "place", "owner", "token", "sorted", "sums"]) {
      expect([name, new Set(bound(name))]).toEqual([name, new Set([UNKNOWN])]);
    }
  });

  it("promises nothing of rows that are put back by the places of another choice, or that are combined anew", () => {
    const { bound } = boundsOf((t, x) => {
      const { gates, rows } = routed(t, x);
      const other = t.topKExperts("other", x, 1);
      const { position } = t.groupByExpert("others", other.ids, 3);
      return { mixed: t.combineRows("mixed_rows", gates, rows, position) };
    });
    expect(new Set(bound("mixed"))).toEqual(new Set([UNKNOWN]));
  });

  it("bounds everything where each choice is certain", () => {
    const { uncertainRows, bound } = boundsOf((t, x) => {
      const { groups, rows, y } = routed(t, x);
      return { starts: groups.offsets, sorted: rows, result: y };
    }, X.slice(3));
    expect(uncertainRows).toEqual([]);
    expect([bound("starts"), bound("sorted")]).toEqual([[0, 0, 0, 0], new Array(6).fill(0)]);
    expect(bound("result").every(Number.isFinite)).toBe(true);
  });
});
