/**
 * The printer: a tensor program as text for `--emit=ir`, complete and deterministic, so that it also serves as the
 * canonical text of a program.
 */

import { formatShape, type Initial, type Op, type OpKind, operandsOf, type TensorProgram } from "./types.ts";

const ATTRIBUTES: { readonly [K in OpKind]: (op: Op<K>) => string } = {
  linear: () => "",
  "bias-add": () => "",
  "layer-norm": ({ epsilon }) => `; epsilon = ${epsilon}`,
  gelu: ({ form }) => `; ${form}`,
  softmax: () => "",
  "top-k": ({ k, renormalise }) => `; k = ${k}${renormalise ? ", renormalised" : ""}`,
  stack: () => "",
  concat: () => "",
  combine: () => "",
  "gather-rows": () => "",
  "scatter-rows": () => "",
  "grouped-linear": () => "",
  "grouped-layer-norm": ({ epsilon }) => `; epsilon = ${epsilon}`,
  "combine-rows": () => "",
  "top-k-experts": ({ k }) => `; k = ${k}`,
  "top-k-gates": ({ k }) => `; k = ${k}`,
  "normalise-rows": () => "",
  "expert-counts": ({ experts }) => `; experts = ${experts}`,
  "expert-offsets": () => "",
  "token-positions": () => "",
  "slot-experts": () => "",
  "token-sources": () => "",
  "gather-assignments": ({ k }) => `; k = ${k}`,
  "adamw-mean": ({ beta1 }) => `; beta1 = ${beta1}`,
  "adamw-square": ({ beta2 }) => `; beta2 = ${beta2}`,
  "adamw-weight": ({ epsilon, decay }) => `; epsilon = ${epsilon}, decay = ${decay}`,
  "row-squares": () => "",
  total: () => "",
  "clip-scale": ({ maxNorm }) => `; max_norm = ${maxNorm}`,
  "round-half": () => "",
  "round-half-by-chance": ({ stream }) => `; stream = ${stream}`,
  choose: () => "",
  "loss-scale-factor": ({ maxNorm }) => `; max_norm = ${maxNorm}`,
  "loss-scale-state": ({ interval }) => `; interval = ${interval}`,
  part: ({ index }) => `; ${index}`,
  add: () => "",
  "cross-entropy": ({ split }) => `; split = ${split}`,
  "cross-entropy-dx": ({ split }) => `; split = ${split}`,
  "z-loss": ({ beta }) => `; beta = ${beta}`,
  "z-loss-dx": ({ beta }) => `; beta = ${beta}`,
  "balance-coefficients": ({ k, alpha }) => `; k = ${k}, alpha = ${alpha}`,
  "matmul-nn": () => "",
  "matmul-tn": () => "",
  "column-sum": () => "",
  "column-dot": () => "",
  standardise: ({ epsilon }) => `; epsilon = ${epsilon}`,
  "layer-norm-dx": ({ epsilon }) => `; epsilon = ${epsilon}`,
  "gelu-dx": ({ form }) => `; ${form}`,
  "softmax-dx": () => "",
  "top-k-dp": ({ p }) => (p === undefined ? "" : "; renormalised"),
  "combine-dparts": () => "",
  "combine-dweights": () => "",
  "grouped-matmul-nn": () => "",
  "grouped-matmul-tn": () => "",
  "grouped-column-sum": () => "",
  "grouped-column-dot": () => "",
  "grouped-layer-norm-dx": ({ epsilon }) => `; epsilon = ${epsilon}`,
  "combine-rows-dparts": () => "",
  "combine-rows-dgates": () => "",
  "top-k-gates-dp": ({ experts }) => `; experts = ${experts}`,
  "normalise-rows-dx": () => "",
  "pack-panels": () => "",
  "unpack-panels": ({ columns }) => `; columns = ${columns}`,
};

/** `linear(x, router.weight, router.bias)` */
export function printOp<K extends OpKind>(op: Op<K>): string {
  return `${op.kind}(${operandsOf(op).join(", ")}${ATTRIBUTES[op.kind](op)})`;
}

/** One line per input, weight, node, output and update, in this order; ends with a newline. */
export function printProgram(program: TensorProgram): string {
  const lines = [`program ${program.name}(${program.dims.join(", ")})`];
  for (const { name, shape, element } of program.inputs) {
    lines.push(`  input ${name}: ${formatShape(shape)}${element === "f32" ? "" : ` ${element}`}`);
  }
  for (const { name, shape, initial } of program.weights) {
    lines.push(`  weight ${name}: ${formatShape(shape)} = ${printInitial(initial)}`);
  }
  let open: string | undefined;
  for (const { id, op, shape, part } of program.nodes) {
    if (part !== open) lines.push(`  part ${part ?? "rest"}`);
    open = part;
    const label = op.label === id ? "" : `  // ${op.label}`;
    lines.push(`  ${id}: ${formatShape(shape)} = ${printOp(op)}${label}`);
  }
  for (const { name, value, shape } of program.outputs)
    lines.push(`  output ${name}: ${formatShape(shape)} = ${value}`);
  for (const { weight, value } of program.updates) lines.push(`  update ${weight} := ${value}`);
  return `${lines.join("\n")}\n`;
}

function printInitial(initial: Initial): string {
  return initial.kind === "uniform" ? `uniform ±${initial.bound}` : `${initial.value}`;
}
