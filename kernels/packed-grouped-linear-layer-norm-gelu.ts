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
  registers,
  requires,
  scalar,
  shared,
  sqrt,
  thread,
} from "tokitai/dsl";
import { activate, OF_ERF, OF_TANH } from "./activation.ts";
import { PANEL } from "./panel.ts";
import { ROW_STEP, WHOLE_ROW } from "./whole-row.ts";

const ROWS = 8;
const TILE = 16;

/**
 * y = gelu(LayerNorm(x·wᵀ + bias)) over each row p of at most WHOLE_ROW, with w in panels, and w, bias, gamma and beta of expert[p], where
 * the rows of an expert stand together
 *
 * As grouped_linear_layer_norm_gelu, of panels that are read as they stand.
 */
const packedGroupedLinearLayerNormGelu = (GELU: number) =>
  kernel(
    {
      w: input(f32, ["E", "P", "K", PANEL]),
      x: input(f32, ["T", "K"]),
      bias: input(f32, ["E", "N"]),
      offsets: input(i32, ["E+1"]),
      expert: input(i32, ["T"]),
      gamma: input(f32, ["E", "N"]),
      beta: input(f32, ["E", "N"]),
      epsilon: scalar(f32),
      y: output(f32, ["T", "N"]),
    },
    {
      computes:
        GELU === OF_ERF ? "packed_grouped_linear_layer_norm_gelu" : "packed_grouped_linear_layer_norm_gelu_tanh",
      where: { P: ({ N }) => ceilDiv(N, PANEL) },
      grid: ({ T, E }) => [ceilDiv(T, ROWS), E],
      block: [TILE, ROWS],
      performance: { segments: ["x", "w", "bias", "gamma", "beta", "y"], conflictFree: ["xs", "ws", "partial"] },
      budget: { vgprs: 64, lds: 10240, scratch: 0 },
    },
    ({ w, x, bias, offsets, expert, gamma, beta, epsilon, y }, { T, E, K, N }) => {
      requires(N <= WHOLE_ROW && mod(N, ROW_STEP) === 0);
      requires(
        forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
      );
      requires(offsets[0] === 0 && offsets[E] === T);
      requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
      covers(y, (p, n) => ({
        block: [div(p - offsets[expert[p]], ROWS), expert[p]],
        thread: [mod(n, TILE), mod(p - offsets[expert[p]], ROWS)],
        j: div(n, TILE),
      }));
      const across = div(WHOLE_ROW, TILE);
      const xs = shared(f32, [ROWS, TILE]);
      // In rows half a panel longer: a wave stores to two of them, and all its words are in different banks.
      const ws = shared(f32, [TILE, WHOLE_ROW + TILE]);
      const partial = shared(f32, [ROWS, TILE]);
      const sums = registers(f32, [across]);
      const e = block.y;
      const first = offsets[e] + block.x * ROWS;
      const end = offsets[e + 1];
      if (first >= end) return;
      const p = first + thread.y;
      for (let j = 0; j < across; j++) sums[j] = 0.0;
      for (let k0 = 0; k0 < K; k0 += TILE) {
        xs[thread.y][thread.x] = p < end && k0 + thread.x < K ? x[p][k0 + thread.x] : f32(0);
        for (let j = 0; j < across; j++) {
          if (TILE * j < N) {
            for (let h = 0; h < TILE; h += ROWS) {
              const n = TILE * j + thread.x;
              const k = h + thread.y;
              ws[k][n] = k0 + k < K ? w[e][div(n, PANEL)][k0 + k][mod(n, PANEL)] : f32(0);
            }
          }
        }
        barrier();
        for (let k = 0; k < TILE; k++) {
          for (let j = 0; j < across; j++) {
            if (TILE * j < N) sums[j] += xs[thread.y][k] * ws[k][TILE * j + thread.x];
          }
        }
        barrier();
      }
      let sum = f32(0);
      for (let j = 0; j < across; j++) {
        const n = TILE * j + thread.x;
        if (TILE * j < N) {
          sums[j] += bias[e][n];
          sum += sums[j];
        }
      }
      partial[thread.y][thread.x] = sum;
      barrier();
      for (let s = div(TILE, 2); s > 0; s = div(s, 2)) {
        if (thread.x < s) partial[thread.y][thread.x] += partial[thread.y][thread.x + s];
        barrier();
      }
      const mean = partial[thread.y][0] / f32(N);
      // Every thread has read the mean before the tree is used again.
      barrier();
      let squares = f32(0);
      for (let j = 0; j < across; j++) {
        if (TILE * j < N) {
          sums[j] -= mean;
          squares += sums[j] * sums[j];
        }
      }
      partial[thread.y][thread.x] = squares;
      barrier();
      for (let s = div(TILE, 2); s > 0; s = div(s, 2)) {
        if (thread.x < s) partial[thread.y][thread.x] += partial[thread.y][thread.x + s];
        barrier();
      }
      const scale = 1.0 / sqrt(partial[thread.y][0] / f32(N) + epsilon);
      for (let j = 0; j < across; j++) {
        const n = TILE * j + thread.x;
        if (p < end && TILE * j < N) y[p][n] = activate(sums[j] * scale * gamma[e][n] + beta[e][n], GELU);
      }
    },
  );

/** y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most WHOLE_ROW, by the packed weights of its expert, the GELU of erf */
export const packed_grouped_linear_layer_norm_gelu = packedGroupedLinearLayerNormGelu(OF_ERF);
/** y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most WHOLE_ROW, by the packed weights of its expert, the GELU of tanh */
export const packed_grouped_linear_layer_norm_gelu_tanh = packedGroupedLinearLayerNormGelu(OF_TANH);
