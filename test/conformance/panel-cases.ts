/** Cases of the kernels that pack weights and unpack them: around a panel's rows, and around the lanes of a vector. */

import { numbers } from "./cases.ts";
import { packedRows } from "./expert-cases.ts";
import type { RoutingCase } from "./routing-shapes.ts";

const SIZES: readonly (readonly [E: number, N: number, K: number])[] = [
  ...[1, 3].flatMap((E) =>
    [1, 31, 32, 33, 65].flatMap((N) => [1, 7, 8, 15, 16, 17, 33].map((K) => [E, N, K] as const)),
  ),
  [0, 5, 5],
  [2, 0, 5],
  [2, 5, 0],
];

/** NaN and infinities are moved as any other value. */
const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

export const PANEL_CASES: readonly RoutingCase[] = SIZES.flatMap(([E, N, K]) => {
  const next = numbers(E + 7 * N + 11 * K);
  const w = Float32Array.from({ length: E * N * K }, (_, i) => (i % 13 === 5 ? (SPECIAL[i % 3] ?? 0) : next() - 0.5));
  const { packed, shape } = packedRows(w, [E, N, K]);
  const P = shape[1] ?? 0;
  return [
    {
      kernel: "pack_panels",
      dims: { E, N, K, P },
      shapes: { w: [E, N, K], y: shape },
      inputs: { w },
      outputs: { y: packed },
    },
    {
      kernel: "unpack_panels",
      dims: { E, P, K, N },
      shapes: { w: shape, y: [E, N, K] },
      inputs: { w: packed },
      outputs: { y: w },
    },
  ];
});
