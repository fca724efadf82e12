import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";
import { geluErf } from "./math.ts";

const TILE = 16;

/** y[b,n] = gelu(Σₖ x[b,k]·w[n,k] + bias[n]), the GELU of erf */
export const linear_gelu = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "linear_gelu",
    grid: ({ B, N }) => [ceilDiv(B, TILE), ceilDiv(N, TILE)],
    block: [TILE, TILE],
    // Not ws: a wave stores two of its rows, and the last word of the second is in the bank of the first one's first.
    performance: { conflictFree: ["xs"] },
    budget: { vgprs: 40, lds: 2112, scratch: 0 },
  },
  ({ x, w, bias, y }, { B, K, N }) => {
    const xs = shared(f32, [TILE, TILE]);
    // One column more than the tile, so that a wave's reads down a column fall into different banks.
    const ws = shared(f32, [TILE, TILE + 1]);
    const b = block.x * TILE + thread.y;
    const n = block.y * TILE + thread.x;
    const row = block.y * TILE + thread.y;
    let acc = f32(0);
    for (let k0 = 0; k0 < K; k0 += TILE) {
      xs[thread.y][thread.x] = b < B && k0 + thread.x < K ? x[b][k0 + thread.x] : f32(0);
      ws[thread.y][thread.x] = row < N && k0 + thread.x < K ? w[row][k0 + thread.x] : f32(0);
      barrier();
      for (let k = 0; k < TILE; k++) acc += xs[thread.y][k] * ws[thread.x][k];
      barrier();
    }
    if (b < B && n < N) y[b][n] = geluErf(acc + bias[n]);
  },
);
