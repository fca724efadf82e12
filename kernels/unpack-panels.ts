import { barrier, block, ceilDiv, covers, div, f32, input, kernel, mod, output, shared, thread } from "tokitai/dsl";
import { PANEL } from "./panel.ts";

/** Rows of a tile that a block moves at a time: a wave has one of 32 elements. */
const STEP = 8;

/**
 * y[e,n,k] = w[e,⌊n/PANEL⌋,k,n mod PANEL]: packed weights as they were
 *
 * As pack_panels, the other way around.
 */
export const unpack_panels = kernel(
  { w: input(f32, ["E", "P", "K", PANEL]), y: output(f32, ["E", "N", "K"]) },
  {
    computes: "unpack_panels",
    where: { P: ({ N }) => ceilDiv(N, PANEL) },
    grid: ({ E, P, K }) => [ceilDiv(K, PANEL), P, E],
    block: [PANEL, STEP],
    performance: { segments: ["w", "y"], conflictFree: ["tile"] },
    budget: { vgprs: 24, lds: 4224, scratch: 0 },
  },
  ({ w, y }, { N, K }) => {
    covers(y, (e, n, k) => ({
      block: [div(k, PANEL), div(n, PANEL), e],
      thread: [mod(k, PANEL), mod(n, STEP)],
      j: div(mod(n, PANEL), STEP),
    }));
    // In rows one longer than the tile: a wave stores a column, and all its words are in different banks.
    const tile = shared(f32, [PANEL, PANEL + 1]);
    const e = block.z;
    const p = block.y;
    const k0 = block.x * PANEL;
    for (let j = 0; j < div(PANEL, STEP); j++) {
      const k = j * STEP + thread.y;
      tile[thread.x][k] = k0 + k < K ? w[e][p][k0 + k][thread.x] : f32(0);
    }
    barrier();
    for (let j = 0; j < div(PANEL, STEP); j++) {
      const c = j * STEP + thread.y;
      const n = p * PANEL + c;
      if (n < N && k0 + thread.x < K) y[e][n][k0 + thread.x] = tile[c][thread.x];
    }
  },
);
