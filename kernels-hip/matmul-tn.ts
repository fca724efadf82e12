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

/** z[n,k] = Σ_b x[b,n]·y[b,k], summed in f32 by matrix instructions; both are turned around on their way to the tiles */
const matmulOn = (T: HalfElement) =>
  kernel(
    { x: input(T, ["B", "N"]), y: input(T, ["B", "K"]), z: output(f32, ["N", "K"]) },
    {
      computes: "matmul_tn",
      matrix: ["gfx11", "gfx12", "cdna"],
      grid: ({ N, K }) => [ceilDiv(N, ROWS), ceilDiv(K, COLUMNS)],
      block: [THREADS],
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, y, z }, { B, K, N }) => {
      requires(mod(N, TURNED) === 0 && mod(K, TURNED) === 0);
      covers(z, (m, n) => ({
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
      const ys = shared(T, [2, COLUMNS, DEPTH + PAD]);
      const next_x = registers(T, [2, TURNED]);
      const next_y = registers(T, [2, TURNED]);
      const pair = registers(T, [2]);
      const a = fragment("a", T, [down]);
      const b = fragment("b", T, [right]);
      const sums = fragment("accumulator", f32, [down, right]);
      const first_row = div(matrix.wave, ACROSS) * wave_rows;
      const first_column = mod(matrix.wave, ACROSS) * wave_columns;
      const turned_row = 2 * div(thread.x, div(COLUMNS, TURNED));
      const turned_column = TURNED * mod(thread.x, div(COLUMNS, TURNED));
      const n = block.x * ROWS + turned_column;
      const k = block.y * COLUMNS + turned_column;
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
        }
      }
      for (let h = 0; h < 2; h++) {
        if (turned_row + h < B && n < N) loadVector(next_x[h], x[turned_row + h][n]);
        else for (let v = 0; v < TURNED; v++) next_x[h][v] = T(0.0);
      }
      for (let h = 0; h < 2; h++) {
        if (turned_row + h < B && k < K) loadVector(next_y[h], y[turned_row + h][k]);
        else for (let v = 0; v < TURNED; v++) next_y[h][v] = T(0.0);
      }
      for (let v = 0; v < TURNED; v++) {
        pair[0] = next_x[0][v];
        pair[1] = next_x[1][v];
        storeVector(xs[0][turned_column + v][turned_row], pair);
      }
      for (let v = 0; v < TURNED; v++) {
        pair[0] = next_y[0][v];
        pair[1] = next_y[1][v];
        storeVector(ys[0][turned_column + v][turned_row], pair);
      }
      barrier();
      for (let t = 0; t < ceilDiv(B, DEPTH); t++) {
        // The next tile is on its way while this one is multiplied; past the end it is 0, and nobody multiplies it.
        const b0 = (t + 1) * DEPTH + turned_row;
        for (let h = 0; h < 2; h++) {
          if (b0 + h < B && n < N) loadVector(next_x[h], x[b0 + h][n]);
          else for (let v = 0; v < TURNED; v++) next_x[h][v] = T(0.0);
        }
        for (let h = 0; h < 2; h++) {
          if (b0 + h < B && k < K) loadVector(next_y[h], y[b0 + h][k]);
          else for (let v = 0; v < TURNED; v++) next_y[h][v] = T(0.0);
        }
        for (let s = 0; s < DEPTH; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ys[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
        for (let v = 0; v < TURNED; v++) {
          pair[0] = next_x[0][v];
          pair[1] = next_x[1][v];
          storeVector(xs[1 - mod(t, 2)][turned_column + v][turned_row], pair);
        }
        for (let v = 0; v < TURNED; v++) {
          pair[0] = next_y[0][v];
          pair[1] = next_y[1][v];
          storeVector(ys[1 - mod(t, 2)][turned_column + v][turned_row], pair);
        }
        barrier();
      }
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) {
            const row = block.x * ROWS + first_row + 16 * i + matrix.row(e);
            const column = block.y * COLUMNS + first_column + 16 * j + matrix.column;
            if (row < N && column < K) z[row][column] = sums[i][j][e];
          }
        }
      }
    },
  );

/** z[n,k] = Σ_b x[b,n]·y[b,k] of f16, summed in f32 by matrix instructions: the gradient of a linear layer's weights */
export const matmul_tn_f16 = matmulOn(f16);
/** z[n,k] = Σ_b x[b,n]·y[b,k] of bf16, summed in f32 by matrix instructions: the gradient of a linear layer's weights */
export const matmul_tn_bf16 = matmulOn(bf16);
