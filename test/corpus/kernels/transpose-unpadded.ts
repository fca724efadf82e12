import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 32;
const ROWS = 8;

/**
 * A transpose through a square tile without padding; 32×8 threads each move four elements of a 32×32 tile.
 *
 * Broken: the tile is turned, its place in the output is not: the block's x and y are not exchanged. Square matrices come
 * out as if only their tiles were transposed; of others whole tiles are missing, and the guards keep it quiet.
 */
export const transpose_unpadded_correct = kernel(
  { x: input(f32, ["R", "C"]), y: output(f32, ["C", "R"]) },
  { grid: ({ R, C }) => [ceilDiv(C, TILE), ceilDiv(R, TILE)], block: [TILE, ROWS] },
  ({ x, y }, { R, C }) => {
    const tile = shared(f32, [TILE, TILE]);
    const column = block.x * TILE + thread.x;
    for (let j = 0; j < TILE; j += ROWS) {
      const row = block.y * TILE + thread.y + j;
      tile[thread.y + j][thread.x] = row < R && column < C ? x[row][column] : f32(0);
    }
    barrier();
    const r = block.y * TILE + thread.x;
    for (let j = 0; j < TILE; j += ROWS) {
      const c = block.x * TILE + thread.y + j;
      if (c < C && r < R) y[c][r] = tile[thread.x][thread.y + j];
    }
  },
);

export const transpose_unpadded_broken = kernel(
  { x: input(f32, ["R", "C"]), y: output(f32, ["C", "R"]) },
  { grid: ({ R, C }) => [ceilDiv(C, TILE), ceilDiv(R, TILE)], block: [TILE, ROWS] },
  ({ x, y }, { R, C }) => {
    const tile = shared(f32, [TILE, TILE]);
    const column = block.x * TILE + thread.x;
    for (let j = 0; j < TILE; j += ROWS) {
      const row = block.y * TILE + thread.y + j;
      tile[thread.y + j][thread.x] = row < R && column < C ? x[row][column] : f32(0);
    }
    barrier();
    const r = block.x * TILE + thread.x;
    for (let j = 0; j < TILE; j += ROWS) {
      const c = block.y * TILE + thread.y + j;
      if (c < C && r < R) y[c][r] = tile[thread.x][thread.y + j];
    }
  },
);
