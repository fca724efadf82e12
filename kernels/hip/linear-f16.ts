import {
  barrier,
  block,
  ceilDiv,
  div,
  f16,
  f32,
  fragment,
  input,
  kernel,
  loadFragment,
  loadVector,
  matrix,
  min,
  mma,
  mod,
  output,
  registers,
  requires,
  shared,
  storeVector,
  thread,
} from "tokitai/dsl";

const THREADS = 256;
/** Elements that a thread moves at once, and what a row of a tile is longer by so that rows begin in different banks. */
const VECTOR = 8;
const PAD = 8;
/** Waves beside each other along the columns of a tile. */
const WAVE_COLUMNS = 2;

/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n], with f16 operands and f32 sums, in matrix instructions */
export const linear_f16 = kernel(
  { x: input(f16, ["B", "K"]), w: input(f16, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "linear",
    params: { ROWS: [64], COLUMNS: [64], DEPTH: [32] },
    matrix: ["gfx11", "gfx12", "cdna"],
    grid: ({ B, N }, { ROWS, COLUMNS }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [THREADS],
  },
  ({ x, w, bias, y }, { B, K, N }, { ROWS, COLUMNS, DEPTH }) => {
    requires(mod(K, VECTOR) === 0);
    const xs = shared(f16, [2, ROWS, DEPTH + PAD]);
    const ws = shared(f16, [2, COLUMNS, DEPTH + PAD]);
    const next_x = registers(f16, [div(ROWS * DEPTH, THREADS * VECTOR), VECTOR]);
    const next_w = registers(f16, [div(COLUMNS * DEPTH, THREADS * VECTOR), VECTOR]);
    const a = fragment("a", f16, [div(ROWS * matrix.lanes * WAVE_COLUMNS, THREADS * 16)]);
    const b = fragment("b", f16, [div(COLUMNS, WAVE_COLUMNS * 16)]);
    const sums = fragment("accumulator", f32, [
      div(ROWS * matrix.lanes * WAVE_COLUMNS, THREADS * 16),
      div(COLUMNS, WAVE_COLUMNS * 16),
    ]);
    const row = div(thread.x, div(DEPTH, VECTOR));
    const column = VECTOR * mod(thread.x, div(DEPTH, VECTOR));
    const first_row = div(matrix.wave, WAVE_COLUMNS) * div(ROWS * matrix.lanes * WAVE_COLUMNS, THREADS);
    const first_column = mod(matrix.wave, WAVE_COLUMNS) * div(COLUMNS, WAVE_COLUMNS);
    for (let i = 0; i < div(ROWS * matrix.lanes * WAVE_COLUMNS, THREADS * 16); i++) {
      for (let j = 0; j < div(COLUMNS, WAVE_COLUMNS * 16); j++) {
        for (let e = 0; e < matrix.elements; e++) sums[i][j][e] = 0.0;
      }
    }
    for (let p = 0; p < div(ROWS * DEPTH, THREADS * VECTOR); p++) {
      const r = row + p * div(THREADS * VECTOR, DEPTH);
      if (block.x * ROWS + r < B && column < K) loadVector(next_x[p], x[block.x * ROWS + r][column]);
      else for (let v = 0; v < VECTOR; v++) next_x[p][v] = f16(0.0);
      storeVector(xs[0][r][column], next_x[p]);
    }
    for (let p = 0; p < div(COLUMNS * DEPTH, THREADS * VECTOR); p++) {
      const r = row + p * div(THREADS * VECTOR, DEPTH);
      if (block.y * COLUMNS + r < N && column < K) loadVector(next_w[p], w[block.y * COLUMNS + r][column]);
      else for (let v = 0; v < VECTOR; v++) next_w[p][v] = f16(0.0);
      storeVector(ws[0][r][column], next_w[p]);
    }
    barrier();
    for (let t = 0; t < ceilDiv(K, DEPTH); t++) {
      const k = (t + 1) * DEPTH + column;
      for (let p = 0; p < div(ROWS * DEPTH, THREADS * VECTOR); p++) {
        const r = row + p * div(THREADS * VECTOR, DEPTH);
        if (block.x * ROWS + r < B && k < K) loadVector(next_x[p], x[block.x * ROWS + r][k]);
        else for (let v = 0; v < VECTOR; v++) next_x[p][v] = f16(0.0);
      }
      for (let p = 0; p < div(COLUMNS * DEPTH, THREADS * VECTOR); p++) {
        const r = row + p * div(THREADS * VECTOR, DEPTH);
        if (block.y * COLUMNS + r < N && k < K) loadVector(next_w[p], w[block.y * COLUMNS + r][k]);
        else for (let v = 0; v < VECTOR; v++) next_w[p][v] = f16(0.0);
      }
      for (let s = 0; s < div(DEPTH, 16); s++) {
        for (let i = 0; i < div(ROWS * matrix.lanes * WAVE_COLUMNS, THREADS * 16); i++) {
          loadFragment(a[i], xs[mod(t, 2)][first_row + 16 * i][16 * s]);
        }
        for (let j = 0; j < div(COLUMNS, WAVE_COLUMNS * 16); j++) {
          loadFragment(b[j], ws[mod(t, 2)][first_column + 16 * j][16 * s]);
        }
        for (let i = 0; i < div(ROWS * matrix.lanes * WAVE_COLUMNS, THREADS * 16); i++) {
          for (let j = 0; j < div(COLUMNS, WAVE_COLUMNS * 16); j++) mma(sums[i][j], a[i], b[j]);
        }
      }
      for (let p = 0; p < div(ROWS * DEPTH, THREADS * VECTOR); p++) {
        storeVector(xs[1 - mod(t, 2)][row + p * div(THREADS * VECTOR, DEPTH)][column], next_x[p]);
      }
      for (let p = 0; p < div(COLUMNS * DEPTH, THREADS * VECTOR); p++) {
        storeVector(ws[1 - mod(t, 2)][row + p * div(THREADS * VECTOR, DEPTH)][column], next_w[p]);
      }
      barrier();
    }
    for (let i = 0; i < div(ROWS * matrix.lanes * WAVE_COLUMNS, THREADS * 16); i++) {
      for (let j = 0; j < div(COLUMNS, WAVE_COLUMNS * 16); j++) {
        for (let e = 0; e < matrix.elements; e++) {
          const m = block.x * ROWS + first_row + 16 * i + matrix.row(e);
          const n = block.y * COLUMNS + first_column + 16 * j + matrix.column;
          if (m < B && n < N) y[m][n] = sums[i][j][e] + bias[n];
        }
      }
    }
  },
);
