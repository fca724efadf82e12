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
import {
  ACROSS,
  COLUMNS,
  columnInWave,
  depthOf,
  ROWS,
  rowInWave,
  THREADS,
  threadOf,
  togetherOf,
  vectorOf,
  waveRows,
} from "./tiles.ts";

/**
 * Banks. A row of a tile is longer than the tile, by a vector of halves or two of f32, so that lanes which read rows of a
 * fragment together find them in different banks. Rows that are stored together are in different banks where they are APART
 * in the tile: by 4 rows with one vector of padding, by 2 with two.
 */
const paddingOf = (lanes: number, half: number) => vectorOf(lanes) * (2 - half);
const apartOf = (half: number) => 2 + 2 * half;
/** Of a row of a tile, which four threads move. */
const rowBytes = (lanes: number, half: number) => div(4 * depthOf(lanes), 1 + half);

/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n], summed in f32 by matrix instructions; HALF: of halves; GELU: its gelu */
const linearOn = (T: FloatElement, HALF: number, GELU: number) =>
  kernel(
    { x: input(T, ["B", "K"]), w: input(T, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
    {
      computes: GELU === 1 ? "linear_gelu" : "linear",
      matrix: HALF === 1 ? ["gfx11", "gfx12", "cdna"] : ["cdna"],
      grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
      block: [THREADS],
      performance: {
        segments: { x: rowBytes(matrix.lanes, HALF), w: rowBytes(matrix.lanes, HALF), bias: 64, y: 64 },
        conflictFree: ["xs", "ws"],
      },
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, w, bias, y }, { B, K, N }) => {
      requires(mod(K, vectorOf(matrix.lanes)) === 0);
      covers(y, (m, n) => ({
        block: [div(m, ROWS), div(n, COLUMNS)],
        thread: [threadOf(m, n)],
        i: div(rowInWave(m), 16),
        j: div(columnInWave(n), 16),
        e: matrix.elementOf(mod(rowInWave(m), 16)),
      }));
      const depth = depthOf(matrix.lanes);
      const vector = vectorOf(matrix.lanes);
      // A wave's part of the tile, in elements and in fragments.
      const wave_rows = waveRows(matrix.lanes);
      const wave_columns = div(COLUMNS, ACROSS);
      const down = div(wave_rows, 16);
      const right = div(wave_columns, 16);
      // How many vectors a thread moves of each tile, and how many rows apart they are.
      const x_vectors = div(ROWS * depth, THREADS * vector);
      const w_vectors = div(COLUMNS * depth, THREADS * vector);
      const step = div(THREADS * vector, depth);
      const xs = shared(T, [2, ROWS, depth + paddingOf(matrix.lanes, HALF)]);
      const ws = shared(T, [2, COLUMNS, depth + paddingOf(matrix.lanes, HALF)]);
      const next_x = registers(T, [x_vectors, vector]);
      const next_w = registers(T, [w_vectors, vector]);
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
      // So many threads move a row, so many rows that are apart, and all rows between them.
      const of_row = div(depth, vector);
      const of_rows = of_row * togetherOf(matrix.lanes);
      const of_group = of_rows * apartOf(HALF);
      const in_group = mod(thread.x, of_group);
      const in_rows = mod(in_group, of_rows);
      const group = togetherOf(matrix.lanes) * apartOf(HALF) * div(thread.x, of_group);
      const row = group + apartOf(HALF) * div(in_rows, of_row) + div(in_group, of_rows);
      const column = vector * mod(in_rows, of_row);
      for (let p = 0; p < x_vectors; p++) {
        const r = block.x * ROWS + row + p * step;
        if (r < B && column < K) loadVector(next_x[p], x[r][column]);
        else for (let v = 0; v < vector; v++) next_x[p][v] = T(0.0);
        storeVector(xs[0][row + p * step][column], next_x[p]);
      }
      for (let p = 0; p < w_vectors; p++) {
        const r = block.y * COLUMNS + row + p * step;
        if (r < N && column < K) loadVector(next_w[p], w[r][column]);
        else for (let v = 0; v < vector; v++) next_w[p][v] = T(0.0);
        storeVector(ws[0][row + p * step][column], next_w[p]);
      }
      for (let p = 0; p < x_vectors; p++) {
        const r = block.x * ROWS + row + p * step;
        if (r < B && depth + column < K) loadVector(next_x[p], x[r][depth + column]);
        else for (let v = 0; v < vector; v++) next_x[p][v] = T(0.0);
      }
      for (let p = 0; p < w_vectors; p++) {
        const r = block.y * COLUMNS + row + p * step;
        if (r < N && depth + column < K) loadVector(next_w[p], w[r][depth + column]);
        else for (let v = 0; v < vector; v++) next_w[p][v] = T(0.0);
      }
      barrier();
      for (let t = 0; t < ceilDiv(K, depth); t++) {
        // The tile after the next is on its way while this one is multiplied, and as long as a wave waits for the others; past
        // the end it is 0, and nobody multiplies it.
        for (let p = 0; p < x_vectors; p++) storeVector(xs[1 - mod(t, 2)][row + p * step][column], next_x[p]);
        for (let p = 0; p < w_vectors; p++) storeVector(ws[1 - mod(t, 2)][row + p * step][column], next_w[p]);
        const k = (t + 2) * depth + column;
        for (let p = 0; p < x_vectors; p++) {
          const r = block.x * ROWS + row + p * step;
          if (r < B && k < K) loadVector(next_x[p], x[r][k]);
          else for (let v = 0; v < vector; v++) next_x[p][v] = T(0.0);
        }
        for (let p = 0; p < w_vectors; p++) {
          const r = block.y * COLUMNS + row + p * step;
          if (r < N && k < K) loadVector(next_w[p], w[r][k]);
          else for (let v = 0; v < vector; v++) next_w[p][v] = T(0.0);
        }
        for (let s = 0; s < depth; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ws[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
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
export const linear_f16 = linearOn(f16, 1, 0);
/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] of bf16, summed in f32 by matrix instructions */
export const linear_bf16 = linearOn(bf16, 1, 0);
/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] of f32, by matrix instructions, which CDNA has for it */
export const linear_f32 = linearOn(f32, 0, 0);
/** y[b,n] = gelu(Σₖ x[b,k]·w[n,k] + bias[n]) of f16, the GELU of erf, summed in f32 by matrix instructions */
export const linear_gelu_f16 = linearOn(f16, 1, 1);
/** y[b,n] = gelu(Σₖ x[b,k]·w[n,k] + bias[n]) of bf16, the GELU of erf, summed in f32 by matrix instructions */
export const linear_gelu_bf16 = linearOn(bf16, 1, 1);
