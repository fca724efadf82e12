import { barrier, block, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 64;

/**
 * The mean of tiles of 64 columns, the last of which may be ragged.
 *
 * Broken: the tile is loaded whole. Every shape that a model really has is a multiple of 64, until a vocabulary of
 * 50,257 comes along and the last tile reads the next row, or past the tensor.
 */
export const ragged_tile_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [TILE] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [TILE]);
    let sum = f32(0);
    for (let n0 = 0; n0 < N; n0 += TILE) {
      const n = n0 + thread.x;
      tile[thread.x] = n < N ? x[block.x][n] : f32(0);
      barrier();
      for (let k = 0; k < TILE; k++) sum += tile[k];
      barrier();
    }
    if (thread.x === 0) y[block.x] = sum / f32(N);
  },
);

export const ragged_tile_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [TILE] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [TILE]);
    let sum = f32(0);
    for (let n0 = 0; n0 < N; n0 += TILE) {
      tile[thread.x] = x[block.x][n0 + thread.x];
      barrier();
      for (let k = 0; k < TILE; k++) sum += tile[k];
      barrier();
    }
    if (thread.x === 0) y[block.x] = sum / f32(N);
  },
);
