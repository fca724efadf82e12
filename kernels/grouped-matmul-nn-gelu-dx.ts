import {
  barrier,
  block,
  ceilDiv,
  covers,
  div,
  f32,
  forall,
  i32,
  input,
  kernel,
  mod,
  output,
  requires,
  shared,
  thread,
} from "tokitai/dsl";
import { OF_ERF, OF_TANH, slope, slopeArgument } from "./activation.ts";

const TILE = 16;

/**
 * dz[p,k] = Σₙ x[p,n]·w[expert[p],n,k] times the slope of the GELU at z[p,k], where the rows of an expert stand together: the
 * gradient of what the GELU before a grouped linear layer was given, with x the gradient of that layer's output
 *
 * As grouped_matmul_nn, with a block per expert and tile of its rows and columns; a block beyond its expert's rows has nothing to do.
 */
const groupedMatmulNnGeluDx = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["T", "N"]),
      w: input(f32, ["E", "N", "K"]),
      offsets: input(i32, ["E+1"]),
      expert: input(i32, ["T"]),
      z: input(f32, ["T", "K"]),
      dz: output(f32, ["T", "K"]),
    },
    {
      computes: GELU === OF_ERF ? "grouped_matmul_nn_gelu_dx" : "grouped_matmul_nn_gelu_tanh_dx",
      grid: ({ T, E, K }) => [ceilDiv(K, TILE), ceilDiv(T, TILE), E],
      block: [TILE, TILE],
      performance: { segments: ["x", "w", "z", "dz"], conflictFree: ["xs", "ws"] },
      budget: { vgprs: 40, lds: 2048, scratch: 0 },
    },
    ({ x, w, offsets, expert, z, dz }, { T, E, N, K }) => {
      requires(
        forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
      );
      requires(offsets[0] === 0 && offsets[E] === T);
      requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
      covers(dz, (p, k) => ({
        block: [div(k, TILE), div(p - offsets[expert[p]], TILE), expert[p]],
        thread: [mod(k, TILE), mod(p - offsets[expert[p]], TILE)],
      }));
      const xs = shared(f32, [TILE, TILE]);
      const ws = shared(f32, [TILE, TILE]);
      const e = block.z;
      const first = offsets[e] + block.y * TILE;
      const end = offsets[e + 1];
      if (first >= end) return;
      const p = first + thread.y;
      const k = block.x * TILE + thread.x;
      let acc = f32(0);
      for (let n0 = 0; n0 < N; n0 += TILE) {
        xs[thread.y][thread.x] = p < end && n0 + thread.x < N ? x[p][n0 + thread.x] : f32(0);
        ws[thread.y][thread.x] = n0 + thread.y < N && k < K ? w[e][n0 + thread.y][k] : f32(0);
        barrier();
        for (let n = 0; n < TILE; n++) acc += xs[thread.y][n] * ws[n][thread.x];
        barrier();
      }
      if (p < end && k < K) dz[p][k] = acc * slope(z[p][k], slopeArgument(z[p][k], GELU), GELU);
    },
  );

/** dz[p,k] = Σₙ x[p,n]·w[expert[p],n,k] times the slope of the GELU of erf at z[p,k] */
export const grouped_matmul_nn_gelu_dx = groupedMatmulNnGeluDx(OF_ERF);
/** dz[p,k] = Σₙ x[p,n]·w[expert[p],n,k] times the slope of the GELU of tanh at z[p,k] */
export const grouped_matmul_nn_gelu_tanh_dx = groupedMatmulNnGeluDx(OF_TANH);
