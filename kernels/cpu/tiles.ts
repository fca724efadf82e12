import { div } from "tokitai/dsl";

/** How a product is cut into tiles for the vector units of CPUs. */

/** Rows of the product that a tile has in registers: with PANELS rows of `simd.lanes` each, half of the unit's registers or more. */
export const rowsOf = (lanes: number) => (lanes === 16 ? 8 : 6);
/** Registers beside each other along a row of a tile. */
export const ACROSS = 2;
/** Summands that are packed at once: with them, a panel stays in the first cache. */
export const DEPTH = 128;
/** Rows of the product that a panel is used for: so many tiles below each other. A block of either has 256 rows, or few more. */
export const blockRows = (lanes: number) => (lanes === 16 ? 32 : 44) * rowsOf(lanes);
/** The rows of a block of a product of so many columns: fewer where there is one panel, so that there are several blocks to share. */
export const linearRows = (N: number, lanes: number) =>
  N <= ACROSS * lanes ? div(blockRows(lanes), 4) : blockRows(lanes);
/** Rows of a product whose rows are kept whole: as many as have room beside a panel. */
export const wholeRows = (lanes: number) => div(blockRows(lanes), 4);

/** Rows of a product of packed weights: there is nothing to pack for them, so that few rows share the work better. */
export const packedRows = (lanes: number) => 4 * rowsOf(lanes);
/** The same where rows are long: for fewer, a panel would be read from far away too often. */
export const longPackedRows = (lanes: number) => div(blockRows(lanes), 2);
