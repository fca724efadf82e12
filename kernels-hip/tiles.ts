/**
 * How a block of eight waves of 32 lanes, or four of 64, shares a product of 64 × 64 on matrix cores: which part is a wave's,
 * and where in that part an element is.
 */

import { div, matrix, mod } from "tokitai/dsl";

export const THREADS = 256;
export const ROWS = 64;
export const COLUMNS = 64;
/** Waves beside each other along the columns of a tile; the others are below each other. */
export const ACROSS = 2;

/** Rows of a tile that one wave multiplies, and where in a wave's part of its tile a row and a column are. */
export const waveRows = (lanes: number) => div(ROWS * ACROSS * lanes, THREADS);
export const rowInWave = (m: number) => mod(mod(m, ROWS), waveRows(matrix.lanes));
export const columnInWave = (n: number) => mod(mod(n, COLUMNS), div(COLUMNS, ACROSS));

/** The thread of the block that has a row and a column of the product in its accumulators. */
export const threadOf = (m: number, n: number) =>
  matrix.lanes * (ACROSS * div(mod(m, ROWS), waveRows(matrix.lanes)) + div(mod(n, COLUMNS), div(COLUMNS, ACROSS))) +
  matrix.laneOf(mod(rowInWave(m), 16), mod(columnInWave(n), 16));

/**
 * Tiles of which neighbouring elements are multiplied: how deep they are, and how many elements of them a thread moves at once.
 * With waves of 64 lanes it is half as much, so that the LDS of a compute unit holds as many blocks as hide what each of its
 * waves waits for.
 */
export const depthOf = (lanes: number) => div(1024, lanes);
export const vectorOf = (lanes: number) => div(256, lanes);
/** Rows of such a tile that the lanes which store together store. */
export const togetherOf = (lanes: number) => div(lanes, 16);

/** Tiles whose neighbouring elements lie along the product: of two rows a thread takes so many, and stores them as pairs down the columns. */
export const TURNED = 4;
/** How deep these are, and what their rows are longer by, so that lanes which read 16 bytes each are served in the fewest turns. */
export const DEPTH = 32;
export const PAD = 8;
