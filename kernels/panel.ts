/** Rows of w in a panel of packed weights: as many columns of the product. */
export const PANEL = 32;
