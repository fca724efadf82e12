import {
  barrier,
  bf16,
  block,
  ceilDiv,
  covers,
  div,
  type FloatElement,
  f16,
  f32,
  fragment,
  input,
  kernel,
  loadFragment,
  loadVector,
  matrix,
  mma,
  mod,
  output,
  registers,
  requires,
  shared,
  storeVector,
  thread,
} from "tokitai/dsl";
import { geluErf } from "../kernels/math.ts";

const THREADS = 256;
const ROWS = 64;
const COLUMNS = 64;
const DEPTH = 32;
/** What a row of a tile is longer by, so that the lanes of a wave which read 16 bytes each are served in the fewest turns. */
const PAD = 8;
/** Waves beside each other along the columns of a tile; the others are below each other. */
const ACROSS = 2;

/** Rows of a tile that one wave multiplies, and where in a wave's part of its tile a row and a column are. */
const waveRows = (lanes: number) => div(ROWS * ACROSS * lanes, THREADS);
const rowInWave = (m: number) => mod(mod(m, ROWS), waveRows(matrix.lanes));
const columnInWave = (n: number) => mod(mod(n, COLUMNS), div(COLUMNS, ACROSS));

/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n], of VECTOR elements at a time, summed in f32 by matrix instructions; GELU: its gelu */
const linearOn = (T: FloatElement, VECTOR: number, GELU: number) =>
  kernel(
    { x: input(T, ["B", "K"]), w: input(T, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
    {
      computes: GELU === 1 ? "linear_gelu" : "linear",
      matrix: VECTOR === 4 ? ["cdna"] : ["gfx11", "gfx12", "cdna"],
      grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
      block: [THREADS],
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, w, bias, y }, { B, K, N }) => {
      requires(mod(K, VECTOR) === 0);
      covers(y, (m, n) => ({
        block: [div(m, ROWS), div(n, COLUMNS)],
        thread: [
          matrix.lanes *
            (ACROSS * div(mod(m, ROWS), waveRows(matrix.lanes)) + div(mod(n, COLUMNS), div(COLUMNS, ACROSS))) +
            matrix.laneOf(mod(rowInWave(m), 16), mod(columnInWave(n), 16)),
        ],
        i: div(rowInWave(m), 16),
        j: div(columnInWave(n), 16),
        e: matrix.elementOf(mod(rowInWave(m), 16)),
      }));
      // A wave's part of the tile, in elements and in fragments.
      const wave_rows = waveRows(matrix.lanes);
      const wave_columns = div(COLUMNS, ACROSS);
      const down = div(wave_rows, 16);
      const right = div(wave_columns, 16);
      // How many vectors a thread moves of each tile, and how many rows apart they are.
      const x_vectors = div(ROWS * DEPTH, THREADS * VECTOR);
      const w_vectors = div(COLUMNS * DEPTH, THREADS * VECTOR);
      const step = div(THREADS * VECTOR, DEPTH);
      const xs = shared(T, [2, ROWS, DEPTH + PAD]);
      const ws = shared(T, [2, COLUMNS, DEPTH + PAD]);
      const next_x = registers(T, [x_vectors, VECTOR]);
      const next_w = registers(T, [w_vectors, VECTOR]);
      const a = fragment("a", T, [down]);
      const b = fragment("b", T, [right]);
      const sums = fragment("accumulator", f32, [down, right]);
      const first_row = div(matrix.wave, ACROSS) * wave_rows;
      const first_column = mod(matrix.wave, ACROSS) * wave_columns;
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
        }
      }
      const row = div(thread.x, div(DEPTH, VECTOR));
      const column = VECTOR * mod(thread.x, div(DEPTH, VECTOR));
      for (let p = 0; p < x_vectors; p++) {
        const r = block.x * ROWS + row + p * step;
        if (r < B && column < K) loadVector(next_x[p], x[r][column]);
        else for (let v = 0; v < VECTOR; v++) next_x[p][v] = T(0.0);
        storeVector(xs[0][row + p * step][column], next_x[p]);
      }
      for (let p = 0; p < w_vectors; p++) {
        const r = block.y * COLUMNS + row + p * step;
        if (r < N && column < K) loadVector(next_w[p], w[r][column]);
        else for (let v = 0; v < VECTOR; v++) next_w[p][v] = T(0.0);
        storeVector(ws[0][row + p * step][column], next_w[p]);
      }
      barrier();
      for (let t = 0; t < ceilDiv(K, DEPTH); t++) {
        // The next tile is on its way while this one is multiplied; past the end it is 0, and nobody multiplies it.
        const k = (t + 1) * DEPTH + column;
        for (let p = 0; p < x_vectors; p++) {
          const r = block.x * ROWS + row + p * step;
          if (r < B && k < K) loadVector(next_x[p], x[r][k]);
          else for (let v = 0; v < VECTOR; v++) next_x[p][v] = T(0.0);
        }
        for (let p = 0; p < w_vectors; p++) {
          const r = block.y * COLUMNS + row + p * step;
          if (r < N && k < K) loadVector(next_w[p], w[r][k]);
          else for (let v = 0; v < VECTOR; v++) next_w[p][v] = T(0.0);
        }
        for (let s = 0; s < DEPTH; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ws[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
        for (let p = 0; p < x_vectors; p++) storeVector(xs[1 - mod(t, 2)][row + p * step][column], next_x[p]);
        for (let p = 0; p < w_vectors; p++) storeVector(ws[1 - mod(t, 2)][row + p * step][column], next_w[p]);
        barrier();
      }
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) {
            const m = block.x * ROWS + first_row + 16 * i + matrix.row(e);
            const n = block.y * COLUMNS + first_column + 16 * j + matrix.column;
            if (m < B && n < N) y[m][n] = GELU === 1 ? geluErf(sums[i][j][e] + bias[n]) : sums[i][j][e] + bias[n];
          }
        }
      }
    },
  );

/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] of f16, summed in f32 by matrix instructions */
export const linear_f16 = linearOn(f16, 8, 0);
/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] of bf16, summed in f32 by matrix instructions */
export const linear_bf16 = linearOn(bf16, 8, 0);
/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] of f32, by matrix instructions, which CDNA has for it */
export const linear_f32 = linearOn(f32, 4, 0);
/** y[b,n] = gelu(Σₖ x[b,k]·w[n,k] + bias[n]) of f16, the GELU of erf, summed in f32 by matrix instructions */
export const linear_gelu_f16 = linearOn(f16, 8, 1);
/** y[b,n] = gelu(Σₖ x[b,k]·w[n,k] + bias[n]) of bf16, the GELU of erf, summed in f32 by matrix instructions */
export const linear_gelu_bf16 = linearOn(bf16, 8, 1);
