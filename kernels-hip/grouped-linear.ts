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
  columnInWave,
  depthOf,
  ROWS,
  rowBytesOf,
  rowInWave,
  THREADS,
  threadOf,
  togetherOf,
  vectorOf,
  waveRows,
} from "./tiles.ts";

/** y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n] for rows sorted by expert, summed in f32 by matrix instructions */
const groupedLinearOn = (T: HalfElement) =>
  kernel(
    {
      x: input(T, ["T", "K"]),
      w: input(T, ["E", "N", "K"]),
      bias: input(f32, ["E", "N"]),
      offsets: input(i32, ["E+1"]),
      expert: input(i32, ["T"]),
      y: output(f32, ["T", "N"]),
    },
    {
      computes: "grouped_linear",
      matrix: ["gfx11", "gfx12", "cdna"],
      grid: ({ T: rows, E, N }) => [ceilDiv(N, COLUMNS), ceilDiv(rows, ROWS), E],
      block: [THREADS],
      performance: {
        segments: { x: rowBytesOf(matrix.lanes), w: rowBytesOf(matrix.lanes), bias: 64, y: 64 },
        conflictFree: ["xs", "ws"],
      },
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, w, bias, offsets, expert, y }, { T: rows, E, K, N }) => {
      requires(mod(K, vectorOf(matrix.lanes)) === 0);
      requires(
        forall([rows], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
      );
      requires(offsets[0] === 0 && offsets[E] === rows);
      requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
      covers(y, (p, n) => ({
        block: [div(n, COLUMNS), div(p - offsets[expert[p]], ROWS), expert[p]],
        thread: [threadOf(p - offsets[expert[p]], n)],
        i: div(rowInWave(p - offsets[expert[p]]), 16),
        j: div(columnInWave(n), 16),
        e: matrix.elementOf(mod(rowInWave(p - offsets[expert[p]]), 16)),
      }));
      const depth = depthOf(matrix.lanes);
      const vector = vectorOf(matrix.lanes);
      // A wave's part of the tile, in elements and in fragments.
      const wave_rows = waveRows(matrix.lanes);
      const wave_columns = div(COLUMNS, ACROSS);
      const down = div(wave_rows, 16);
      const right = div(wave_columns, 16);
      const xs = shared(T, [2, ROWS, depth + vector]);
      const ws = shared(T, [2, COLUMNS, depth + vector]);
      const next_x = registers(T, [vector]);
      const next_w = registers(T, [vector]);
      const a = fragment("a", T, [down]);
      const b = fragment("b", T, [right]);
      const sums = fragment("accumulator", f32, [down, right]);
      const first_row = div(matrix.wave, ACROSS) * wave_rows;
      const first_column = mod(matrix.wave, ACROSS) * wave_columns;
      const expert_of_block = block.z;
      const first = offsets[expert_of_block] + block.y * ROWS;
      const end = offsets[expert_of_block + 1];
      if (first >= end) return;
      // So many threads move a row, so many rows that are apart, and all rows between them.
      const of_row = div(depth, vector);
      const of_rows = of_row * togetherOf(matrix.lanes);
      const of_group = of_rows * APART;
      const in_group = mod(thread.x, of_group);
      const in_rows = mod(in_group, of_rows);
      const group = togetherOf(matrix.lanes) * APART * div(thread.x, of_group);
      const row = group + APART * div(in_rows, of_row) + div(in_group, of_rows);
      const column = vector * mod(in_rows, of_row);
      const r = first + row;
      const c = block.x * COLUMNS + row;
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
        }
      }
      if (r < end && column < K) loadVector(next_x, x[r][column]);
      else for (let v = 0; v < vector; v++) next_x[v] = T(0.0);
      if (c < N && column < K) loadVector(next_w, w[expert_of_block][c][column]);
      else for (let v = 0; v < vector; v++) next_w[v] = T(0.0);
      storeVector(xs[0][row][column], next_x);
      storeVector(ws[0][row][column], next_w);
      barrier();
      for (let t = 0; t < ceilDiv(K, depth); t++) {
        // The next tile is on its way while this one is multiplied; past the end it is 0, and nobody multiplies it.
        const k = (t + 1) * depth + column;
        if (r < end && k < K) loadVector(next_x, x[r][k]);
        else for (let v = 0; v < vector; v++) next_x[v] = T(0.0);
        if (c < N && k < K) loadVector(next_w, w[expert_of_block][c][k]);
        else for (let v = 0; v < vector; v++) next_w[v] = T(0.0);
        for (let s = 0; s < depth; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ws[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
        storeVector(xs[1 - mod(t, 2)][row][column], next_x);
        storeVector(ws[1 - mod(t, 2)][row][column], next_w);
        barrier();
      }
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) {
            const p = first + first_row + 16 * i + matrix.row(e);
            const n = block.x * COLUMNS + first_column + 16 * j + matrix.column;
            if (p < end && n < N) y[p][n] = sums[i][j][e] + bias[expert_of_block][n];
          }
        }
      }
    },
  );

/** y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n] of f16, for rows sorted by expert */
export const grouped_linear_f16 = groupedLinearOn(f16);
/** y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n] of bf16, for rows sorted by expert */
export const grouped_linear_bf16 = groupedLinearOn(bf16);
