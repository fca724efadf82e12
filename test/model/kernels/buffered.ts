import {
  barrier,
  block,
  ceilDiv,
  div,
  f32,
  fma,
  input,
  kernel,
  loadVector,
  mod,
  output,
  registers,
  shared,
  storeVector,
  thread,
} from "tokitai/dsl";

const THREADS = 16;
const PER = 4;
const TILE = 64;
const BK = 16;

/**
 * y[b,k] = Σₙ x[b,n]·w[n,k]: 4 × 4 elements per thread, memory read four elements at a time, and the next tile while the one
 * before is in use
 */
export const buffered = kernel(
  { x: input(f32, ["B", "4*M"]), w: input(f32, ["4*M", "4*D"]), y: output(f32, ["B", "4*D"]) },
  {
    grid: ({ B, D }) => [ceilDiv(B, TILE), ceilDiv(D, THREADS)],
    block: [THREADS, THREADS],
  },
  ({ x, w, y }, { B, M, D }) => {
    const xs = shared(f32, [BK, TILE]);
    const ws = shared(f32, [BK, TILE]);
    const acc = registers(f32, [PER, PER]);
    const left = registers(f32, [PER]);
    const right = registers(f32, [PER]);
    const nextX = registers(f32, [PER]);
    const nextW = registers(f32, [PER]);
    const out = registers(f32, [PER]);
    const t = thread.y * THREADS + thread.x;
    // Of the tile of x this thread fetches four neighbours of a row, of that of w four of a row.
    const row = div(t, PER);
    const part = mod(t, PER);
    const b = block.x * TILE + row;
    const d = block.y * THREADS + thread.x;
    for (let i = 0; i < PER; i++) {
      nextX[i] = f32(0);
      nextW[i] = f32(0);
      for (let j = 0; j < PER; j++) acc[i][j] = f32(0);
    }
    if (b < B && part < M) loadVector(nextX, x[b][4 * part]);
    if (thread.y < 4 * M && d < D) loadVector(nextW, w[thread.y][4 * d]);
    for (let m0 = 0; m0 < M; m0 += 4) {
      for (let i = 0; i < PER; i++) xs[part * PER + i][row] = nextX[i];
      storeVector(ws[thread.y][thread.x * PER], nextW);
      barrier();
      for (let i = 0; i < PER; i++) {
        nextX[i] = f32(0);
        nextW[i] = f32(0);
      }
      if (b < B && m0 + 4 + part < M) loadVector(nextX, x[b][4 * (m0 + 4 + part)]);
      if (4 * (m0 + 4) + thread.y < 4 * M && d < D) loadVector(nextW, w[4 * (m0 + 4) + thread.y][4 * d]);
      for (let n = 0; n < BK; n++) {
        loadVector(left, xs[n][thread.y * PER]);
        loadVector(right, ws[n][thread.x * PER]);
        for (let i = 0; i < PER; i++) {
          for (let j = 0; j < PER; j++) acc[i][j] = fma(left[i], right[j], acc[i][j]);
        }
      }
      barrier();
    }
    for (let i = 0; i < PER; i++) {
      for (let j = 0; j < PER; j++) out[j] = acc[i][j];
      if (block.x * TILE + thread.y * PER + i < B && d < D) {
        storeVector(y[block.x * TILE + thread.y * PER + i][4 * d], out);
      }
    }
  },
);
