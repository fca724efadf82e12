/** The longest row of a product that one block keeps whole, so that it can be normalised where it is made. */
export const WHOLE_ROW = 128;
/** What the length of such a row is a multiple of: so many elements of a row are made at once. */
export const ROW_STEP = 32;
