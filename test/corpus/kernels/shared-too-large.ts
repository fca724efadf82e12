import { barrier, block, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 64;

/**
 * A tile of a matrix is turned over both axes.
 *
 * Broken: the tile is doubled both ways for fewer blocks, to 128×129 floats: 66,048 bytes, 512 more than a workgroup has.
 * The padding is what breaks it, so that the version without it had passed.
 */
export const shared_size_correct = kernel(
  { x: input(f32, ["B", 64, 64]), y: output(f32, ["B", 64, 64]) },
  { grid: ({ B }) => [B], block: [TILE] },
  ({ x, y }) => {
    const tile = shared(f32, [TILE, TILE + 1]);
    for (let r = 0; r < TILE; r++) tile[r][thread.x] = x[block.x][r][thread.x];
    barrier();
    for (let r = 0; r < TILE; r++) y[block.x][r][thread.x] = tile[TILE - 1 - r][TILE - 1 - thread.x];
  },
);

export const shared_size_broken = kernel(
  { x: input(f32, ["B", 128, 128]), y: output(f32, ["B", 128, 128]) },
  { grid: ({ B }) => [B], block: [2 * TILE] },
  ({ x, y }) => {
    const tile = shared(f32, [2 * TILE, 2 * TILE + 1]);
    for (let r = 0; r < 2 * TILE; r++) tile[r][thread.x] = x[block.x][r][thread.x];
    barrier();
    for (let r = 0; r < 2 * TILE; r++) y[block.x][r][thread.x] = tile[2 * TILE - 1 - r][2 * TILE - 1 - thread.x];
  },
);
