import { describe, expect, it } from "vitest";
import { type ModelBuilder, type Tensor, tensorProgram } from "../../src/ir/tensor/model.ts";
import { printProgram } from "../../src/ir/tensor/print.ts";
import type { Initial } from "../../src/ir/tensor/types.ts";

const zero: Initial = { kind: "constant", value: 0 };

function refusals(define: (t: ModelBuilder) => void, name = "small"): readonly string[] {
  const result = tensorProgram(name, define);
  return result.ok ? [] : result.diagnostics.map(({ code, message }) => `${code} ${message}`);
}

describe("a program that is built", () => {
  const result = tensorProgram("small", (t) => {
    const x = t.input("x", ["B", "K"]);
    const w = t.weight("layer.weight", [3, 5], { kind: "uniform", bound: 0.5 });
    const y = t.linear("layer.linear", t.input("z", ["B", 5]), w, t.weight("layer.bias", [3], zero));
    const normal = t.layerNorm(
      "norm",
      y,
      t.weight("g", [3], { kind: "constant", value: 1 }),
      t.weight("b", [3], zero),
      1e-5,
    );
    const choice = t.topK("choice", t.softmax("p", normal), 2, true);
    t.output(
      "y",
      t.combine(
        "sum",
        choice,
        t.stack("parts", [y, t.gelu("gelu", y, "tanh"), t.biasAdd("shift", y, t.weight("s", [3], zero))]),
      ),
    );
    t.output("x_again", x);
  });

  it("prints in full", () => {
    if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join("; "));
    expect(printProgram(result.value)).toMatchInlineSnapshot(`
      "program small(B, K)
        input x: [B, K]
        input z: [B, 5]
        weight layer.weight: [3, 5] = uniform ±0.5
        weight layer.bias: [3] = 0
        weight g: [3] = 1
        weight b: [3] = 0
        weight s: [3] = 0
        layer.linear: [B, 3] = linear(z, layer.weight, layer.bias)
        norm: [B, 3] = layer-norm(layer.linear, g, b; epsilon = 0.00001)
        p: [B, 3] = softmax(norm)
        choice: [B, 3] = top-k(p; k = 2, renormalised)
        gelu: [B, 3] = gelu(layer.linear; tanh)
        shift: [B, 3] = bias-add(layer.linear, s)
        parts: [3, B, 3] = stack(layer.linear, gelu, shift)
        sum: [B, 3] = combine(choice, parts)
        output y: [B, 3] = sum
        output x_again: [B, K] = x
      "
    `);
  });

  it("lists its symbolic dimensions in the order of their appearance", () => {
    expect(result.ok && result.value.dims).toEqual(["B", "K"]);
  });
});

describe("a program that is refused", () => {
  it("for each mistake once, and for nothing that follows from it", () => {
    expect(
      refusals((t) => {
        const x = t.input("x", ["B", 5]);
        const bad = t.linear("bad", x, t.weight("w", [3, 4], zero));
        t.output("y", t.gelu("after", t.softmax("next", bad), "erf"));
        t.topK("worse", x, 9, false);
      }),
    ).toEqual([
      "TK251 bad: w has size 4 on axis 1, expected 5, the size of axis 1 of x",
      "TK252 worse: k is 9, expected at most 5, the size of axis 1 of p",
    ]);
  });

  it("for gradients that cannot be made", () => {
    const twoRows = (t: ModelBuilder): Tensor => t.gatherRows("rows", t.input("x", [3, 4]), t.input("s", [2], "i32"));
    expect(
      refusals((t) => {
        const x = t.weight("w", [3, 4], zero);
        const rows = t.gatherRows("rows", x, t.input("s", [2], "i32"));
        t.gradients([{ of: rows, gradient: t.input("d", [2, 4]) }], [x], (part) => part);
      }),
    ).toEqual([
      expect.stringMatching(/^TK261 small: rows cannot be differentiated: gather-rows may take a row several/),
    ]);
    // What is sorted elsewhere has its inverse, and its groups, elsewhere.
    expect(
      refusals((t) => {
        const gates = t.weight("gates", [3, 2], zero);
        const y = t.combineRows("y", gates, t.input("parts", [6, 4]), t.input("place", [6], "i32"));
        t.gradients([{ of: y, gradient: t.input("d", [3, 4]) }], [gates], (part) => part);
      }),
    ).toEqual([
      expect.stringMatching(/^TK261 small: y cannot be differentiated: token-positions of the same assignments is not/),
    ]);
    expect(
      refusals((t) => {
        const gamma = t.weight("gamma", [2, 4], zero);
        const [beta, expert] = [t.input("beta", [2, 4]), t.input("expert", [6], "i32")];
        const y = t.groupedLayerNorm("y", t.input("x", [6, 4]), gamma, beta, expert, 1e-5);
        t.gradients([{ of: y, gradient: t.input("d", [6, 4]) }], [gamma], (part) => part);
      }),
    ).toEqual([
      expect.stringMatching(/^TK261 small: y cannot be differentiated: slot-experts of the same assignments is not/),
    ]);
    expect(
      refusals((t) => {
        t.gradients([{ of: twoRows(t), gradient: t.input("d", [2, 5]) }], [], (part) => part);
      }),
    ).toEqual(["TK251 small: the gradient d has shape [2, 5], expected [2, 4], that of rows"]);
    expect(
      refusals((t) => {
        const rows = twoRows(t);
        t.gradients([{ of: rows, gradient: rows }], [t.weight("w", [1], zero)], (part) => part);
      }),
    ).toEqual(["TK262 small: no gradient is given of what depends on w"]);
    expect(refusals((t) => t.within("a-b", () => t.output("x", t.input("x", [1]))))).toEqual([
      'TK263 small: "a-b" is no name for a part',
    ]);
  });

  it("for names that are taken or malformed", () => {
    expect(
      refusals((t) => {
        const x = t.input("x", ["B", 5]);
        t.input("x", ["B", 5]);
        t.gelu("a b", x, "erf");
        t.output("y", x);
        t.output("y", x);
        t.output("y..z", x);
      }, "1st"),
    ).toEqual([
      'TK255 1st: "1st" is no name for a program',
      "TK254 1st: the name x is taken",
      'TK255 1st: "a b" is no name for a tensor',
      "TK254 1st: the output y is given twice",
      'TK255 1st: "y..z" is no name for an output',
    ]);
  });

  it("for dimensions that are no sizes, and initial values that are no numbers", () => {
    expect(
      refusals((t) => {
        t.input("x", ["B", -1]);
        t.output("y", t.input("z", ["B", 1.5, "a-b"]));
        t.weight("w", [3], { kind: "uniform", bound: Number.NaN });
      }),
    ).toEqual([
      "TK256 small: x has a dimension -1",
      "TK256 small: z has a dimension 1.5",
      'TK256 small: z has a dimension "a-b"',
      "TK259 small: w starts from NaN, expected a finite number",
    ]);
  });

  it("without outputs, and with a tensor of another program", () => {
    expect(refusals((t) => void t.input("x", ["B"]))).toEqual(["TK257 small: has no outputs"]);
    const strangers: Tensor[] = [];
    tensorProgram("other", (t) => void strangers.push(t.input("x", ["B"])));
    const [stranger] = strangers;
    if (stranger === undefined) throw new Error("no tensor");
    expect(
      refusals((t) => {
        t.input("x", ["B"]);
        t.output("y", t.gelu("g", stranger, "erf"));
      }),
    ).toEqual(["TK258 small: g uses a tensor x that this program has not made"]);
  });
});
