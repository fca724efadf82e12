import { div } from "tokitai/dsl";

/** How a product is cut into tiles for the vector units of CPUs. */

/** Rows of the product that a tile has in registers: with PANELS rows of `simd.lanes` each, half of the unit's registers or more. */
export const rowsOf = (lanes: number) => (lanes === 16 ? 8 : 6);
/** Registers beside each other along a row of a tile. */
export const ACROSS = 2;
/** Summands that are packed at once: with them, a panel stays in the first cache. */
export const DEPTH = 128;
/** Rows of the product that a panel is used for: so many tiles below each other. Two blocks of either have 256 rows, or few more. */
export const blockRows = (lanes: number) => (lanes === 16 ? 16 : 22) * rowsOf(lanes);
/** Rows of a product whose rows are kept whole: as many as have room beside a panel. */
export const wholeRows = (lanes: number) => div(blockRows(lanes), 2);

/** Rows of a product of packed weights: there is nothing to pack for them, so that few rows share the work better. */
export const packedRows = (lanes: number) => 4 * rowsOf(lanes);
