import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ClaimAttributes, OperationSignature } from "../../src/ir/tensor/claim-signature.ts";
import { claimOf, isOperationClaim, OPERATION_SIGNATURES } from "../../src/ir/tensor/claims.ts";
import { shapeOf } from "../../src/ir/tensor/shapes.ts";
import { type Dim, type Op, operandsOf, type Shape, valueId } from "../../src/ir/tensor/types.ts";

const label = "expert2.layer0";
const [x, w, bias] = [valueId("x"), valueId("w"), valueId("bias")];
const linear: Op = { kind: "linear", label, x, w, bias };
const matmul: Op = { kind: "linear", label, x, w };
const biasAdd: Op = { kind: "bias-add", label, x, bias };
const norm = (epsilon: number): Op => ({ kind: "layer-norm", label, x, gamma: w, beta: bias, epsilon });
const softmax: Op = { kind: "softmax", label, x };
const topK = (k: number): Op => ({ kind: "top-k", label, p: x, k, renormalise: false });
const stack: Op = { kind: "stack", label, parts: [x, w] };
const combine: Op = { kind: "combine", label, weights: x, parts: w };
const [gradient, scale, rates] = [valueId("gradient"), valueId("scale"), valueId("rates")];
const adamwMean = (beta1: number): Op => ({ kind: "adamw-mean", label, mean: x, gradient, scale, beta1 });
const adamwSquare = (beta2: number): Op => ({ kind: "adamw-square", label, square: x, gradient, scale, beta2 });
const adamwWeight = (epsilon: number, decay: number): Op => ({
  kind: "adamw-weight",
  label,
  weight: w,
  mean: x,
  square: bias,
  rates,
  epsilon,
  decay,
});
const concat: Op = { kind: "concat", label, parts: [x] };
const rowSquares: Op = { kind: "row-squares", label, x };
const total: Op = { kind: "total", label, x };
const clipScale = (maxNorm: number): Op => ({ kind: "clip-scale", label, squares: x, maxNorm });
const packPanels: Op = { kind: "pack-panels", label, w };
const unpackPanels = (columns: number): Op => ({ kind: "unpack-panels", label, w, columns });
/** Every attribute of claims, each with a valid value of its own. */
const ATTRIBUTES: Required<ClaimAttributes> = {
  epsilon: 1e-5,
  k: 2,
  experts: 3,
  beta1: 0.5,
  beta2: 0.75,
  decay: 0.25,
  max_norm: 3,
  interval: 9,
  stream: 5,
  split: 1,
  columns: 4,
  alpha: 0.01,
  beta: 0.001,
};

describe("shapes that agree", () => {
  const cases: readonly (readonly [Op, readonly Shape[], Shape])[] = [
    [linear, [["B", 96], [128, 96], [128]], ["B", 128]],
    [
      matmul,
      [
        ["B", "K"],
        ["N", "K"],
      ],
      ["B", "N"],
    ],
    [biasAdd, [["B", 7, "N"], ["N"]], ["B", 7, "N"]],
    [norm(1e-5), [["B", 128], [128], [128]], ["B", 128]],
    [{ kind: "gelu", label, x, form: "erf" }, [["B", 3, 5]], ["B", 3, 5]],
    [softmax, [["B", 4]], ["B", 4]],
    [topK(4), [["B", 4]], ["B", 4]],
    [topK(8), [["B", "E"]], ["B", "E"]],
    [
      stack,
      [
        ["B", 20],
        ["B", 20],
      ],
      [2, "B", 20],
    ],
    [
      combine,
      [
        ["B", 4],
        [4, "B", 20],
      ],
      ["B", 20],
    ],
    [linear, [[0, 0], [1, 0], [1]], [0, 1]],
    [rowSquares, [["R", 4]], ["R"]],
    [rowSquares, [[4]], [1]],
    [rowSquares, [[3, 2, 4]], [6]],
    [concat, [[3], [4]], [7]],
    [total, [["N"]], [1]],
    [clipScale(1), [[1]], [1]],
    [packPanels, [["E", 33, "K"]], ["E", 2, "K", 32]],
    [packPanels, [[4, 0, 7]], [4, 0, 7, 32]],
    [unpackPanels(33), [["E", 2, "K", 32]], ["E", 33, "K"]],
    [unpackPanels(40), [["E", "P", "K", 32]], ["E", 40, "K"]],
    [adamwMean(0), [["R", 4], ["R", 4], [1]], ["R", 4]],
    [adamwSquare(0.999), [["R", 4], ["R", 4], [1]], ["R", 4]],
    [adamwWeight(1e-8, 0), [["R", 4], ["R", 4], ["R", 4], [3]], ["R", 4]],
  ];
  it.each(cases)("%j of %j is %j", (op, shapes, expected) => {
    expect(shapeOf(op, shapes)).toEqual({ ok: true, value: expected });
  });
});

describe("shapes that do not", () => {
  const cases: readonly (readonly [Op, readonly Shape[], readonly string[]])[] = [
    [linear, [["B", 96], [128, 97], [128]], ["TK251 w has size 97 on axis 1, expected 96, the size of axis 1 of x"]],
    [
      linear,
      [["B", 96], [128, "K"], [127]],
      [
        "TK251 w has size K on axis 1, expected 96, the size of axis 1 of x",
        "TK251 bias has size 127 on axis 0, expected 128, the size of axis 0 of w",
      ],
    ],
    [linear, [["B", "K"], ["N", "M"], ["N"]], ["TK251 w has size M on axis 1, expected K, the size of axis 1 of x"]],
    [packPanels, [["E", "N", "K"]], ["TK251 w has size N on axis 1, expected an integer"]],
    [packPanels, [["E", "N"]], ["TK250 w has shape [E, N] of rank 2, expected rank 3"]],
    [
      unpackPanels(65),
      [["E", 2, "K", 16]],
      [
        "TK251 w has size 16 on axis 3, expected 32, the size of the rows of a panel",
        "TK252 columns is 65, expected an integer from 0 to 64, as the panels have",
      ],
    ],
    [linear, [["B"], [128, 96], [128]], ["TK250 x has shape [B] of rank 1, expected rank 2"]],
    [linear, [["B", 0], [128, 96], [128]], ["TK251 w has size 96 on axis 1, expected 0, the size of axis 1 of x"]],
    [
      biasAdd,
      [
        ["B", 4],
        [4, 1],
      ],
      ["TK250 bias has shape [4, 1] of rank 2, expected rank 1"],
    ],
    [biasAdd, [["B", 4]], ["TK253 bias-add has 1 operands, expected 2 to 2"]],
    [
      norm(1e-5),
      [["B", 4], [3], [5]],
      [
        "TK251 gamma has size 3 on axis 0, expected 4, the size of the last axis of x",
        "TK251 beta has size 5 on axis 0, expected 4, the size of the last axis of x",
      ],
    ],
    [norm(0), [["B", 4], [4], [4]], ["TK252 epsilon is 0, expected a number from 2^-126 to 1"]],
    [norm(Number.NaN), [["B", 4], [4], [4]], ["TK252 epsilon is NaN, expected a number from 2^-126 to 1"]],
    [softmax, [[]], ["TK250 x has shape [] of rank 0, expected rank 1 or more"]],
    [topK(5), [["B", 4]], ["TK252 k is 5, expected at most 4, the size of axis 1 of p"]],
    [topK(0), [["B", 4]], ["TK252 k is 0, expected an integer from 1"]],
    [topK(1.5), [["B", 4]], ["TK252 k is 1.5, expected an integer from 1"]],
    [{ kind: "stack", label, parts: [] }, [], ["TK253 has no parts, expected at least one"]],
    [
      stack,
      [
        ["B", 20],
        ["B", 21],
      ],
      ["TK251 part 1 has size 21 on axis 1, expected 20, the size of axis 1 of part 0"],
    ],
    [
      combine,
      [
        ["B", 4],
        [5, "C", 20],
      ],
      [
        "TK251 parts has size 5 on axis 0, expected 4, the size of axis 1 of weights",
        "TK251 parts has size C on axis 1, expected B, the size of axis 0 of weights",
      ],
    ],
    [
      adamwMean(1),
      [["R", 4], ["R", 5], [2]],
      [
        "TK251 gradient has size 5 on axis 1, expected 4, the size of axis 1 of mean",
        "TK251 scale has size 2 on axis 0, expected 1, the size of one factor",
        "TK252 beta1 is 1, expected a number from 0 to below 1",
      ],
    ],
    [rowSquares, [[]], ["TK250 x has shape [] of rank 0, expected rank 1 or more"]],
    [rowSquares, [["B", 2, 4]], ["TK251 x has shape [B, 2, 4], expected integers"]],
    [concat, [], ["TK253 has no parts, expected at least one"]],
    [concat, [["B"]], ["TK251 part 0 has size B, expected an integer"]],
    [concat, [[2, 3]], ["TK250 part 0 has shape [2, 3] of rank 2, expected rank 1"]],
    [total, [["R", 4]], ["TK250 x has shape [R, 4] of rank 2, expected rank 1"]],
    [
      clipScale(0),
      [["N"]],
      [
        "TK251 squares has size N on axis 0, expected 1, the size of one sum",
        "TK252 max_norm is 0, expected a number above 0",
      ],
    ],
    [
      adamwSquare(-0.5),
      [["R", 4], [4], [1]],
      [
        "TK250 gradient has shape [4] of rank 1, expected rank 2",
        "TK252 beta2 is -0.5, expected a number from 0 to below 1",
      ],
    ],
    [
      adamwWeight(0, Number.NaN),
      [["R", 4], ["S", 4], ["R", 3], [2]],
      [
        "TK251 mean has size S on axis 0, expected R, the size of axis 0 of weight",
        "TK251 square has size 3 on axis 1, expected 4, the size of axis 1 of weight",
        "TK251 rates has size 2 on axis 0, expected 3, the size of a learning rate and two corrections",
        "TK252 epsilon is 0, expected a number from 2^-126 to 1",
        "TK252 decay is NaN, expected a number from 0",
      ],
    ],
  ];
  it.each(cases)("%j of %j", (op, shapes, expected) => {
    const result = shapeOf(op, shapes);
    const messages = result.ok ? [] : result.diagnostics.map(({ code, message }) => `${code} ${message}`);
    expect(messages).toEqual(expected.map((text) => text.replace(" ", ` ${label}: `)));
  });
});

describe("claims", () => {
  const claims: readonly (readonly [string, OperationSignature])[] = Object.entries(OPERATION_SIGNATURES);

  /** What dimensions that depend on attributes are, under `ATTRIBUTES`. */
  const DEPENDENT: Readonly<Record<string, Readonly<Record<string, Dim>>>> = {
    top_k_experts: { K: 2, T: "2*B" },
    expert_counts: { E: 3 },
    gather_assignments: { T: "2*R" },
    top_k_gates_dp: { E: 3 },
    pack_panels: { N: 40, P: 2 },
    unpack_panels: { N: 4 },
    packed_grouped_linear: { N: 4 },
    packed_grouped_linear_layer_norm_gelu: { N: 4 },
    packed_grouped_linear_layer_norm_gelu_tanh: { N: 4 },
  };

  it.each(claims)("%s: its operations make its outputs from its inputs, for all shapes", (claim, signature) => {
    const given = (shape: Shape): Shape => shape.map((dim) => DEPENDENT[claim]?.[dim] ?? dim);
    const shapes = new Map<string, Shape>(signature.inputs.map(({ name, shape }) => [name, given(shape)]));
    const read = new Set<string>();
    for (const { id, op } of signature.steps(ATTRIBUTES)) {
      const operands = operandsOf(op);
      for (const operand of operands) read.add(operand);
      const shape = shapeOf(
        op,
        operands.map((operand) => shapes.get(operand) ?? []),
      );
      if (!shape.ok) throw new Error(shape.diagnostics.map(({ message }) => message).join("; "));
      expect(shapes.has(id)).toBe(false);
      shapes.set(id, shape.value);
    }
    for (const { name, shape } of signature.outputs) expect(shapes.get(name)).toEqual(given(shape));
    for (const { name } of signature.inputs) expect(read).toContain(name);
  });

  it.each(claims)("%s lists exactly the attributes that its operations need", (_name, signature) => {
    for (const attribute of Object.keys(ATTRIBUTES)) {
      const without = JSON.stringify(signature.steps({ ...ATTRIBUTES, [attribute]: 7 }));
      const needed = signature.attributes.some((name) => name === attribute);
      expect(without !== JSON.stringify(signature.steps(ATTRIBUTES))).toBe(needed);
    }
  });

  it("stand in the language's reference as they are", () => {
    const tensors = (list: OperationSignature["inputs"]): string =>
      list
        .map(({ name, shape, element }) => `${name}[${shape.join(", ")}]${element === "float" ? "" : ` ${element}`}`)
        .join(", ");
    const rows = Object.entries<OperationSignature>(OPERATION_SIGNATURES).map(
      ([name, { inputs, outputs, attributes, sized = {} }]) =>
        `| \`${name}\` | ${tensors(inputs)} | ${tensors(outputs)} | ${attributes.filter((attribute) => !Object.hasOwn(sized, attribute)).join(", ")} |`,
    );
    expect(readFileSync("docs/language.md", "utf8")).toContain(`| --- | --- | --- | --- |\n${rows.join("\n")}\n\n`);
  });

  it("give the signatures that kernels are checked against", () => {
    const text = claims.map(([name, { inputs, outputs, attributes }]) => {
      const tensors = (list: OperationSignature["inputs"]): string =>
        list.map(({ name: tensor, shape }) => `${tensor}[${shape.join(",")}]`).join(" ");
      return `${name}: ${tensors(inputs)} → ${tensors(outputs)}${attributes.length > 0 ? `; ${attributes.join(" ")}` : ""}`;
    });
    expect(text.join("\n")).toMatchInlineSnapshot(`
      "linear: x[B,K] w[N,K] bias[N] → y[B,N]
      matmul: x[B,K] w[N,K] → y[B,N]
      bias_add: x[B,N] bias[N] → y[B,N]
      layer_norm: x[B,N] gamma[N] beta[N] → y[B,N]; epsilon
      gelu: x[B,N] → y[B,N]
      gelu_tanh: x[B,N] → y[B,N]
      softmax: x[B,N] → y[B,N]
      top_k_mask: p[B,E] → w[B,E]; k
      top_k_mask_renormalised: p[B,E] → w[B,E]; k
      combine: weights[B,E] parts[E,B,N] → y[B,N]
      linear_gelu: x[B,K] w[N,K] bias[N] → y[B,N]
      linear_gelu_tanh: x[B,K] w[N,K] bias[N] → y[B,N]
      bias_gelu: x[B,N] bias[N] → y[B,N]
      bias_gelu_tanh: x[B,N] bias[N] → y[B,N]
      bias_layer_norm: x[B,N] bias[N] gamma[N] beta[N] → y[B,N]; epsilon
      layer_norm_gelu: x[B,N] gamma[N] beta[N] → y[B,N]; epsilon
      layer_norm_gelu_tanh: x[B,N] gamma[N] beta[N] → y[B,N]; epsilon
      bias_layer_norm_gelu: x[B,N] bias[N] gamma[N] beta[N] → y[B,N]; epsilon
      bias_layer_norm_gelu_tanh: x[B,N] bias[N] gamma[N] beta[N] → y[B,N]; epsilon
      linear_layer_norm_gelu: x[B,K] w[N,K] bias[N] gamma[N] beta[N] → y[B,N]; epsilon
      linear_layer_norm_gelu_tanh: x[B,K] w[N,K] bias[N] gamma[N] beta[N] → y[B,N]; epsilon
      softmax_top_k: x[B,E] → p[B,E] w[B,E]; k
      softmax_top_k_renormalised: x[B,E] → p[B,E] w[B,E]; k
      gather_rows: x[R,N] source[T] → y[T,N]
      scatter_rows: x[T,N] position[T] source[T] → y[T,N]
      combine_rows: gates[B,K] parts[T,N] position[T] → y[B,N]
      adamw: weight[R,C] mean[R,C] square[R,C] gradient[R,C] scale[1] rates[3] → new_weight[R,C] new_mean[R,C] new_square[R,C]; beta1 beta2 epsilon decay
      row_squares: x[R,C] → y[R]
      total: x[N] → y[1]
      clip_scale: squares[1] → scale[1]; max_norm
      add: x[B,N] y[B,N] → z[B,N]
      matmul_nn: x[B,N] w[N,K] → y[B,K]
      matmul_nn_gelu_dx: x[B,N] w[N,K] z[B,K] → dz[B,K]
      matmul_nn_gelu_tanh_dx: x[B,N] w[N,K] z[B,K] → dz[B,K]
      matmul_tn: x[B,N] y[B,K] → z[N,K]
      column_sum: x[B,N] → y[N]
      column_dot: x[B,N] y[B,N] → z[N]
      standardise: x[B,N] → y[B,N]; epsilon
      layer_norm_dx: x[B,N] gamma[N] dy[B,N] → dx[B,N]; epsilon
      gelu_dx: x[B,N] dy[B,N] → dx[B,N]
      gelu_tanh_dx: x[B,N] dy[B,N] → dx[B,N]
      softmax_dx: p[B,N] dp[B,N] → dx[B,N]
      top_k_dp: w[B,E] dw[B,E] → dp[B,E]
      top_k_dp_renormalised: w[B,E] dw[B,E] p[B,E] → dp[B,E]
      combine_dparts: weights[B,E] dy[B,N] → dparts[E,B,N]
      combine_dweights: weights[B,E] parts[E,B,N] dy[B,N] → dweights[B,E]
      grouped_linear: x[T,K] w[E,N,K] bias[E,N] offsets[E+1] expert[T] → y[T,N]
      grouped_layer_norm: x[T,N] gamma[E,N] beta[E,N] expert[T] → y[T,N]; epsilon
      grouped_layer_norm_gelu: x[T,N] gamma[E,N] beta[E,N] expert[T] → y[T,N]; epsilon
      grouped_layer_norm_gelu_tanh: x[T,N] gamma[E,N] beta[E,N] expert[T] → y[T,N]; epsilon
      grouped_linear_layer_norm_gelu: x[T,K] w[E,N,K] bias[E,N] offsets[E+1] expert[T] gamma[E,N] beta[E,N] → y[T,N]; epsilon
      grouped_linear_layer_norm_gelu_tanh: x[T,K] w[E,N,K] bias[E,N] offsets[E+1] expert[T] gamma[E,N] beta[E,N] → y[T,N]; epsilon
      grouped_matmul_nn: x[T,N] w[E,N,K] offsets[E+1] expert[T] → y[T,K]
      grouped_matmul_nn_gelu_dx: x[T,N] w[E,N,K] offsets[E+1] expert[T] z[T,K] → dz[T,K]
      grouped_matmul_nn_gelu_tanh_dx: x[T,N] w[E,N,K] offsets[E+1] expert[T] z[T,K] → dz[T,K]
      grouped_matmul_tn: x[T,N] y[T,K] offsets[E+1] → z[E,N,K]
      grouped_column_sum: x[T,N] offsets[E+1] → y[E,N]
      grouped_column_dot: x[T,N] y[T,N] offsets[E+1] → z[E,N]
      grouped_layer_norm_dx: x[T,N] gamma[E,N] dy[T,N] expert[T] → dx[T,N]; epsilon
      combine_rows_dparts: gates[B,K] dy[B,N] source[T] → dparts[T,N]
      combine_rows_dgates: gates[B,K] parts[T,N] dy[B,N] position[T] → dgates[B,K]
      top_k_gates_dp: dgates[B,K] ids[T] → dp[B,E]; experts
      normalise_rows_dx: x[B,N] y[B,N] dy[B,N] → dx[B,N]
      pack_panels: w[E,N,K] → y[E,P,K,32]
      unpack_panels: w[E,P,K,32] → y[E,N,K]; columns
      packed_grouped_linear: w[E,P,K,32] x[T,K] bias[E,N] offsets[E+1] expert[T] → y[T,N]; columns
      packed_grouped_linear_layer_norm_gelu: w[E,P,K,32] x[T,K] bias[E,N] offsets[E+1] expert[T] gamma[E,N] beta[E,N] → y[T,N]; columns epsilon
      packed_grouped_linear_layer_norm_gelu_tanh: w[E,P,K,32] x[T,K] bias[E,N] offsets[E+1] expert[T] gamma[E,N] beta[E,N] → y[T,N]; columns epsilon
      cross_entropy: x[B,N] first[B] second[B] → loss[B,1]; split
      cross_entropy_dx: x[B,N] dloss[B,1] first[B] second[B] → dx[B,N]; split
      z_loss: x[B,N] → loss[B,1]; beta
      z_loss_dx: x[B,N] dloss[B,1] → dx[B,N]; beta
      balance_coefficients: w[B,E] → coefficients[1,E]; k alpha
      top_k_experts: p[B,E] → ids[T] gates[B,K]; k
      normalise_rows: x[B,N] → y[B,N]
      expert_counts: ids[T] → counts[E]; experts
      expert_offsets: ids[T] counts[E] → offsets[E+1]
      token_positions: ids[T] offsets[E+1] → position[T]
      slot_experts: ids[T] offsets[E+1] → expert[T]
      token_sources: ids[T] offsets[E+1] expert[T] → source[T]
      gather_assignments: x[R,N] source[T] → y[T,N]; k
      adamw_half: weight[R,C] mean[R,C] square[R,C] gradient[R,C] scale[1] rates[3] random[2] → new_weight[R,C] new_mean[R,C] new_square[R,C]; beta1 beta2 epsilon decay stream
      adamw_master: master[R,C] mean[R,C] square[R,C] gradient[R,C] scale[1] rates[3] → new_master[R,C] new_mean[R,C] new_square[R,C] weight[R,C]; beta1 beta2 epsilon decay
      loss_scale: squares[1] state[2] → new_state[2] scale[1]; max_norm interval"
    `);
  });

  it("name an operation by itself", () => {
    expect([linear, matmul, biasAdd, norm(1e-5), softmax, topK(2), stack, combine].map(claimOf)).toEqual([
      "linear",
      "matmul",
      "bias_add",
      "layer_norm",
      "softmax",
      "top_k_mask",
      undefined,
      "combine",
    ]);
    expect(isOperationClaim("layer_norm_gelu")).toBe(true);
    expect(isOperationClaim("toString")).toBe(false);
  });
});
