/** What cases of kernels with index tensors are made of: how tokens are sorted by expert, and how wide their rows are. */

export type Tensors = Readonly<Record<string, Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>>;

export interface RoutingCase {
  readonly kernel: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly inputs: Tensors;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly outputs: Tensors;
  /** How far each element of an output may be from it; what is not here is equal bit by bit. */
  readonly bounds?: Readonly<Record<string, Float64Array>>;
}

/** Tokens sorted by expert. */
export interface Routing {
  readonly ids: Int32Array<ArrayBuffer>;
  readonly offsets: Int32Array<ArrayBuffer>;
  readonly position: Int32Array<ArrayBuffer>;
  readonly source: Int32Array<ArrayBuffer>;
}

export type Random = () => number;

/** Below, at and above the lanes of a vector, whichever unit it is of. */
const WIDTHS = [5, 8, 9, 16, 17, 33] as const;
/** The widths of rows take turns: each comes with some number of tokens and of experts. */
export const widthOf = (T: number, E: number): number => WIDTHS[(T + 2 * E) % WIDTHS.length] ?? 5;
