import { barrier, block, ceilDiv, f32, fma, input, kernel, output, registers, shared, thread } from "tokitai/dsl";

const THREADS = 16;

/** y[b,k] = Σₙ x[b,n]·w[n,k]: PER × PER elements per thread in registers, tiles of BK columns in shared memory */
export const blocked = kernel(
  { x: input(f32, ["B", "N"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "K"]) },
  {
    params: { PER: [2, 4], BK: [8, 16] },
    grid: ({ B, K }, { PER }) => [ceilDiv(B, THREADS * PER), ceilDiv(K, THREADS * PER)],
    block: [THREADS, THREADS],
  },
  ({ x, w, y }, { B, N, K }, { PER, BK }) => {
    const xs = shared(f32, [BK, THREADS * PER]);
    const ws = shared(f32, [BK, THREADS * PER]);
    const acc = registers(f32, [PER, PER]);
    const left = registers(f32, [PER]);
    const right = registers(f32, [PER]);
    const b0 = block.x * (THREADS * PER);
    const k0 = block.y * (THREADS * PER);
    for (let i = 0; i < PER; i++) {
      for (let j = 0; j < PER; j++) acc[i][j] = f32(0);
    }
    for (let n0 = 0; n0 < N; n0 += BK) {
      for (let i = 0; i < PER; i++) {
        const b = b0 + i * THREADS + thread.y;
        const k = k0 + i * THREADS + thread.x;
        if (thread.x < BK) {
          xs[thread.x][i * THREADS + thread.y] = b < B && n0 + thread.x < N ? x[b][n0 + thread.x] : f32(0);
        }
        if (thread.y < BK) {
          ws[thread.y][i * THREADS + thread.x] = n0 + thread.y < N && k < K ? w[n0 + thread.y][k] : f32(0);
        }
      }
      barrier();
      for (let n = 0; n < BK; n++) {
        for (let i = 0; i < PER; i++) {
          left[i] = xs[n][thread.y * PER + i];
          right[i] = ws[n][thread.x * PER + i];
        }
        for (let i = 0; i < PER; i++) {
          for (let j = 0; j < PER; j++) acc[i][j] = fma(left[i], right[j], acc[i][j]);
        }
      }
      barrier();
    }
    for (let i = 0; i < PER; i++) {
      for (let j = 0; j < PER; j++) {
        const b = b0 + thread.y * PER + i;
        const k = k0 + thread.x * PER + j;
        if (b < B && k < K) y[b][k] = acc[i][j];
      }
    }
  },
);
