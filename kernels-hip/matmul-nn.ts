import {
  barrier,
  bf16,
  block,
  ceilDiv,
  covers,
  div,
  f16,
  f32,
  fragment,
  type HalfElement,
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
import {
  ACROSS,
  COLUMNS,
  columnInWave,
  DEPTH,
  PAD,
  ROWS,
  rowInWave,
  THREADS,
  TURNED,
  threadOf,
  waveRows,
} from "./tiles.ts";

/** Elements that a thread moves at once of what lies along the sums. */
const VECTOR = 8;

/** y[b,k] = Σₙ x[b,n]·w[n,k], summed in f32 by matrix instructions; w is turned around on its way to the tile */
const matmulOn = (T: HalfElement) =>
  kernel(
    { x: input(T, ["B", "N"]), w: input(T, ["N", "K"]), y: output(f32, ["B", "K"]) },
    {
      computes: "matmul_nn",
      matrix: ["gfx11", "gfx12", "cdna"],
      grid: ({ B, K }) => [ceilDiv(B, ROWS), ceilDiv(K, COLUMNS)],
      block: [THREADS],
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, w, y }, { B, K, N }) => {
      requires(mod(N, VECTOR) === 0 && mod(K, TURNED) === 0);
      covers(y, (m, n) => ({
        block: [div(m, ROWS), div(n, COLUMNS)],
        thread: [threadOf(m, n)],
        i: div(rowInWave(m), 16),
        j: div(columnInWave(n), 16),
        e: matrix.elementOf(mod(rowInWave(m), 16)),
      }));
      // A wave's part of the tile, in elements and in fragments.
      const wave_rows = waveRows(matrix.lanes);
      const wave_columns = div(COLUMNS, ACROSS);
      const down = div(wave_rows, 16);
      const right = div(wave_columns, 16);
      const xs = shared(T, [2, ROWS, DEPTH + PAD]);
      const ws = shared(T, [2, COLUMNS, DEPTH + PAD]);
      const next_x = registers(T, [VECTOR]);
      const next_w = registers(T, [2, TURNED]);
      const pair = registers(T, [2]);
      const a = fragment("a", T, [down]);
      const b = fragment("b", T, [right]);
      const sums = fragment("accumulator", f32, [down, right]);
      const first_row = div(matrix.wave, ACROSS) * wave_rows;
      const first_column = mod(matrix.wave, ACROSS) * wave_columns;
      const row = div(thread.x, div(DEPTH, VECTOR));
      const column = VECTOR * mod(thread.x, div(DEPTH, VECTOR));
      const turned_row = 2 * div(thread.x, div(COLUMNS, TURNED));
      const turned_column = TURNED * mod(thread.x, div(COLUMNS, TURNED));
      const r = block.x * ROWS + row;
      const c = block.y * COLUMNS + turned_column;
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
        }
      }
      if (r < B && column < N) loadVector(next_x, x[r][column]);
      else for (let v = 0; v < VECTOR; v++) next_x[v] = T(0.0);
      for (let h = 0; h < 2; h++) {
        if (turned_row + h < N && c < K) loadVector(next_w[h], w[turned_row + h][c]);
        else for (let v = 0; v < TURNED; v++) next_w[h][v] = T(0.0);
      }
      storeVector(xs[0][row][column], next_x);
      for (let v = 0; v < TURNED; v++) {
        pair[0] = next_w[0][v];
        pair[1] = next_w[1][v];
        storeVector(ws[0][turned_column + v][turned_row], pair);
      }
      barrier();
      for (let t = 0; t < ceilDiv(N, DEPTH); t++) {
        // The next tile is on its way while this one is multiplied; past the end it is 0, and nobody multiplies it.
        const n = (t + 1) * DEPTH + column;
        const m = (t + 1) * DEPTH + turned_row;
        if (r < B && n < N) loadVector(next_x, x[r][n]);
        else for (let v = 0; v < VECTOR; v++) next_x[v] = T(0.0);
        for (let h = 0; h < 2; h++) {
          if (m + h < N && c < K) loadVector(next_w[h], w[m + h][c]);
          else for (let v = 0; v < TURNED; v++) next_w[h][v] = T(0.0);
        }
        for (let s = 0; s < DEPTH; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ws[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
        storeVector(xs[1 - mod(t, 2)][row][column], next_x);
        for (let v = 0; v < TURNED; v++) {
          pair[0] = next_w[0][v];
          pair[1] = next_w[1][v];
          storeVector(ws[1 - mod(t, 2)][turned_column + v][turned_row], pair);
        }
        barrier();
      }
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) {
            const m = block.x * ROWS + first_row + 16 * i + matrix.row(e);
            const k = block.y * COLUMNS + first_column + 16 * j + matrix.column;
            if (m < B && k < K) y[m][k] = sums[i][j][e];
          }
        }
      }
    },
  );

/** y[b,k] = Σₙ x[b,n]·w[n,k] of f16, summed in f32 by matrix instructions: the gradient of a linear layer's input */
export const matmul_nn_f16 = matmulOn(f16);
/** y[b,k] = Σₙ x[b,n]·w[n,k] of bf16, summed in f32 by matrix instructions: the gradient of a linear layer's input */
export const matmul_nn_bf16 = matmulOn(bf16);
