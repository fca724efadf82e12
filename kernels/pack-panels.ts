import { barrier, block, ceilDiv, covers, div, f32, input, kernel, mod, output, shared, thread } from "tokitai/dsl";
import { PANEL } from "./panel.ts";

/** Rows of a tile that a block moves at a time: a wave has one of 32 elements. */
const STEP = 8;

/**
 * y[e,p,k,c] = w[e,PANEL·p+c,k] where there is such a row, else 0: weights as packed products read them
 *
 * A block turns one tile around, so that a wave reads along k and writes along c.
 */
export const pack_panels = kernel(
  { w: input(f32, ["E", "N", "K"]), y: output(f32, ["E", "P", "K", PANEL]) },
  {
    computes: "pack_panels",
    where: { P: ({ N }) => ceilDiv(N, PANEL) },
    grid: ({ E, P, K }) => [ceilDiv(K, PANEL), P, E],
    block: [PANEL, STEP],
    performance: { segments: ["w", "y"], conflictFree: ["tile"] },
    budget: { vgprs: 24, lds: 4224, scratch: 0 },
  },
  ({ w, y }, { N, K }) => {
    covers(y, (e, p, k, c) => ({
      block: [div(k, PANEL), p, e],
      thread: [c, mod(k, STEP)],
      j: div(mod(k, PANEL), STEP),
    }));
    // In rows one longer than the tile: a wave stores a column, and all its words are in different banks.
    const tile = shared(f32, [PANEL, PANEL + 1]);
    const e = block.z;
    const p = block.y;
    const k0 = block.x * PANEL;
    for (let j = 0; j < div(PANEL, STEP); j++) {
      const c = j * STEP + thread.y;
      const n = p * PANEL + c;
      tile[thread.x][c] = n < N && k0 + thread.x < K ? w[e][n][k0 + thread.x] : f32(0);
    }
    barrier();
    for (let j = 0; j < div(PANEL, STEP); j++) {
      const k = j * STEP + thread.y;
      if (k0 + k < K) y[e][p][k0 + k][thread.x] = tile[k][thread.x];
    }
  },
);
