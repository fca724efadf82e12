/**
 * Each operation of the backward pass is the derivative of the operation that it belongs to: the forward definition is
 * differentiated symbolically, contracted with a gradient, and has to be equal to the backward definition, over the reals.
 */

import { describe, expect, it } from "vitest";
import type { OperationClaim } from "../../src/ir/tensor/claims.ts";
import { defineClaim, type RealAttributes, type RealTensor } from "../../src/verify/equivalence/define.ts";
import { derivatives } from "../../src/verify/equivalence/derivative.ts";
import { freshTables, type Tables } from "../../src/verify/equivalence/tables.ts";

type Operands = Readonly<Record<string, RealTensor>>;

interface Pair {
  readonly forward: OperationClaim;
  /** Shapes of the forward operation's inputs, in order, by name. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** What inputs of integers hold. */
  readonly integers?: Readonly<Record<string, readonly number[]>>;
  /** Of which input. */
  readonly by: string;
  /** The gradient as the backward operations give it; `y` is the forward result and `dy` its gradient. */
  readonly backward: (use: Use, of: Operands) => RealTensor;
}

type Use = (claim: OperationClaim, ...inputs: readonly RealTensor[]) => RealTensor;

const get = (of: Operands, name: string): RealTensor => {
  const found = of[name];
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};
const on =
  (claim: OperationClaim, ...names: readonly string[]): Pair["backward"] =>
  (use, of) =>
    use(claim, ...names.map((name) => get(of, name)));

const LINEAR = { x: [2, 3], w: [4, 3], bias: [4] } as const;
const NORM = { x: [2, 3], gamma: [3], beta: [3] } as const;
const GROUPED = { x: [4, 2], w: [3, 2, 2], bias: [3, 2], offsets: [4], expert: [4] } as const;
/** Expert 1 has no rows. */
const GROUPS = { offsets: [0, 3, 3, 4], expert: [0, 0, 0, 2] } as const;
const COMBINE = { weights: [2, 3], parts: [3, 2, 2] } as const;

const PAIRS: readonly Pair[] = [
  { forward: "linear", shapes: LINEAR, by: "x", backward: on("matmul_nn", "dy", "w") },
  { forward: "linear", shapes: LINEAR, by: "w", backward: on("matmul_tn", "dy", "x") },
  { forward: "linear", shapes: LINEAR, by: "bias", backward: on("column_sum", "dy") },
  { forward: "layer_norm", shapes: NORM, by: "x", backward: on("layer_norm_dx", "x", "gamma", "dy") },
  {
    forward: "layer_norm",
    shapes: NORM,
    by: "gamma",
    backward: (use, of) => use("column_dot", get(of, "dy"), use("standardise", get(of, "x"))),
  },
  { forward: "layer_norm", shapes: NORM, by: "beta", backward: on("column_sum", "dy") },
  { forward: "gelu", shapes: { x: [2, 2] }, by: "x", backward: on("gelu_dx", "x", "dy") },
  { forward: "gelu_tanh", shapes: { x: [2, 2] }, by: "x", backward: on("gelu_tanh_dx", "x", "dy") },
  { forward: "softmax", shapes: { x: [2, 3] }, by: "x", backward: on("softmax_dx", "y", "dy") },
  { forward: "combine", shapes: COMBINE, by: "weights", backward: on("combine_dweights", "weights", "parts", "dy") },
  { forward: "combine", shapes: COMBINE, by: "parts", backward: on("combine_dparts", "weights", "dy") },
  ...(["x", "w", "bias"] as const).map(
    (by): Pair => ({
      forward: "grouped_linear",
      shapes: GROUPED,
      integers: GROUPS,
      by,
      backward: {
        x: on("grouped_matmul_nn", "dy", "w", "offsets", "expert"),
        w: on("grouped_matmul_tn", "dy", "x", "offsets"),
        bias: on("grouped_column_sum", "dy", "offsets"),
      }[by],
    }),
  ),
  ...(["x", "gamma", "beta"] as const).map(
    (by): Pair => ({
      forward: "grouped_layer_norm",
      shapes: { x: [4, 2], gamma: [3, 2], beta: [3, 2], expert: [4] },
      integers: GROUPS,
      by,
      backward: {
        x: on("grouped_layer_norm_dx", "x", "gamma", "dy", "expert"),
        gamma: (use: Use, of: Operands) =>
          use("grouped_column_dot", get(of, "dy"), use("standardise", get(of, "x")), get(of, "offsets")),
        beta: on("grouped_column_sum", "dy", "offsets"),
      }[by],
    }),
  ),
  ...(["gates", "parts"] as const).map(
    (by): Pair => ({
      forward: "combine_rows",
      shapes: { gates: [2, 2], parts: [4, 2], position: [4] },
      integers: { position: [2, 0, 3, 1], source: [1, 3, 0, 2] },
      by,
      backward: {
        gates: on("combine_rows_dgates", "gates", "parts", "dy", "position"),
        parts: on("combine_rows_dparts", "gates", "dy", "source"),
      }[by],
    }),
  ),
  {
    forward: "normalise_rows",
    shapes: { x: [2, 3] },
    by: "x",
    backward: on("normalise_rows_dx", "x", "y", "dy"),
  },
  {
    forward: "cross_entropy",
    shapes: { x: [2, 4], first: [2], second: [2] },
    integers: { first: [0, 1], second: [1, 0] },
    by: "x",
    backward: on("cross_entropy_dx", "x", "dy", "first", "second"),
  },
  { forward: "z_loss", shapes: { x: [2, 3] }, by: "x", backward: on("z_loss_dx", "x", "dy") },
];

function variables(tables: Tables, name: string, shape: readonly number[]): RealTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, elements: Array.from({ length: count }, (_, i) => tables.reals.variable(`${name}${i}`)) };
}

/** The elements at which the derivative and the backward operations differ. */
function different({ forward, shapes, integers = {}, by, backward }: Pair, scale = 1): readonly number[] {
  const tables = freshTables();
  const { reals } = tables;
  const attributes: RealAttributes = {
    epsilon: reals.variable("epsilon"),
    beta: reals.variable("beta"),
    split: 2,
  };
  const use = (claim: OperationClaim, ...inputs: readonly RealTensor[]): RealTensor => {
    // The last value is the claim's result; its inputs come before it.
    const result = [...defineClaim(reals, claim, inputs, attributes).values()].at(-1);
    if (result === undefined) throw new Error(`${claim} gives nothing`);
    return result;
  };
  const tensor = (name: string, shape: readonly number[]): RealTensor => {
    const values = integers[name];
    if (values === undefined) return variables(tables, name, shape);
    return { shape, elements: values.map((value) => reals.constant(value)) };
  };
  const inputs = Object.entries(shapes).map(([name, shape]) => [name, tensor(name, shape)] as const);
  const y = use(forward, ...inputs.map(([, value]) => value));
  const dy = variables(tables, "dy", y.shape);
  const loss = y.elements.reduce((sum, value, i) => {
    const gradient = dy.elements[i] ?? reals.zero;
    return reals.add(sum, reals.multiply(gradient, value));
  }, reals.zero);
  const others = Object.entries(integers).map(([name, values]) => [name, tensor(name, [values.length])] as const);
  const of: Operands = { ...Object.fromEntries([...others, ...inputs]), y, dy };
  const expected = derivatives(reals, loss, get(of, by).elements);
  const actual = backward(use, of);
  expect(actual.elements).toHaveLength(expected.length);
  return expected.flatMap((value, i) => {
    const found = reals.multiply(reals.constant(scale), actual.elements[i] ?? reals.zero);
    return tables.equal(tables.formOf(value), tables.formOf(found)) ? [] : [i];
  });
}

describe("the derivative of a definition", () => {
  it.each(PAIRS)("$forward by $by is what the backward pass computes", (pair) => {
    expect(different(pair)).toEqual([]);
  });

  it.each(PAIRS)("$forward by $by is not twice that", (pair) => {
    expect(different(pair, 2)).not.toEqual([]);
  });
});
