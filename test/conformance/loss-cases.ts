/**
 * Cases of the losses that read labels: logits of two heads and a class of each, against the evaluator with its bounds.
 *
 * One head has `split` classes, the other the rest, down to a single class; logits are small, or far from each other and
 * from 0, where a sum of exponentials without the maximum taken out would overflow.
 */

import { evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import { numbers } from "./cases.ts";
import type { RoutingCase } from "./routing-shapes.ts";

const SIZES: readonly (readonly [B: number, N: number, split: number])[] = [
  [0, 4, 2],
  [1, 2, 1],
  [3, 16, 15],
  [5, 17, 1],
  [17, 20, 12],
  [63, 15, 8],
  [64, 3, 2],
  [65, 16, 8],
  [257, 20, 12],
];

export const LOSS_CASES: readonly RoutingCase[] = SIZES.flatMap((sizes) =>
  [1, 1_000].flatMap((size) => lossCases(sizes, size)),
);

function lossCases([B, N, split]: (typeof SIZES)[number], size: number): readonly RoutingCase[] {
  const next = numbers(100 * B + N + size);
  const x = Float32Array.from({ length: B * N }, () => size * (2 * next() - 1));
  const dloss = Float32Array.from({ length: B }, () => next() - 0.25);
  const first = Int32Array.from({ length: B }, () => Math.floor(next() * split));
  const second = Int32Array.from({ length: B }, () => Math.floor(next() * (N - split)));
  const labels = [first, second].map((values) => ({ shape: [B], values: Float64Array.from(values) }));
  const logits = { shape: [B, N], values: x };
  const loss = evaluateOperation("cross_entropy", [logits, ...labels], { split }).outputs.get("loss");
  const column = { shape: [B, 1], values: dloss };
  const dx = evaluateOperation("cross_entropy_dx", [logits, column, ...labels], { split }).outputs.get("dx");
  if (loss === undefined || dx === undefined) throw new Error("the evaluator gives nothing");
  const given = { dims: { B, N }, scalars: { split } };
  return [
    {
      ...given,
      kernel: "cross_entropy",
      shapes: { x: [B, N], first: [B], second: [B], loss: [B, 1] },
      inputs: { x, first, second },
      outputs: { loss: Float32Array.from(loss.values) },
      bounds: { loss: withRounding(loss) },
    },
    {
      ...given,
      kernel: "cross_entropy_dx",
      shapes: { x: [B, N], dloss: [B, 1], first: [B], second: [B], dx: [B, N] },
      inputs: { x, dloss, first, second },
      outputs: { dx: Float32Array.from(dx.values) },
      bounds: { dx: withRounding(dx) },
    },
  ];
}

/** The expected value is kept in f32, which rounds it once. */
function withRounding({ values, bound }: { values: Float64Array; bound: Float64Array }): Float64Array {
  return bound.map((most, i) => most + Math.abs(values[i] ?? 0) * 2 ** -24);
}
