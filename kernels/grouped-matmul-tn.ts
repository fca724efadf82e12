import {
  barrier,
  block,
  ceilDiv,
  f32,
  forall,
  i32,
  input,
  kernel,
  output,
  requires,
  shared,
  thread,
} from "tokitai/dsl";

const TILE = 16;

/**
 * z[e,n,k] = Σ x[p,n]·y[p,k] over the rows p from offsets[e] to below offsets[e+1]: the gradient of a grouped linear layer's
 * weights, with x the gradient of its output, y its input
 *
 * One block per expert and tile of its weights walks down the expert's rows; an expert without rows gets zeros.
 */
export const grouped_matmul_tn = kernel(
  {
    x: input(f32, ["T", "N"]),
    y: input(f32, ["T", "K"]),
    offsets: input(i32, ["E+1"]),
    z: output(f32, ["E", "N", "K"]),
  },
  {
    computes: "grouped_matmul_tn",
    grid: ({ E, N, K }) => [ceilDiv(N, TILE), ceilDiv(K, TILE), E],
    block: [TILE, TILE],
    performance: { segments: ["x", "y", "z"], conflictFree: ["xs", "ys"] },
    budget: { vgprs: 32, lds: 2048, scratch: 0 },
  },
  ({ x, y, offsets, z }, { T, E, N, K }) => {
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    const xs = shared(f32, [TILE, TILE]);
    const ys = shared(f32, [TILE, TILE]);
    const e = block.z;
    const end = offsets[e + 1];
    const n = block.x * TILE + thread.y;
    const k = block.y * TILE + thread.x;
    const column = block.x * TILE + thread.x;
    let acc = f32(0);
    for (let p0 = offsets[e]; p0 < end; p0 += TILE) {
      xs[thread.y][thread.x] = p0 + thread.y < end && column < N ? x[p0 + thread.y][column] : f32(0);
      ys[thread.y][thread.x] = p0 + thread.y < end && k < K ? y[p0 + thread.y][k] : f32(0);
      barrier();
      for (let p = 0; p < TILE; p++) acc += xs[p][thread.y] * ys[p][thread.x];
      barrier();
    }
    if (n < N && k < K) z[e][n][k] = acc;
  },
);
