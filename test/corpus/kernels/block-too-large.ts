import { block, ceilDiv, f32, inout, kernel, tanh, thread } from "tokitai/dsl";

const TILE = 32;

/**
 * tanh in place, a tile of 32×32 elements per block: as many threads as a block may have.
 *
 * Broken: the tile is doubled both ways, to give each block more work. 64×64 threads are more than any GPU starts: the
 * launch fails with an error that nobody reads, and the tensor stays as it was.
 */
export const block_size_correct = kernel(
  { x: inout(f32, ["R", "C"]) },
  { grid: ({ R, C }) => [ceilDiv(C, TILE), ceilDiv(R, TILE)], block: [TILE, TILE] },
  ({ x }, { R, C }) => {
    const r = block.y * TILE + thread.y;
    const c = block.x * TILE + thread.x;
    if (r < R && c < C) x[r][c] = tanh(x[r][c]);
  },
);

export const block_size_broken = kernel(
  { x: inout(f32, ["R", "C"]) },
  { grid: ({ R, C }) => [ceilDiv(C, 2 * TILE), ceilDiv(R, 2 * TILE)], block: [2 * TILE, 2 * TILE] },
  ({ x }, { R, C }) => {
    const r = block.y * 2 * TILE + thread.y;
    const c = block.x * 2 * TILE + thread.x;
    if (r < R && c < C) x[r][c] = tanh(x[r][c]);
  },
);
