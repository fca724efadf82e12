import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 16;

/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] */
export const linear = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "linear",
    grid: ({ B, N }) => [ceilDiv(B, TILE), ceilDiv(N, TILE)],
    block: [TILE, TILE],
    performance: { segments: ["x", "w", "bias", "y"], conflictFree: ["xs", "ws"] },
    budget: { vgprs: 40, lds: 2176, scratch: 0 },
  },
  ({ x, w, bias, y }, { B, K, N }) => {
    const xs = shared(f32, [TILE, TILE]);
    // Transposed, in rows two longer than the tile: a wave stores two columns, and all its words are in different banks.
    const ws = shared(f32, [TILE, TILE + 2]);
    const b = block.x * TILE + thread.y;
    const n = block.y * TILE + thread.x;
    const row = block.y * TILE + thread.y;
    let acc = f32(0);
    for (let k0 = 0; k0 < K; k0 += TILE) {
      xs[thread.y][thread.x] = b < B && k0 + thread.x < K ? x[b][k0 + thread.x] : f32(0);
      ws[thread.x][thread.y] = row < N && k0 + thread.x < K ? w[row][k0 + thread.x] : f32(0);
      barrier();
      for (let k = 0; k < TILE; k++) acc += xs[thread.y][k] * ws[k][thread.x];
      barrier();
    }
    if (b < B && n < N) y[b][n] = acc + bias[n];
  },
);
