import { describe, expect, it } from "vitest";
import { foldDim, isDim, nameOfDim, nextDim, scaledDim, sizeOfDim } from "../../src/ir/tensor/dim.ts";
import { shapeOf } from "../../src/ir/tensor/shapes.ts";
import { type Shape, valueId } from "../../src/ir/tensor/types.ts";

describe("a dimension", () => {
  it.each([0, 7, "B", "2*B", "E+1", "12*rows_2+30"])("may be %j", (dim) => expect(isDim(dim)).toBe(true));

  it.each([-1, 0.5, "", "2", "1*B", "0*B", "02*B", "B+0", "B*2", "2 * B", "E-1", "B+E", `${2 ** 60}*B`])(
    "may not be %j",
    (dim) => expect(isDim(dim)).toBe(false),
  );

  it("has one spelling, whichever way it was made", () => {
    expect(scaledDim(2, scaledDim(3, "B"))).toBe("6*B");
    expect(scaledDim(1, "B")).toBe("B");
    expect(scaledDim(0, "B")).toBe(0);
    expect(scaledDim(3, nextDim("E"))).toBe("3*E+3");
    expect(nextDim(nextDim(scaledDim(2, "E")))).toBe("2*E+2");
    expect([scaledDim(4, 5), nextDim(5)]).toEqual([20, 6]);
  });

  it("has a size where its name has one", () => {
    expect(sizeOfDim("2*B+1", { B: 4 })).toBe(9);
    expect(sizeOfDim("2*B+1", { E: 4 })).toBeUndefined();
    expect(sizeOfDim(5, {})).toBe(5);
    expect([nameOfDim("2*B+1"), nameOfDim(5)]).toEqual(["B", undefined]);
  });

  it("is read in any arithmetic, without operations that change nothing", () => {
    const text = {
      integer: String,
      named: (name: string) => name,
      add: (a: string, b: string) => `(${a} + ${b})`,
      multiply: (a: string, b: string) => `${a}·${b}`,
    };
    expect(["B", "2*B", "E+1", "2*B+1", 3].map((dim) => foldDim(dim, text))).toEqual([
      "B",
      "2·B",
      "(E + 1)",
      "(2·B + 1)",
      "3",
    ]);
  });
});

describe("operations whose results have other dimensions than their operands", () => {
  const [p, ids, x, source] = [valueId("p"), valueId("ids"), valueId("x"), valueId("source")];
  const shape = (...given: Parameters<typeof shapeOf>): Shape | string[] => {
    const result = shapeOf(...given);
    return result.ok ? result.value : result.diagnostics.map(({ code, message }) => `${code} ${message}`);
  };

  it("multiply and add to names", () => {
    const label = "step";
    expect(shape({ kind: "top-k-experts", label, p, k: 2 }, [["B", 8]])).toEqual(["2*B"]);
    expect(shape({ kind: "expert-counts", label, ids, experts: 8 }, [["2*B"]])).toEqual([8]);
    const offsets = { kind: "expert-offsets", label, ids, counts: valueId("counts") } as const;
    expect([shape(offsets, [["2*B"], [8]]), shape(offsets, [["2*B"], ["E"]])]).toEqual([[9], ["E+1"]]);
    expect(shape({ kind: "gather-assignments", label, x, source, k: 2 }, [["B", 5], ["2*B"]])).toEqual(["2*B", 5]);
  });

  it("refuse what is another multiple, another name or a choice of too many", () => {
    const label = "step";
    expect(shape({ kind: "gather-assignments", label, x, source, k: 2 }, [["B", 5], ["3*B"]])).toEqual([
      "TK251 step: source has size 3*B on axis 0, expected 2*B, the size of axis 0 of x times k = 2",
    ]);
    expect(shape({ kind: "gather-assignments", label, x, source, k: 0 }, [["B", 5], [0]])).toEqual([
      "TK252 step: k is 0, expected an integer from 1",
    ]);
    expect(shape({ kind: "top-k-experts", label, p, k: 9 }, [["B", 8]])).toEqual([
      "TK252 step: k is 9, expected at most 8, the size of axis 1 of p",
    ]);
    const combine = { kind: "combine-rows", label, gates: p, parts: x, position: ids } as const;
    expect(shape(combine, [["B", 2], ["3*B", 5], ["3*B"]])).toEqual([
      "TK251 step: parts has size 3*B on axis 0, expected 2*B, the size of axis 0 of gates times that of axis 1",
    ]);
    expect(shape({ kind: "expert-counts", label, ids, experts: -1 }, [["T"]])).toEqual([
      "TK252 step: experts is -1, expected an integer from 0",
    ]);
  });
});
