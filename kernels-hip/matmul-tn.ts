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
  depthOf,
  firstOf,
  inSixteen,
  ROWS,
  sixteenOf,
  THREADS,
  TURNED_BYTES,
  tallOf,
  threadOfTurned,
  turnedColumn,
  turnedDepth,
  turnedRow,
  vectorOf,
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
      performance: { segments: { x: TURNED_BYTES, y: TURNED_BYTES, z: 64 }, conflictFree: ["xs", "ys"] },
      budget: { vgprs: 128, scratch: 0 },
    },
    ({ x, y, z }, { B, K, N }) => {
      requires(mod(N, 2) === 0 && mod(K, 2) === 0);
      covers(z, (m, n) => ({
        block: [div(m, ROWS), div(n, COLUMNS)],
        thread: [threadOfTurned(m, n)],
        i: mod(sixteenOf(m), div(waveRows(matrix.lanes), 16)),
        e: matrix.elementOf(inSixteen(m)),
      }));
      // A wave's part of the tile, in elements and in fragments.
      const wave_rows = waveRows(matrix.lanes);
      const wave_columns = div(COLUMNS, ACROSS);
      const down = div(wave_rows, 16);
      const right = div(wave_columns, 16);
      const depth = depthOf(matrix.lanes);
      const tall = tallOf(matrix.lanes);
      const xs = shared(T, [2, ROWS, depth + vectorOf(matrix.lanes)]);
      const ys = shared(T, [2, COLUMNS, depth + vectorOf(matrix.lanes)]);
      const next_x = registers(T, [tall, 2]);
      const next_y = registers(T, [tall, 2]);
      const turned = registers(T, [tall]);
      const neighbours = registers(f32, [2]);
      const a = fragment("a", T, [down]);
      const b = fragment("b", T, [right]);
      const sums = fragment("accumulator", f32, [down, right]);
      const first_row = div(matrix.wave, ACROSS) * wave_rows;
      const first_column = mod(matrix.wave, ACROSS) * wave_columns;
      const row = turnedRow(thread.x);
      const column = turnedDepth(thread.x, tall);
      const n = block.x * ROWS + turnedColumn(thread.x);
      const k = block.y * COLUMNS + turnedColumn(thread.x);
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < right; j++) {
          for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
        }
      }
      for (let h = 0; h < tall; h++) {
        if (column + h < B && n < N) loadVector(next_x[h], x[column + h][n]);
        else for (let v = 0; v < 2; v++) next_x[h][v] = T(0.0);
      }
      for (let h = 0; h < tall; h++) {
        if (column + h < B && k < K) loadVector(next_y[h], y[column + h][k]);
        else for (let v = 0; v < 2; v++) next_y[h][v] = T(0.0);
      }
      for (let v = 0; v < 2; v++) {
        for (let h = 0; h < tall; h++) turned[h] = next_x[h][v];
        storeVector(xs[0][row + 16 * v][column], turned);
        for (let h = 0; h < tall; h++) turned[h] = next_y[h][v];
        storeVector(ys[0][row + 16 * v][column], turned);
      }
      barrier();
      for (let t = 0; t < ceilDiv(B, depth); t++) {
        // The next tile is on its way while this one is multiplied; past the end it is 0, and nobody multiplies it.
        const b0 = (t + 1) * depth + column;
        for (let h = 0; h < tall; h++) {
          if (b0 + h < B && n < N) loadVector(next_x[h], x[b0 + h][n]);
          else for (let v = 0; v < 2; v++) next_x[h][v] = T(0.0);
        }
        for (let h = 0; h < tall; h++) {
          if (b0 + h < B && k < K) loadVector(next_y[h], y[b0 + h][k]);
          else for (let v = 0; v < 2; v++) next_y[h][v] = T(0.0);
        }
        for (let s = 0; s < depth; s += 16) {
          for (let i = 0; i < down; i++) loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][s]);
          for (let j = 0; j < right; j++) loadFragment(b[j], ys[mod(t, 2)][first_column + 16 * j][s]);
          for (let i = 0; i < down; i++) {
            for (let j = 0; j < right; j++) mma(sums[i][j], a[i], b[j]);
          }
        }
        for (let v = 0; v < 2; v++) {
          for (let h = 0; h < tall; h++) turned[h] = next_x[h][v];
          storeVector(xs[1 - mod(t, 2)][row + 16 * v][column], turned);
          for (let h = 0; h < tall; h++) turned[h] = next_y[h][v];
          storeVector(ys[1 - mod(t, 2)][row + 16 * v][column], turned);
        }
        barrier();
      }
      for (let i = 0; i < down; i++) {
        for (let e = 0; e < matrix.elements; e++) {
          const m = block.x * ROWS + firstOf(down * div(matrix.wave, ACROSS) + i) + 2 * matrix.row(e);
          const c = block.y * COLUMNS + first_column + 2 * matrix.column;
          for (let j = 0; j < right; j++) neighbours[j] = sums[i][j][e];
          if (m < N && c < K) storeVector(z[m][c], neighbours);
        }
      }
    },
  );

/** z[n,k] = Σ_b x[b,n]·y[b,k] of f16, summed in f32 by matrix instructions: the gradient of a linear layer's weights */
export const matmul_tn_f16 = matmulOn(f16);
/** z[n,k] = Σ_b x[b,n]·y[b,k] of bf16, summed in f32 by matrix instructions: the gradient of a linear layer's weights */
export const matmul_tn_bf16 = matmulOn(bf16);
