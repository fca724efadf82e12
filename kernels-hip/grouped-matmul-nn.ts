import {
  barrier,
  bf16,
  block,
  ceilDiv,
  covers,
  div,
  f16,
  f32,
  forall,
  fragment,
  type HalfElement,
  i32,
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

/** y[p,k] = Σₙ x[p,n]·w[expert[p],n,k] for rows sorted by expert, summed in f32 by matrix instructions; w is turned around on its way to the tile */
const groupedMatmulOn = (T: HalfElement) =>
  kernel(
    {
      x: input(T, ["T", "N"]),
      w: input(T, ["E", "N", "K"]),
      offsets: input(i32, ["E+1"]),
      expert: input(i32, ["T"]),
      y: output(f32, ["T", "K"]),
    },
    {
      computes: "grouped_matmul_nn",
      matrix: ["gfx11", "gfx12", "cdna"],
      grid: ({ T: rows, E, K }) => [ceilDiv(K, COLUMNS), ceilDiv(rows, ROWS), E],
      block: [THREADS],
      performance: { segments: { x: rowBytesOf(matrix.lanes), w: TURNED_BYTES, y: 64 }, conflictFree: ["xs", "ws"] },
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, w, offsets, expert, y }, { T: rows, E, K, N }) => {
      requires(mod(N, vectorOf(matrix.lanes)) === 0 && mod(K, 2) === 0);
      requires(
        forall([rows], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
      );
      requires(offsets[0] === 0 && offsets[E] === rows);
      requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
      covers(y, (p, k) => ({
        block: [div(k, COLUMNS), div(p - offsets[expert[p]], ROWS), expert[p]],
        thread: [threadOfPair(p - offsets[expert[p]], k)],
        i: div(rowInWave(p - offsets[expert[p]]), 16),
        e: matrix.elementOf(mod(rowInWave(p - offsets[expert[p]]), 16)),
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
      const expert_of_block = block.z;
      const first = offsets[expert_of_block] + block.y * ROWS;
      const end = offsets[expert_of_block + 1];
      if (first >= end) return;
      const first_row = div(matrix.wave, ACROSS) * wave_rows;
      const first_column = mod(matrix.wave, ACROSS) * wave_columns;
      const row = straightRow(thread.x, matrix.lanes, APART);
      const column = straightColumn(thread.x, matrix.lanes, APART);
      const turned_row = turnedRow(thread.x);
      const turned_depth = turnedDepth(thread.x, tall);
      const r = first + row;
      const c = block.x * COLUMNS + turnedColumn(thread.x);
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
        }
      }
      if (r < end && column < N) loadVector(next_x, x[r][column]);
      else for (let v = 0; v < vector; v++) next_x[v] = T(0.0);
      for (let h = 0; h < tall; h++) {
        if (turned_depth + h < N && c < K) loadVector(next_w[h], w[expert_of_block][turned_depth + h][c]);
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
        if (r < end && n < N) loadVector(next_x, x[r][n]);
        else for (let v = 0; v < vector; v++) next_x[v] = T(0.0);
        for (let h = 0; h < tall; h++) {
          if (m + h < N && c < K) loadVector(next_w[h], w[expert_of_block][m + h][c]);
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
          const p = first + first_row + 16 * i + matrix.row(e);
          const k = block.x * COLUMNS + first_column + 2 * matrix.column;
          for (let j = 0; j < right; j++) neighbours[j] = sums[i][j][e];
          if (p < end && k < K) storeVector(y[p][k], neighbours);
        }
      }
    },
  );

/** y[p,k] = Σₙ x[p,n]·w[expert[p],n,k] of f16, for rows sorted by expert: the gradient of a grouped linear layer's input */
export const grouped_matmul_nn_f16 = groupedMatmulOn(f16);
/** y[p,k] = Σₙ x[p,n]·w[expert[p],n,k] of bf16, for rows sorted by expert: the gradient of a grouped linear layer's input */
export const grouped_matmul_nn_bf16 = groupedMatmulOn(bf16);
