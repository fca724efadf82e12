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
/** Four threads move a row of such a tile: so many bytes of halves, side by side in memory. */
export const rowBytesOf = (lanes: number) => 2 * depthOf(lanes);
/** Rows of such a tile that the lanes which store together store. */
export const togetherOf = (lanes: number) => div(lanes, 16);
/**
 * Where a thread's vectors of such a tile begin. Four threads move a row of it; rows that are stored together are `apart` in the
 * tile, which is so much longer than its rows that they are in different banks.
 */
export const straightColumn = (thread: number, lanes: number, apart: number) =>
  vectorOf(lanes) * mod(mod(inGroup(thread, lanes, apart), 4 * togetherOf(lanes)), 4);
export const straightRow = (thread: number, lanes: number, apart: number) =>
  togetherOf(lanes) * apart * div(thread, 4 * togetherOf(lanes) * apart) +
  apart * div(mod(inGroup(thread, lanes, apart), 4 * togetherOf(lanes)), 4) +
  div(inGroup(thread, lanes, apart), 4 * togetherOf(lanes));
const inGroup = (thread: number, lanes: number, apart: number) => mod(thread, 4 * togetherOf(lanes) * apart);
/** How far apart rows of halves are stored, and by how much rows of halves are longer: a vector. */
export const APART = 4;

/**
 * Tiles whose neighbouring elements in memory lie along the product, 64 of them, so that they are turned around. A thread takes
 * two neighbours of `tallOf` rows of memory, and stores each as one vector of the tile.
 *
 * A tile's row 32·w + 16·j + i holds what belongs to the product's column 32·w + 2·i + j: threads with neighbouring i store into
 * neighbouring rows, and a lane has neighbours of the product in the accumulators of two fragments. Eight threads that store
 * together have neighbouring i, and the next eight the vectors beside theirs: their words are in different banks. What eight of
 * them load of a row of memory is TURNED_BYTES.
 */
export const TURNED_BYTES = 32;
export const tallOf = (lanes: number) => div(vectorOf(lanes), 2);
/** The first of a thread's two columns of the product, the row of the tile that it goes to, and where its vectors begin in it. */
export const turnedColumn = (thread: number) => 32 * div(mod(thread, 64), 32) + 2 * neighbour(mod(mod(thread, 64), 32));
export const turnedRow = (thread: number) => 32 * div(mod(thread, 64), 32) + neighbour(mod(mod(thread, 64), 32));
export const turnedDepth = (thread: number, tall: number) =>
  tall * (2 * div(thread, 64) + div(mod(mod(mod(thread, 64), 32), 16), 8));
const neighbour = (lane: number) => 8 * div(lane, 16) + mod(mod(lane, 16), 8);

/** The thread of the block that has a row and a column of the product in its accumulators, where the columns are turned. */
export const threadOfPair = (m: number, n: number) =>
  matrix.lanes * (ACROSS * div(mod(m, ROWS), waveRows(matrix.lanes)) + div(mod(n, COLUMNS), div(COLUMNS, ACROSS))) +
  matrix.laneOf(mod(rowInWave(m), 16), div(columnInWave(n), 2));

/** Of rows that are turned as well: which sixteen of the tile a row of the product is in, and where; and a sixteen's first row. */
export const sixteenOf = (m: number) => 2 * div(mod(m, ROWS), 32) + mod(mod(mod(m, ROWS), 32), 2);
export const inSixteen = (m: number) => div(mod(mod(m, ROWS), 32), 2);
export const firstOf = (sixteen: number) => 32 * div(sixteen, 2) + mod(sixteen, 2);

/** The thread of the block that has a row and a column of the product in its accumulators, where both are turned. */
export const threadOfTurned = (m: number, n: number) =>
  matrix.lanes *
    (ACROSS * div(sixteenOf(m), div(waveRows(matrix.lanes), 16)) + div(mod(n, COLUMNS), div(COLUMNS, ACROSS))) +
  matrix.laneOf(inSixteen(m), div(columnInWave(n), 2));
