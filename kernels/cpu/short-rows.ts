/** How kernels for the vector units of CPUs share out many short rows, such as those of a router's experts or of the classes of heads. */

/** Rows of a block: what they are takes longer than to wake a thread for them. A multiple of the lanes of each unit. */
export const ROWS = 256;
/** Columns of a block, where one has not all. A multiple of the lanes of each unit. */
export const COLUMNS = 64;
