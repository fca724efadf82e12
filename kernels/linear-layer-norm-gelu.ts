import {
  barrier,
  block,
  ceilDiv,
  covers,
  div,
  f32,
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
import { ROW_STEP, WHOLE_ROW } from "./whole-row.ts";

const ROWS = 8;
const TILE = 16;

/**
 * y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most WHOLE_ROW
 *
 * A block has ROWS rows whole: a thread keeps every TILE-th column of one in registers, and the TILE threads of a row add up what
 * they hold in a tree. The variance is that of the centred values, so that a large mean costs no digits.
 */
const linearLayerNormGelu = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["B", "K"]),
      w: input(f32, ["N", "K"]),
      bias: input(f32, ["N"]),
      gamma: input(f32, ["N"]),
      beta: input(f32, ["N"]),
      epsilon: scalar(f32),
      y: output(f32, ["B", "N"]),
    },
    {
      computes: GELU === OF_ERF ? "linear_layer_norm_gelu" : "linear_layer_norm_gelu_tanh",
      grid: ({ B }) => [ceilDiv(B, ROWS)],
      block: [TILE, ROWS],
      performance: { segments: ["x", "w", "bias", "gamma", "beta", "y"], conflictFree: ["xs", "ws", "partial"] },
      budget: { vgprs: 64, lds: 9344, scratch: 0 },
    },
    ({ x, w, bias, gamma, beta, epsilon, y }, { B, K, N }) => {
      requires(N <= WHOLE_ROW && mod(N, ROW_STEP) === 0);
      covers(y, (b, n) => ({ block: [div(b, ROWS)], thread: [mod(n, TILE), mod(b, ROWS)], j: div(n, TILE) }));
      const across = div(WHOLE_ROW, TILE);
      const xs = shared(f32, [ROWS, TILE]);
      // Transposed, in rows two longer than the tile: a wave stores two columns, and all its words are in different banks.
      const ws = shared(f32, [TILE, WHOLE_ROW + 2]);
      const partial = shared(f32, [ROWS, TILE]);
      const sums = registers(f32, [across]);
      const b = block.x * ROWS + thread.y;
      for (let j = 0; j < across; j++) sums[j] = 0.0;
      for (let k0 = 0; k0 < K; k0 += TILE) {
        xs[thread.y][thread.x] = b < B && k0 + thread.x < K ? x[b][k0 + thread.x] : f32(0);
        for (let j = 0; j < across; j++) {
          if (TILE * j < N) {
            for (let h = 0; h < TILE; h += ROWS) {
              const n = TILE * j + h + thread.y;
              ws[thread.x][n] = k0 + thread.x < K ? w[n][k0 + thread.x] : f32(0);
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
          sums[j] += bias[n];
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
        if (b < B && TILE * j < N) y[b][n] = activate(sums[j] * scale * gamma[n] + beta[n], GELU);
      }
    },
  );

/** y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most WHOLE_ROW, the GELU of erf */
export const linear_layer_norm_gelu = linearLayerNormGelu(OF_ERF);
/** y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most WHOLE_ROW, the GELU of tanh */
export const linear_layer_norm_gelu_tanh = linearLayerNormGelu(OF_TANH);
