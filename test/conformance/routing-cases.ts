/** Cases of the kernels with index tensors, and what their results must be, however they are run. */

import { expect } from "vitest";
import { SIMD_UNITS } from "../../src/ir/kernel/simd.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { numbers } from "./cases.ts";
import { LOSS_CASES } from "./loss-cases.ts";
import { PANEL_CASES } from "./panel-cases.ts";
import { type RoutingCase, type Tensors, widthOf } from "./routing-shapes.ts";
import { sparseCases } from "./sparse-cases.ts";

/** Every kernel for T tokens and E experts; unless all go to one, experts get very different numbers of tokens, some none. */
function casesOf(T: number, E: number, all?: number): readonly RoutingCase[] {
  const next = numbers(31 * T + E);
  const N = widthOf(T, E);
  const ids = Int32Array.from({ length: T }, () => all ?? Math.floor(next() * next() * E));
  const counts = new Int32Array(E);
  for (const id of ids) counts[id] = (counts[id] ?? 0) + 1;
  const offsets = new Int32Array(E + 1);
  counts.forEach((count, e) => {
    offsets[e + 1] = (offsets[e] ?? 0) + count;
  });
  const fill = offsets.slice();
  const position = ids.map((id) => {
    const place = fill[id] ?? 0;
    fill[id] = place + 1;
    return place;
  });
  const source = new Int32Array(T);
  position.forEach((place, t) => {
    source[place] = t;
  });
  const x = Float32Array.from({ length: T * N }, () => next() - 0.5);
  const sorted = new Float32Array(T * N);
  source.forEach((t, p) => {
    sorted.set(x.subarray(t * N, (t + 1) * N), p * N);
  });
  return [
    {
      kernel: "expert_counts",
      dims: { T, E },
      shapes: { ids: [T], counts: [E] },
      inputs: { ids },
      outputs: { counts },
    },
    {
      kernel: "expert_offsets",
      dims: { T, E },
      shapes: { ids: [T], counts: [E], offsets: [E + 1] },
      inputs: { ids, counts },
      outputs: { offsets },
    },
    {
      kernel: "token_positions",
      dims: { T, E },
      shapes: { ids: [T], offsets: [E + 1], position: [T] },
      inputs: { ids, offsets },
      outputs: { position },
    },
    {
      kernel: "scatter_rows",
      dims: { T, N },
      shapes: { x: [T, N], position: [T], source: [T], y: [T, N] },
      inputs: { x, position, source },
      outputs: { y: sorted },
    },
    {
      kernel: "gather_rows",
      dims: { R: T, T, N },
      shapes: { x: [T, N], source: [T], y: [T, N] },
      inputs: { x, source },
      outputs: { y: sorted },
    },
    ...sparseCases({ ids, offsets, position, source }),
  ];
}

export const ROUTING_CASES: readonly RoutingCase[] = [
  ...[0, 1, 63, 64, 65, 200].flatMap((T) => [1, 3, 64, 65].flatMap((E) => casesOf(T, E))),
  ...[0, 1, 2].flatMap((all) => casesOf(33, 3, all)),
  ...LOSS_CASES,
  ...PANEL_CASES,
];
/** The same for the instances for vector units of CPUs. */
const FOR_VECTORS = [
  ...["grouped_linear", "grouped_matmul_nn", "grouped_matmul_tn", "grouped_column_sum", "grouped_column_dot"],
  ...["grouped_layer_norm", "grouped_layer_norm_gelu", "grouped_layer_norm_gelu_tanh", "grouped_layer_norm_dx"],
  ...["grouped_linear_layer_norm_gelu", "grouped_linear_layer_norm_gelu_tanh"],
  ...["grouped_matmul_nn_gelu_dx", "grouped_matmul_nn_gelu_tanh_dx"],
  ...["packed_grouped_linear_layer_norm_gelu", "packed_grouped_linear_layer_norm_gelu_tanh"],
  ...["packed_grouped_linear", "pack_panels"],
  ...["gather_assignments", "gather_rows", "combine_rows", "combine_rows_dparts", "combine_rows_dgates"],
  ...["cross_entropy", "cross_entropy_dx"],
];
/** With weights of halves, which hold the small whole numbers of the cases, and the kernel whose cases they have. */
const OF_HALVES: Readonly<Record<string, string>> = {
  grouped_linear_f16: "grouped_linear",
  grouped_linear_bf16: "grouped_linear",
};
export const VECTOR_ROUTING_CASES: readonly RoutingCase[] = SIMD_UNITS.flatMap((unit) =>
  [...FOR_VECTORS, ...Object.keys(OF_HALVES)].flatMap((kernel) =>
    ROUTING_CASES.filter((one) => one.kernel === (OF_HALVES[kernel] ?? kernel)).map((one) => ({
      ...one,
      kernel: `${kernel}_${unit}`,
    })),
  ),
);
export const routingName = ({ kernel, dims, scalars }: RoutingCase): string =>
  [kernel, ...Object.entries({ ...dims, ...scalars }).map(([name, value]) => `${name}=${value}`)].join(" ");

/** Results are as expected: within their bounds, or equal where they have none. */
export function expectResults(results: Tensors, { outputs, bounds = {} }: RoutingCase): void {
  for (const [name, expected] of Object.entries(outputs)) {
    const [found, bound] = [results[name], bounds[name]];
    if (bound === undefined) {
      expect(found, name).toEqual(expected);
      continue;
    }
    const wrong = [...expected.entries()].filter(([i, value]) => !agrees(found?.[i] ?? -77, value, bound[i] ?? 0));
    expect(wrong, name).toEqual([]);
  }
}

/** Room for the outputs, filled with what no kernel writes. */
export function blankOutputs(outputs: Tensors): Tensors {
  return Object.fromEntries(Object.entries(outputs).map(([name, data]) => [name, data.slice().fill(-77)]));
}
