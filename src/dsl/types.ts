/**
 * The types behind the kernel language, for the editor: what `kernel(params, launch, body)` infers.
 *
 * Dimension names are read out of the parameters' shapes, so that a misspelt dimension, a write to an input and an
 * access of the wrong rank are type errors while the kernel is being written. Element types are the compiler's business:
 * to the editor a scalar is a `number`.
 */

declare const element: unique symbol;

/** An element type: `f32` and `i32` are such; `f32(x)` also converts or writes a literal. */
export interface Element<Name extends string> {
  (value: number): number;
  readonly [element]?: Name;
}

/** A dimension: its name, a linear expression such as `"E+1"`, or a constant. */
export type Dim = string | number;

type Trim<S extends string> = S extends ` ${infer T}` ? Trim<T> : S extends `${infer T} ` ? Trim<T> : S;

/** The name in a dimension expression: of `"E+1"`, `"2*N"` and `"N-1"` it is `E`, `N` and `N`. */
type NameOf<D> = D extends `${infer A}+${infer B}`
  ? NameOf<A> | NameOf<B>
  : D extends `${infer A}-${infer B}`
    ? NameOf<A> | NameOf<B>
    : D extends `${infer A}*${infer B}`
      ? NameOf<A> | NameOf<B>
      : D extends string
        ? Trim<D> extends `${bigint}` | ""
          ? never
          : Trim<D>
        : never;

/** Nested arrays of a shape's rank; read-only ones for inputs. */
type ReadArray<Shape extends readonly unknown[]> = Shape extends readonly [unknown, ...infer Rest]
  ? readonly (Rest extends readonly [] ? number : ReadArray<Rest>)[]
  : number;
type WriteArray<Shape extends readonly unknown[]> = Shape extends readonly [unknown, ...infer Rest]
  ? (Rest extends readonly [] ? number : WriteArray<Rest>)[]
  : number;

/** The array of a shared or register declaration. */
export type LocalArray<Shape extends readonly number[]> = WriteArray<Shape>;

export interface InputParam<Shape extends readonly Dim[]> {
  readonly role: "input";
  readonly shape: Shape;
}
export interface OutputParam<Shape extends readonly Dim[]> {
  readonly role: "output" | "inout";
  readonly shape: Shape;
}
export interface ScalarParam {
  readonly role: "scalar";
}
export type Param = InputParam<readonly Dim[]> | OutputParam<readonly Dim[]> | ScalarParam;
export type Params = Readonly<Record<string, Param>>;

type ShapeOf<P> = P extends { readonly shape: infer Shape extends readonly Dim[] } ? Shape : never;

/** The dimension names of all parameters. */
export type DimNames<P extends Params> = { [K in keyof P]: NameOf<ShapeOf<P[K]>[number]> }[keyof P];
export type Dims<P extends Params> = { readonly [Name in DimNames<P>]: number };

/** What the body sees of a parameter. */
export type Bound<P extends Params> = {
  readonly [K in keyof P]: P[K] extends InputParam<infer Shape>
    ? ReadArray<Shape>
    : P[K] extends OutputParam<infer Shape>
      ? WriteArray<Shape>
      : number;
};

export type Choices = Readonly<Record<string, readonly number[]>>;
export type Chosen<C extends Choices> = { readonly [Name in keyof C]: number };

/** How the kernel is launched, and what it promises. */
export interface Launch<P extends Params, C extends Choices> {
  /** The tensor operation that the kernel computes, such as `"linear"`. */
  readonly computes?: string;
  /** Blocks per axis: one to three expressions over dimensions and `params`. */
  readonly grid: (dims: Dims<P>, params: Chosen<C>) => readonly number[];
  /** Threads per axis: one to three constants. */
  readonly block: readonly number[] | ((params: Chosen<C>) => readonly number[]);
  /** Dimensions defined by others, such as `T: ({ B, K }) => B * K`; the launcher checks the equation. */
  readonly where?: { readonly [Name in DimNames<P>]?: (dims: Dims<P>) => number };
  /** Compile-time parameters with their allowed values; each combination is a kernel of its own. */
  readonly params?: C;
  /** Demands 32-bit indices; without it the launcher chooses between 32 and 64 bits. */
  readonly index?: "i32";
}
