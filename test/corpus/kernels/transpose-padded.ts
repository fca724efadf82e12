import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 16;

/**
 * A transpose through a tile with one column of padding, so that reading down a column meets no bank twice.
 *
 * Broken: no barrier between filling the tile and reading it the other way round. Every thread but those of the diagonal
 * reads another's element, so that this is wrong on every GPU with more than one wave per tile.
 */
export const transpose_padded_correct = kernel(
  { x: input(f32, ["R", "C"]), y: output(f32, ["C", "R"]) },
  { grid: ({ R, C }) => [ceilDiv(C, TILE), ceilDiv(R, TILE)], block: [TILE, TILE] },
  ({ x, y }, { R, C }) => {
    const tile = shared(f32, [TILE, TILE + 1]);
    const row = block.y * TILE + thread.y;
    const column = block.x * TILE + thread.x;
    tile[thread.y][thread.x] = row < R && column < C ? x[row][column] : f32(0);
    barrier();
    const c = block.x * TILE + thread.y;
    const r = block.y * TILE + thread.x;
    if (c < C && r < R) y[c][r] = tile[thread.x][thread.y];
  },
);

export const transpose_padded_broken = kernel(
  { x: input(f32, ["R", "C"]), y: output(f32, ["C", "R"]) },
  { grid: ({ R, C }) => [ceilDiv(C, TILE), ceilDiv(R, TILE)], block: [TILE, TILE] },
  ({ x, y }, { R, C }) => {
    const tile = shared(f32, [TILE, TILE + 1]);
    const row = block.y * TILE + thread.y;
    const column = block.x * TILE + thread.x;
    tile[thread.y][thread.x] = row < R && column < C ? x[row][column] : f32(0);
    const c = block.x * TILE + thread.y;
    const r = block.y * TILE + thread.x;
    if (c < C && r < R) y[c][r] = tile[thread.x][thread.y];
  },
);
