import { barrier, block, ceilDiv, f32, fma, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 16;

/** y[b,k] = Σₙ x[b,n]·w[n,k]: a thread per element, tiles of both factors in shared memory */
export const tiled = kernel(
  { x: input(f32, ["B", "N"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "K"]) },
  { computes: "matmul_nn", grid: ({ B, K }) => [ceilDiv(B, TILE), ceilDiv(K, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, N, K }) => {
    const xs = shared(f32, [TILE, TILE]);
    const ws = shared(f32, [TILE, TILE]);
    const b = block.x * TILE + thread.y;
    const k = block.y * TILE + thread.x;
    let acc = f32(0);
    for (let n0 = 0; n0 < N; n0 += TILE) {
      xs[thread.y][thread.x] = b < B && n0 + thread.x < N ? x[b][n0 + thread.x] : f32(0);
      ws[thread.y][thread.x] = n0 + thread.y < N && k < K ? w[n0 + thread.y][k] : f32(0);
      barrier();
      for (let n = 0; n < TILE; n++) acc = fma(xs[thread.y][n], ws[n][thread.x], acc);
      barrier();
    }
    if (b < B && k < K) y[b][k] = acc;
  },
);
