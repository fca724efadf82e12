/**
 * Cases of the kernels that run experts on their own tokens alone: inputs, and the results that their definitions give.
 *
 * T rows are sorted by expert; `ids` says whose each token is before sorting. What is moved or made of small whole
 * numbers is exact.
 */

import { numbers } from "./cases.ts";
import { expertCases, packedRows } from "./expert-cases.ts";
import { type Random, type Routing, type RoutingCase, widthOf } from "./routing-shapes.ts";

/** Every kernel of this file for a routing of T tokens to E experts. */
export function sparseCases(routing: Routing): readonly RoutingCase[] {
  const { ids, offsets, source } = routing;
  const [T, E] = [ids.length, offsets.length - 1];
  const next = numbers(17 * T + E);
  const expert = source.map((t) => ids[t] ?? 0);
  return [
    {
      kernel: "slot_experts",
      dims: { T, E },
      shapes: { ids: [T], offsets: [E + 1], expert: [T] },
      inputs: { ids, offsets },
      outputs: { expert },
    },
    {
      kernel: "token_sources",
      dims: { T, E },
      shapes: { ids: [T], offsets: [E + 1], expert: [T], source: [T] },
      inputs: { ids, offsets, expert },
      outputs: { source },
    },
    ...groupedLinear(next, offsets, expert),
    ...groupedGradients(next, offsets, expert),
    topKExperts(next, T, E),
    combineRows(next, routing, widthOf(T, E)),
    ...combineRowsGradients(next, routing, widthOf(T, E)),
    topKGatesDp(next, ids, E),
    gatherAssignments(next, source, widthOf(T, E)),
    ...expertCases(next, offsets, expert),
  ];
}

/** Whole numbers from −4 to 4: sums of a few products are exact in f32. */
function wholes(next: Random, length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, () => Math.floor(next() * 9) - 4 || 0);
}

/** By weights as they are, and packed. */
function groupedLinear(
  next: Random,
  offsets: Int32Array<ArrayBuffer>,
  expert: Int32Array<ArrayBuffer>,
): readonly RoutingCase[] {
  const [T, E, K] = [expert.length, offsets.length - 1, 19];
  const N = 13 + widthOf(T, E);
  const [x, w, bias] = [wholes(next, T * K), wholes(next, E * N * K), wholes(next, E * N)];
  const y = new Float32Array(T * N);
  for (const [p, e] of expert.entries()) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += (x[p * K + k] ?? 0) * (w[(e * N + n) * K + k] ?? 0);
      y[p * N + n] = sum + (bias[e * N + n] ?? 0);
    }
  }
  const shapes = { x: [T, K], bias: [E, N], offsets: [E + 1], expert: [T], y: [T, N] };
  const { packed, shape } = packedRows(w, [E, N, K]);
  return [
    {
      kernel: "grouped_linear",
      dims: { T, K, E, N },
      shapes: { ...shapes, w: [E, N, K] },
      inputs: { x, w, bias, offsets, expert },
      outputs: { y },
    },
    {
      kernel: "packed_grouped_linear",
      dims: { E, P: shape[1] ?? 0, K, T, N },
      shapes: { ...shapes, w: shape },
      inputs: { w: packed, x, bias, offsets, expert },
      outputs: { y },
    },
  ];
}

/** Experts without rows have gradients of 0. */
function groupedGradients(
  next: Random,
  offsets: Int32Array<ArrayBuffer>,
  expert: Int32Array<ArrayBuffer>,
): readonly RoutingCase[] {
  const [T, E] = [expert.length, offsets.length - 1];
  const [N, K] = [13 + widthOf(T, E), 14 + widthOf(E, T)];
  const [dy, x, w] = [wholes(next, T * N), wholes(next, T * K), wholes(next, E * N * K)];
  const [dx, dw, dbias] = [new Float32Array(T * K), new Float32Array(E * N * K), new Float32Array(E * N)];
  const [standard, dgamma] = [wholes(next, T * N), new Float32Array(E * N)];
  for (const [p, e] of expert.entries()) {
    for (let n = 0; n < N; n++) {
      const gradient = dy[p * N + n] ?? 0;
      dbias[e * N + n] = (dbias[e * N + n] ?? 0) + gradient;
      dgamma[e * N + n] = (dgamma[e * N + n] ?? 0) + gradient * (standard[p * N + n] ?? 0);
      for (let k = 0; k < K; k++) {
        const [own, weight] = [p * K + k, (e * N + n) * K + k];
        dx[own] = (dx[own] ?? 0) + gradient * (w[weight] ?? 0);
        dw[weight] = (dw[weight] ?? 0) + gradient * (x[own] ?? 0);
      }
    }
  }
  const shapes = { offsets: [E + 1], expert: [T] };
  return [
    {
      kernel: "grouped_matmul_nn",
      dims: { T, N, E, K },
      shapes: { ...shapes, x: [T, N], w: [E, N, K], y: [T, K] },
      inputs: { x: dy, w, offsets, expert },
      outputs: { y: dx },
    },
    {
      kernel: "grouped_matmul_tn",
      dims: { T, N, K, E },
      shapes: { ...shapes, x: [T, N], y: [T, K], z: [E, N, K] },
      inputs: { x: dy, y: x, offsets },
      outputs: { z: dw },
    },
    {
      kernel: "grouped_column_sum",
      dims: { T, N, E },
      shapes: { ...shapes, x: [T, N], y: [E, N] },
      inputs: { x: dy, offsets },
      outputs: { y: dbias },
    },
    {
      kernel: "grouped_column_dot",
      dims: { T, N, E },
      shapes: { ...shapes, x: [T, N], y: [T, N], z: [E, N] },
      inputs: { x: dy, y: standard, offsets },
      outputs: { z: dgamma },
    },
  ];
}

/** A batch of B rows with many ties; every seventh entry is NaN in every third row. */
function topKExperts(next: Random, B: number, E: number): RoutingCase {
  const K = Math.min(E, 3);
  const p = Float32Array.from({ length: B * E }, (_, i) =>
    Math.floor(i / E) % 3 === 2 && i % 7 === 0 ? Number.NaN : Math.floor(next() * 8) / 8,
  );
  const [ids, gates] = [new Int32Array(B * K), new Float32Array(B * K)];
  for (let b = 0; b < B; b++) {
    const row = p.subarray(b * E, (b + 1) * E);
    const rank = (own: number, e: number): number =>
      row.reduce((ahead, other, j) => ahead + (other > own || (other === own && j < e) ? 1 : 0), 0);
    const chosen = [...row.keys()].filter((e) => rank(row[e] ?? 0, e) < K).slice(0, K);
    for (const [s, e] of chosen.entries()) {
      ids[b * K + s] = e;
      gates[b * K + s] = row[e] ?? 0;
    }
  }
  return {
    kernel: "top_k_experts",
    dims: { B, E, K, T: B * K },
    shapes: { p: [B, E], ids: [B * K], gates: [B, K] },
    inputs: { p },
    outputs: { ids, gates },
  };
}

/** Each row has k assignments, where k divides the number of places. */
function gatherAssignments(next: Random, source: Int32Array<ArrayBuffer>, N: number): RoutingCase {
  const T = source.length;
  const k = [3, 2, 1].find((choices) => T % choices === 0) ?? 1;
  const R = T / k;
  const x = Float32Array.from({ length: R * N }, () => next());
  const y = new Float32Array(T * N);
  for (const [p, t] of source.entries()) {
    const row = Math.floor(t / k);
    y.set(x.subarray(row * N, (row + 1) * N), p * N);
  }
  return {
    kernel: "gather_assignments",
    dims: { R, N, T },
    shapes: { x: [R, N], source: [T], y: [T, N] },
    inputs: { x, source },
    scalars: { k },
    outputs: { y },
  };
}

/** Rows of K choices, where K divides the number of tokens; a gate of 0 keeps out a part that is infinite. */
function combineRows(next: Random, { position }: Routing, N: number): RoutingCase {
  const T = position.length;
  const K = [3, 2, 1].find((choices) => T % choices === 0) ?? 1;
  const B = T / K;
  const [gates, parts] = [wholes(next, T), wholes(next, T * N)];
  for (const [t, place] of position.entries()) if (gates[t] === 0) parts[place * N] = Number.POSITIVE_INFINITY;
  const y = new Float32Array(B * N);
  for (const [t, place] of position.entries()) {
    const [gate, row] = [gates[t] ?? 0, Math.floor(t / K)];
    if (gate === 0) continue;
    for (let n = 0; n < N; n++) y[row * N + n] = (y[row * N + n] ?? 0) + gate * (parts[place * N + n] ?? 0);
  }
  return {
    kernel: "combine_rows",
    dims: { B, K, T, N },
    shapes: { gates: [B, K], parts: [T, N], position: [T], y: [B, N] },
    inputs: { gates, parts, position },
    outputs: { y },
  };
}

/** Rows of K choices, as combineRows; a gate of 0 keeps out a part and a gradient that are infinite. */
function combineRowsGradients(next: Random, { position, source }: Routing, N: number): readonly RoutingCase[] {
  const T = position.length;
  const K = [3, 2, 1].find((choices) => T % choices === 0) ?? 1;
  const B = T / K;
  const [gates, parts, dy] = [wholes(next, T), wholes(next, T * N), wholes(next, B * N)];
  for (const [t, place] of position.entries()) if (gates[t] === 0) parts[place * N] = Number.POSITIVE_INFINITY;
  // A row of which nothing is chosen may have any gradient.
  for (let b = 0; b < B; b++) {
    if (gates.subarray(b * K, (b + 1) * K).every((gate) => gate === 0)) dy[b * N] = Number.POSITIVE_INFINITY;
  }
  const [dgates, dparts] = [new Float32Array(T), new Float32Array(T * N)];
  for (const [t, place] of position.entries()) {
    const [gate, row] = [gates[t] ?? 0, Math.floor(t / K)];
    if (gate === 0) continue;
    for (let n = 0; n < N; n++) {
      const gradient = dy[row * N + n] ?? 0;
      dgates[t] = (dgates[t] ?? 0) + gradient * (parts[place * N + n] ?? 0);
      dparts[place * N + n] = gate * gradient;
    }
  }
  const shapes = { gates: [B, K], dy: [B, N] };
  return [
    {
      kernel: "combine_rows_dgates",
      dims: { B, K, T, N },
      shapes: { ...shapes, parts: [T, N], position: [T], dgates: [B, K] },
      inputs: { gates, parts, dy, position },
      outputs: { dgates },
    },
    {
      kernel: "combine_rows_dparts",
      dims: { B, K, N, T },
      shapes: { ...shapes, source: [T], dparts: [T, N] },
      inputs: { gates, dy, source },
      outputs: { dparts },
    },
  ];
}

/** Choices may name an expert twice: their gradients are added. */
function topKGatesDp(next: Random, ids: Int32Array<ArrayBuffer>, E: number): RoutingCase {
  const T = ids.length;
  const K = [3, 2, 1].find((choices) => T % choices === 0) ?? 1;
  const B = T / K;
  const [dgates, dp] = [wholes(next, T), new Float32Array(B * E)];
  for (const [t, e] of ids.entries()) {
    const at = Math.floor(t / K) * E + e;
    dp[at] = (dp[at] ?? 0) + (dgates[t] ?? 0);
  }
  return {
    kernel: "top_k_gates_dp",
    dims: { B, K, T, E },
    shapes: { dgates: [B, K], ids: [T], dp: [B, E] },
    inputs: { dgates, ids },
    outputs: { dp },
  };
}
