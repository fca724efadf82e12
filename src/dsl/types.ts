/**
 * The types behind the kernel language's names: what the editor knows of a kernel.
 *
 * To the editor every number is a `number`; the compiler's own checker tells integers from floats. What the editor
 * does check is shape: a tensor's rank, that an input is not written, and that a dimension's name exists.
 */

/** An element type, as in `input(f32, …)`; called, it converts a number, as in `f32(i)`. */
export interface Element<Name extends string> {
  (value: number): number;
  readonly element: Name;
}

/** Floats that occupy two bytes in memory. */
export type HalfElement = Element<"f16" | "bf16">;

/** The element types that hold floats. */
export type FloatElement = Element<"f32" | "f16" | "bf16">;

export type AnyElement = Element<"f32" | "f16" | "bf16" | "i32" | "u32" | "i64">;

/** A dimension per axis, outermost first: a name, a linear expression over names such as `"E+1"`, or a constant. */
export type Shape = readonly [string | number, ...(string | number)[]];

export type Role = "input" | "output" | "inout";

/** A tensor parameter. */
export interface TensorParam<R extends Role, S extends Shape> {
  readonly role: R;
  readonly element: AnyElement;
  readonly shape: S;
}

/** A scalar parameter: one number, the same for all threads. */
export interface ScalarParam {
  readonly role: "scalar";
  readonly element: AnyElement;
}

export type Params = Readonly<Record<string, TensorParam<Role, Shape> | ScalarParam>>;

/** Compile-time parameters and the values that each may take. */
export type Choices = Readonly<Record<string, readonly [number, ...number[]]>>;

/** One value of each compile-time parameter. */
export type Values<Q> = { readonly [Name in keyof Q]: number };

/** The dimension names in one entry of a shape: `"2*N+1"` gives `"N"`. */
type NamesIn<Text extends string> = Text extends `${infer Left}+${infer Right}`
  ? NamesIn<Left> | NamesIn<Right>
  : Text extends `${infer Left}-${infer Right}`
    ? NamesIn<Left> | NamesIn<Right>
    : Text extends `${infer Left}*${infer Right}`
      ? NamesIn<Left> | NamesIn<Right>
      : Text extends ` ${infer Rest}` | `${infer Rest} `
        ? NamesIn<Rest>
        : Text extends `${number}`
          ? never
          : Text;

type NamesOfParam<P> = P extends { readonly shape: infer S extends Shape }
  ? NamesIn<Extract<S[number], string>>
  : never;

export type DimName<P> = { [Name in keyof P]: NamesOfParam<P[Name]> }[keyof P];

/** The size of each dimension. */
export type Dims<P> = { readonly [Name in DimName<P>]: number };

/** An array that is only read: one index per axis. */
export type ReadArray<S extends readonly unknown[]> = S extends readonly [unknown, ...infer Rest]
  ? { readonly [index: number]: ReadArray<Rest> }
  : number;

/** An array whose elements are read and written: one index per axis. */
export type WriteArray<S extends readonly unknown[]> = S extends readonly [unknown, infer Next, ...infer Rest]
  ? { readonly [index: number]: WriteArray<readonly [Next, ...Rest]> }
  : { [index: number]: number };

declare const SIZES: unique symbol;
/** An array in registers. The editor remembers the sizes of a row, since a vector access takes a whole one of 2 to 16. */
export type RegisterArray<S extends readonly number[]> = S extends readonly [
  number,
  infer Next extends number,
  ...infer Rest extends readonly number[],
]
  ? { readonly [index: number]: RegisterArray<readonly [Next, ...Rest]> }
  : { [index: number]: number; readonly [SIZES]: S };

/** Accepts the sizes of what a vector access moves: 2, 4, 8 or 16 of one axis; `never` for others that are known. */
export type VectorSizes<S extends readonly [number]> = number extends S[0]
  ? unknown
  : S[0] extends 2 | 4 | 8 | 16
    ? unknown
    : never;

declare const FORALL: unique symbol;
/** A condition for all values of its variables: no boolean, so that it stands in `requires` and `ensures` alone. */
export interface Forall {
  readonly [FORALL]: true;
}

/** One number per extent. */
export type Variables<E extends readonly number[]> = { -readonly [Position in keyof E]: number };

/** One number per axis of an array. */
export type IndicesOf<A> = A extends { readonly [index: number]: infer Inner }
  ? [index: number, ...rest: IndicesOf<Inner>]
  : [];

/** Who writes an element: the block, the thread, and the values of the loop counters around the store, by name. */
export interface Witness {
  readonly block?: UpTo3;
  readonly thread?: UpTo3;
  readonly [counter: string]: number | UpTo3 | undefined;
}

/** What a kernel's body is given for each parameter. */
export type Arguments<P> = {
  readonly [Name in keyof P]: P[Name] extends TensorParam<infer R, infer S>
    ? R extends "input"
      ? ReadArray<S>
      : WriteArray<S>
    : number;
};

/** One to three sizes: x, y, z. Missing ones are 1. */
export type UpTo3 = readonly [number] | readonly [number, number] | readonly [number, number, number];

/** What the compiler makes of a kernel, as the code object says. */
export interface Budget {
  /** Vector registers per lane. */
  readonly vgprs?: number;
  /** Scalar registers per wave. */
  readonly sgprs?: number;
  /** Bytes of shared memory per block. */
  readonly lds?: number;
  /** Bytes of scratch memory per lane: 0 for a kernel that does not spill. */
  readonly scratch?: number;
}

/** How a kernel is launched, and what it claims. */
export interface Launch<P, Q> {
  /** The tensor operation that the kernel claims to compute. */
  readonly computes?: string;
  /** Blocks per axis, x first. */
  readonly grid: (dims: Dims<P>, values: Values<Q>) => UpTo3;
  /** Threads of a block per axis, x first: constants. */
  readonly block: UpTo3 | ((values: Values<Q>) => UpTo3);
  /** Dimensions that are products of others; the launcher checks each equation. */
  readonly where?: { readonly [Name in DimName<P>]?: (dims: Dims<P>, values: Values<Q>) => number };
  /** Compile-time parameters with their allowed values; each combination is a kernel of its own. */
  readonly params?: Q;
  /** Demands 32-bit indices; sizes that do not fit are refused by the launcher. */
  readonly index?: "i32";
  /** The families of GPUs whose matrix instructions fragments are for; each makes a kernel of its own. */
  readonly matrix?: readonly ("gfx11" | "gfx12" | "cdna")[];
  /** The vector units of CPUs whose registers hold rows of `simd.lanes` elements; each makes a kernel of its own. */
  readonly simd?: readonly ("avx512" | "avx2")[];
  /** What is proved of how the threads of a wave access memory. */
  readonly performance?: {
    /** Tensors of which neighbouring threads access neighbouring elements. */
    readonly coalesced?: readonly (keyof P & string)[];
    /**
     * Tensors that a wave accesses in runs of 64 bytes, or of 32, 64 or 128 where it is said of each: threads whose accesses fill
     * these together lie side by side.
     */
    readonly segments?: readonly (keyof P & string)[] | { readonly [Name in keyof P & string]?: number };
    /** Names of shared arrays of which no two threads of a wave access two words of one bank. */
    readonly conflictFree?: readonly string[];
  };
  /** The most that the kernel's machine code may use; a build for a GPU on which it uses more is refused. */
  readonly budget?: Budget | ((values: Values<Q>) => Budget);
}

/** What orders the threads of a wave: 32 or 64 consecutive threads of a block, by the target. */
export interface WaveBarrier {
  /**
   * Orders the shared and global accesses of the threads of one wave, and of them alone. All threads of the block reach
   * it.
   */
  barrier(): void;
}

/** A kernel, to the editor. The compiler reads its source; nothing can be done with it at run time. */
export interface KernelSource<P> {
  readonly params: P;
}

/** The index of a thread in its block, or of a block in the grid. */
export interface Index {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}
