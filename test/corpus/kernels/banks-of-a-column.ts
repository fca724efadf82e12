import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 32;
const ROWS = 8;

/**
 * Transposes by a tile of shared memory: rows come in, columns go out.
 *
 * Broken: the tile's rows have as many words as there are banks, so that a column lies in one bank, and a wave's reads of it take
 * 32 turns.
 */
export const column_correct = kernel(
  { x: input(f32, ["M", "N"]), y: output(f32, ["N", "M"]) },
  {
    grid: ({ M, N }) => [ceilDiv(N, TILE), ceilDiv(M, TILE)],
    block: [TILE, ROWS],
    performance: { coalesced: ["x", "y"], conflictFree: ["tile"] },
  },
  ({ x, y }, { M, N }) => {
    const tile = shared(f32, [TILE, TILE + 1]);
    for (let r = 0; r < TILE; r += ROWS) {
      const m = block.y * TILE + r + thread.y;
      const n = block.x * TILE + thread.x;
      tile[r + thread.y][thread.x] = m < M && n < N ? x[m][n] : f32(0);
    }
    barrier();
    for (let r = 0; r < TILE; r += ROWS) {
      const m = block.y * TILE + thread.x;
      const n = block.x * TILE + r + thread.y;
      if (m < M && n < N) y[n][m] = tile[thread.x][r + thread.y];
    }
  },
);

export const column_broken = kernel(
  { x: input(f32, ["M", "N"]), y: output(f32, ["N", "M"]) },
  {
    grid: ({ M, N }) => [ceilDiv(N, TILE), ceilDiv(M, TILE)],
    block: [TILE, ROWS],
    performance: { coalesced: ["x", "y"], conflictFree: ["tile"] },
  },
  ({ x, y }, { M, N }) => {
    const tile = shared(f32, [TILE, TILE]);
    for (let r = 0; r < TILE; r += ROWS) {
      const m = block.y * TILE + r + thread.y;
      const n = block.x * TILE + thread.x;
      tile[r + thread.y][thread.x] = m < M && n < N ? x[m][n] : f32(0);
    }
    barrier();
    for (let r = 0; r < TILE; r += ROWS) {
      const m = block.y * TILE + thread.x;
      const n = block.x * TILE + r + thread.y;
      if (m < M && n < N) y[n][m] = tile[thread.x][r + thread.y];
    }
  },
);
