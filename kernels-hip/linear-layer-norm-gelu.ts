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
  scalar,
  shared,
  sqrt,
  storeVector,
  thread,
} from "tokitai/dsl";
import { geluErf } from "../kernels/math.ts";

const THREADS = 256;
const ROWS = 32;
/** A block has its rows whole: this is the longest row that it can normalise. */
const COLUMNS = 128;
const DEPTH = 32;
/** Waves beside each other along the columns of a tile; the others are below each other. */
const ACROSS = 4;
/** Halves that a thread moves of a row of a tile. */
const MOVED = 8;
/** How many of them at once, and what a row of a tile is longer by: so that a wave's lanes find their words in different banks. */
const vectorOf = (lanes: number) => div(256, lanes);
/**
 * Where in a tile of 64 rows a thread's halves begin; four threads move a row. Rows that are stored together are in different banks
 * where they are 4 apart and 20 words long, or 1 and 8 apart and 18 words long.
 */
const movedColumn = (thread: number, lanes: number) =>
  vectorOf(lanes) * mod(mod(mod(mod(mod(thread, 64), 32), 16), 8), 4);
const movedRow = (thread: number, lanes: number) =>
  16 * div(thread, 64) +
  (lanes === 32 ? 8 : 2) * div(mod(thread, 64), 32) +
  (lanes === 32 ? 2 : 1) * div(mod(mod(thread, 64), 32), 16) +
  (lanes === 32 ? 1 : 8) * div(mod(mod(mod(thread, 64), 32), 16), 8) +
  4 * div(mod(mod(mod(mod(thread, 64), 32), 16), 8), 4);
/** What four threads move of a row at once, side by side in memory. */
const runBytes = (lanes: number) => 2 * 4 * vectorOf(lanes);
/** Sums over a row: of each lane along it, then of each thread, of which so many share a row. */
const LANES = 16 * ACROSS;
const SHARE = div(THREADS, ROWS);

/** Rows of a tile that one wave multiplies, and where in a wave's part of its tile a row and a column are. */
const waveRows = (lanes: number) => div(ROWS * ACROSS * lanes, THREADS);
const rowInWave = (m: number) => mod(mod(m, ROWS), waveRows(matrix.lanes));
const columnInWave = (n: number) => mod(n, div(COLUMNS, ACROSS));

/**
 * y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most COLUMNS, the GELU of erf
 *
 * The products stay in the accumulators of matrix instructions: of a row, lanes add up what they hold, SHARE threads add
 * up the lanes, and one thread adds up those. The variance is that of the centred values, so that a large mean costs no
 * digits.
 */
const linearLayerNormGeluOn = (T: FloatElement) =>
  kernel(
    {
      x: input(T, ["B", "K"]),
      w: input(T, ["N", "K"]),
      bias: input(f32, ["N"]),
      gamma: input(f32, ["N"]),
      beta: input(f32, ["N"]),
      epsilon: scalar(f32),
      y: output(f32, ["B", "N"]),
    },
    {
      computes: "linear_layer_norm_gelu",
      matrix: ["gfx11", "gfx12", "cdna"],
      grid: ({ B }) => [ceilDiv(B, ROWS)],
      block: [THREADS],
      performance: {
        segments: { x: runBytes(matrix.lanes), w: runBytes(matrix.lanes), bias: 64, gamma: 64, beta: 64, y: 64 },
        conflictFree: ["xs", "ws"],
      },
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, w, bias, gamma, beta, epsilon, y }, { B, K, N }) => {
      requires(mod(K, MOVED) === 0);
      requires(N <= COLUMNS);
      covers(y, (m, n) => ({
        block: [div(m, ROWS)],
        thread: [
          matrix.lanes * (ACROSS * div(mod(m, ROWS), waveRows(matrix.lanes)) + div(n, div(COLUMNS, ACROSS))) +
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
      // How many vectors a thread moves of the tile of w, and how many rows apart they are. Of that of x, half of the
      // threads move one each.
      const w_vectors = div(COLUMNS * DEPTH, THREADS * MOVED);
      const step = div(THREADS * MOVED, DEPTH);
      const vector = vectorOf(matrix.lanes);
      const pieces = div(MOVED, vector);
      const xs = shared(T, [2, ROWS, DEPTH + vector]);
      const ws = shared(T, [2, COLUMNS, DEPTH + vector]);
      const partial = shared(f32, [down, matrix.elements, THREADS]);
      const shares = shared(f32, [ROWS, SHARE + 1]);
      const means = shared(f32, [ROWS]);
      const scales = shared(f32, [ROWS]);
      const next_x = registers(T, [pieces, vector]);
      const next_w = registers(T, [w_vectors, pieces, vector]);
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
      const row = movedRow(thread.x, matrix.lanes);
      const column = movedColumn(thread.x, matrix.lanes);
      if (row < ROWS) {
        for (let q = 0; q < pieces; q++) {
          const c = column + 4 * vector * q;
          if (block.x * ROWS + row < B && c < K) loadVector(next_x[q], x[block.x * ROWS + row][c]);
          else for (let v = 0; v < vector; v++) next_x[q][v] = T(0.0);
          storeVector(xs[0][row][c], next_x[q]);
        }
      }
      for (let p = 0; p < w_vectors; p++) {
        for (let q = 0; q < pieces; q++) {
          const c = column + 4 * vector * q;
          if (row + p * step < N && c < K) loadVector(next_w[p][q], w[row + p * step][c]);
          else for (let v = 0; v < vector; v++) next_w[p][q][v] = T(0.0);
          storeVector(ws[0][row + p * step][c], next_w[p][q]);
        }
      }
      barrier();
      for (let t = 0; t < ceilDiv(K, DEPTH); t++) {
        // The next tile is on its way while this one is multiplied; past the end it is 0, and nobody multiplies it.
        const k = (t + 1) * DEPTH + column;
        if (row < ROWS) {
          for (let q = 0; q < pieces; q++) {
            const c = k + 4 * vector * q;
            if (block.x * ROWS + row < B && c < K) loadVector(next_x[q], x[block.x * ROWS + row][c]);
            else for (let v = 0; v < vector; v++) next_x[q][v] = T(0.0);
          }
        }
        for (let p = 0; p < w_vectors; p++) {
          for (let q = 0; q < pieces; q++) {
            const c = k + 4 * vector * q;
            if (row + p * step < N && c < K) loadVector(next_w[p][q], w[row + p * step][c]);
            else for (let v = 0; v < vector; v++) next_w[p][q][v] = T(0.0);
          }
        }
        for (let s = 0; s < DEPTH; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ws[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
        for (let q = 0; q < pieces; q++) {
          const c = column + 4 * vector * q;
          if (row < ROWS) storeVector(xs[1 - mod(t, 2)][row][c], next_x[q]);
          for (let p = 0; p < w_vectors; p++) storeVector(ws[1 - mod(t, 2)][row + p * step][c], next_w[p][q]);
        }
        barrier();
      }
      for (let i = 0; i < down; i++) {
        for (let e = 0; e < matrix.elements; e++) {
          let sum = f32(0);
          for (let j = 0; j < right; j++) {
            const n = first_column + 16 * j + matrix.column;
            if (n < N) {
              sums[i][j][e] += bias[n];
              sum += sums[i][j][e];
            }
          }
          partial[i][e][thread.x] = sum;
        }
      }
      barrier();
      // Where the threads that share a row find what lanes hold of it.
      const shared_row = div(thread.x, SHARE);
      const shared_i = div(rowInWave(shared_row), 16);
      const shared_e = matrix.elementOf(mod(shared_row, 16));
      const shared_wave = ACROSS * div(shared_row, wave_rows);
      let share = f32(0);
      for (let c = 0; c < LANES; c += SHARE) {
        const column_lane = matrix.laneOf(mod(shared_row, 16), mod(mod(thread.x, SHARE) + c, 16));
        share += partial[shared_i][shared_e][matrix.lanes * (shared_wave + div(c, 16)) + column_lane];
      }
      shares[shared_row][mod(thread.x, SHARE)] = share;
      barrier();
      if (thread.x < ROWS) {
        let sum = f32(0);
        for (let c = 0; c < SHARE; c++) sum += shares[thread.x][c];
        means[thread.x] = sum / f32(N);
      }
      barrier();
      for (let i = 0; i < down; i++) {
        for (let e = 0; e < matrix.elements; e++) {
          let sum = f32(0);
          for (let j = 0; j < right; j++) {
            const n = first_column + 16 * j + matrix.column;
            if (n < N) {
              sums[i][j][e] -= means[first_row + 16 * i + matrix.row(e)];
              sum += sums[i][j][e] * sums[i][j][e];
            }
          }
          partial[i][e][thread.x] = sum;
        }
      }
      barrier();
      let squares = f32(0);
      for (let c = 0; c < LANES; c += SHARE) {
        const column_lane = matrix.laneOf(mod(shared_row, 16), mod(mod(thread.x, SHARE) + c, 16));
        squares += partial[shared_i][shared_e][matrix.lanes * (shared_wave + div(c, 16)) + column_lane];
      }
      shares[shared_row][mod(thread.x, SHARE)] = squares;
      barrier();
      if (thread.x < ROWS) {
        let sum = f32(0);
        for (let c = 0; c < SHARE; c++) sum += shares[thread.x][c];
        scales[thread.x] = 1.0 / sqrt(sum / f32(N) + epsilon);
      }
      barrier();
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) {
            const m = block.x * ROWS + first_row + 16 * i + matrix.row(e);
            const n = first_column + 16 * j + matrix.column;
            if (m < B && n < N) {
              const scale = scales[first_row + 16 * i + matrix.row(e)];
              y[m][n] = geluErf(sums[i][j][e] * scale * gamma[n] + beta[n]);
            }
          }
        }
      }
    },
  );

/** y = gelu(LayerNorm(x·wᵀ + bias)) over rows of at most 128 f16, summed in f32 by matrix instructions */
export const linear_layer_norm_gelu_f16 = linearLayerNormGeluOn(f16);
/** y = gelu(LayerNorm(x·wᵀ + bias)) over rows of at most 128 bf16, summed in f32 by matrix instructions */
export const linear_layer_norm_gelu_bf16 = linearLayerNormGeluOn(bf16);
