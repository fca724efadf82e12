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
  APART,
  COLUMNS,
  depthOf,
  ROWS,
  rowBytesOf,
  rowInWave,
  straightColumn,
  straightRow,
  THREADS,
  TURNED_BYTES,
  tallOf,
  threadOfPair,
  turnedColumn,
  turnedDepth,
  turnedRow,
  vectorOf,
  waveRows,
} from "./tiles.ts";

/** y[b,k] = Σₙ x[b,n]·w[n,k], summed in f32 by matrix instructions; w is turned around on its way to the tile */
const matmulOn = (T: HalfElement) =>
  kernel(
    { x: input(T, ["B", "N"]), w: input(T, ["N", "K"]), y: output(f32, ["B", "K"]) },
    {
      computes: "matmul_nn",
      matrix: ["gfx11", "gfx12", "cdna"],
      grid: ({ B, K }) => [ceilDiv(B, ROWS), ceilDiv(K, COLUMNS)],
      block: [THREADS],
      performance: { segments: { x: rowBytesOf(matrix.lanes), w: TURNED_BYTES, y: 64 }, conflictFree: ["xs", "ws"] },
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, w, y }, { B, K, N }) => {
      requires(mod(N, vectorOf(matrix.lanes)) === 0 && mod(K, 2) === 0);
      covers(y, (m, n) => ({
        block: [div(m, ROWS), div(n, COLUMNS)],
        thread: [threadOfPair(m, n)],
        i: div(rowInWave(m), 16),
        e: matrix.elementOf(mod(rowInWave(m), 16)),
      }));
      // A wave's part of the tile, in elements and in fragments.
      const wave_rows = waveRows(matrix.lanes);
      const wave_columns = div(COLUMNS, ACROSS);
      const down = div(wave_rows, 16);
      const right = div(wave_columns, 16);
      const depth = depthOf(matrix.lanes);
      const vector = vectorOf(matrix.lanes);
      const tall = tallOf(matrix.lanes);
      const xs = shared(T, [2, ROWS, depth + vector]);
      const ws = shared(T, [2, COLUMNS, depth + vector]);
      const next_x = registers(T, [vector]);
      const next_w = registers(T, [tall, 2]);
      const turned = registers(T, [tall]);
      const neighbours = registers(f32, [2]);
      const a = fragment("a", T, [down]);
      const b = fragment("b", T, [right]);
      const sums = fragment("accumulator", f32, [down, right]);
      const first_row = div(matrix.wave, ACROSS) * wave_rows;
      const first_column = mod(matrix.wave, ACROSS) * wave_columns;
      const row = straightRow(thread.x, matrix.lanes, APART);
      const column = straightColumn(thread.x, matrix.lanes, APART);
      const turned_row = turnedRow(thread.x);
      const turned_depth = turnedDepth(thread.x, tall);
      const r = block.x * ROWS + row;
      const c = block.y * COLUMNS + turnedColumn(thread.x);
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
        }
      }
      if (r < B && column < N) loadVector(next_x, x[r][column]);
      else for (let v = 0; v < vector; v++) next_x[v] = T(0.0);
      for (let h = 0; h < tall; h++) {
        if (turned_depth + h < N && c < K) loadVector(next_w[h], w[turned_depth + h][c]);
        else for (let v = 0; v < 2; v++) next_w[h][v] = T(0.0);
      }
      storeVector(xs[0][row][column], next_x);
      for (let v = 0; v < 2; v++) {
        for (let h = 0; h < tall; h++) turned[h] = next_w[h][v];
        storeVector(ws[0][turned_row + 16 * v][turned_depth], turned);
      }
      barrier();
      for (let t = 0; t < ceilDiv(N, depth); t++) {
        // The next tile is on its way while this one is multiplied; past the end it is 0, and nobody multiplies it.
        const n = (t + 1) * depth + column;
        const m = (t + 1) * depth + turned_depth;
        if (r < B && n < N) loadVector(next_x, x[r][n]);
        else for (let v = 0; v < vector; v++) next_x[v] = T(0.0);
        for (let h = 0; h < tall; h++) {
          if (m + h < N && c < K) loadVector(next_w[h], w[m + h][c]);
          else for (let v = 0; v < 2; v++) next_w[h][v] = T(0.0);
        }
        for (let s = 0; s < depth; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ws[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
        storeVector(xs[1 - mod(t, 2)][row][column], next_x);
        for (let v = 0; v < 2; v++) {
          for (let h = 0; h < tall; h++) turned[h] = next_w[h][v];
          storeVector(ws[1 - mod(t, 2)][turned_row + 16 * v][turned_depth], turned);
        }
        barrier();
      }
      for (let i = 0; i < down; i++) {
        for (let e = 0; e < matrix.elements; e++) {
          const m = block.x * ROWS + first_row + 16 * i + matrix.row(e);
          const k = block.y * COLUMNS + first_column + 2 * matrix.column;
          for (let j = 0; j < right; j++) neighbours[j] = sums[i][j][e];
          if (m < B && k < K) storeVector(y[m][k], neighbours);
        }
      }
    },
  );

/** y[b,k] = Σₙ x[b,n]·w[n,k] of f16, summed in f32 by matrix instructions: the gradient of a linear layer's input */
export const matmul_nn_f16 = matmulOn(f16);
/** y[b,k] = Σₙ x[b,n]·w[n,k] of bf16, summed in f32 by matrix instructions: the gradient of a linear layer's input */
export const matmul_nn_bf16 = matmulOn(bf16);
