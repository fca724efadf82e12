/**
 * The front end's diagnostic codes: what each one refuses.
 *
 * docs/language.md shows this table; a test keeps the two equal. Codes are stable: one that is no longer used is not
 * given to something else. TK190 to TK193 are those of models (model.ts).
 */

export const CODES = {
  TK100: "TypeScript itself refuses the file: a syntax error, an unknown name, a type error",
  TK101: "a statement at the top of the file that is not an import, a constant, an inline function or a kernel",
  TK102: "an import of something else than names of `tokitai/dsl` or of another kernel file",
  TK103: "a kernel that is not of the form `export const NAME = kernel({ … }, { … }, (…) => { … })`",
  TK104: "a module constant that is not a constant integer or float",
  TK105: "an inline function that is not one expression of its parameters",
  TK106: "a constant or an inline function that uses itself",
  TK107: "two kernels of one name, or a kernel name that C cannot carry",
  TK108: "a file or folder that cannot be read",
  TK109:
    "an expression that is nested too deep, or that grows too large when functions and constants are put in their places",
  TK110: "a parameter that is not declared by `input`, `output`, `inout` or `scalar`",
  TK111: "a parameter or dimension name that C cannot carry, or that is reserved",
  TK112: "two parameters of one name",
  TK113: "a kernel that writes nothing: no `output` and no `inout`",
  TK114: "a dimension in a shape that is not a linear expression",
  TK115: "an element type that cannot stand there",
  TK116: "a family of kernels that is not of the form `const NAME = (T: HalfElement) => kernel(…)`",
  TK117:
    "a family of kernels that is given something else than element types and integers, or that is used inside the code",
  TK118: "a family of kernels that is not exported and never applied",
  TK119: "a `simd` option that is not a list of vector units, or `simd.lanes` without one",
  TK120: "a launch option that does not exist, is missing, or is given twice",
  TK121: "a grid that is not one to three integer expressions over the dimensions",
  TK122: "a block that is not one to three positive constants",
  TK123: "a `where` clause that does not define a dimension by others",
  TK124: "compile-time parameters that are not lists of different positive integers",
  TK125: "`computes` that is not a string literal",
  TK126: 'an index width other than `"i32"`',
  TK127: "a parameter, dimension or compile-time parameter that does not exist",
  TK128: "a budget that is not a list of resources with constant amounts",
  TK129: "a performance contract that is not lists of the names of tensors and shared arrays, or sizes of segments",
  TK130: "a statement that is not in the language",
  TK131: "`var`",
  TK132: "a declaration without a value, or one that takes a value apart",
  TK133: "a `return` inside a loop, or with a value",
  TK134: "`break` or `continue`",
  TK135: "a loop of a form that is not in the language",
  TK136: "a loop step that is not a positive constant",
  TK137: "a loop that counts downwards",
  TK138: "an assignment to a loop counter",
  TK139: "a loop bound that the loop's body changes",
  TK140: "an assignment to something that cannot change",
  TK141: "a write to an `input`",
  TK142: "an assignment inside an expression",
  TK143: "`++` or `--` outside the head of a loop",
  TK144: "an expression whose value is not used",
  TK145: "`requires` that is not at the start of the body",
  TK146: "`requires` that mentions something else than dimensions, scalars and elements of integer inputs and inouts",
  TK147: "`invariant` that is not at the start of a loop's body, or that reads something else than integer inputs",
  TK148: "`shared` or `registers` that is not declared at the top of the kernel's body",
  TK149: "an array size that is not a positive constant",
  TK150: "`barrier`, `requires`, `atomicAdd` or another statement of the language inside an expression",
  TK151: "a loop over registers whose unrolling has too many rounds",
  TK152: "a file that nests too deeply, or a kernel with too many branches",
  TK160: "integers, floats or booleans mixed without a conversion",
  TK161: "`/` on integers",
  TK162: "`%`",
  TK163: "`==` or `!=`",
  TK164: "a bit operator",
  TK165: "`**`",
  TK166: "a function of `Math`",
  TK167: "a condition that is not a boolean",
  TK168: "a call of something that is not a function of the language",
  TK169: "a function called with the wrong number or type of arguments",
  TK170: "an expression that is not in the language",
  TK171: "the comma operator",
  TK172: "a module variable that is not a constant",
  TK173: "an array with too few or too many indices",
  TK174: "an index that is not an integer",
  TK175: "a register index that is not known at compile time",
  TK176: "a number that the type cannot hold",
  TK177: "a closure",
  TK178: "a string or a template",
  TK179: "an object or array value",
  TK182: "a float that is not rounded, stored into `f16` or `bf16`",
  TK185: "`wave.sum`, `wave.max`, `wave.shuffleXor` and `wave.ballot`, reserved",
  TK186: "`f32x2` and `f32x4`, reserved",
  TK187: "a fragment, an `mma` or a `matrix` option that does not fit a matrix unit, the block or the other fragments",
  TK189: '`barrier("shared")`, reserved',
  TK194: "an atomic on something else than an integer element of shared memory, of an `inout` or of an `output`",
  TK195:
    "a vector access that is not between a register array of 2, 4, 8 or 16 elements and elements of its type in memory",
  TK196:
    "`forall` that is not the whole condition of `requires` or `ensures`, or that is not of the form `forall([N], (i) => …)`",
  TK197:
    "`prefixSum`, `occurrences` or `below` outside of a specification, `nthOccurrence` outside of `covers`, or of something else than an integer input of one axis",
  TK198: "`ensures` that is not at the start of the body, or that is not about elements of integer outputs and inouts",
  TK199: "`covers` that is not at the start of the body, or that does not name who writes an element of an output",
} as const;

export type Code = keyof typeof CODES;

const WAVE_FIX = "combine the values in a shared array, with a barrier() before they are read";

/** Names of `tokitai/dsl` that are declared, but not compiled yet: the code of their refusal, and what to do instead. */
export const RESERVED_NAMES: ReadonlyMap<string, { readonly code: Code; readonly fix: string }> = new Map([
  ["wave.sum", { code: "TK185", fix: WAVE_FIX }],
  ["wave.max", { code: "TK185", fix: WAVE_FIX }],
  ["wave.shuffleXor", { code: "TK185", fix: WAVE_FIX }],
  ["wave.ballot", { code: "TK185", fix: WAVE_FIX }],
  ["f32x2", { code: "TK186", fix: "work on one element at a time" }],
  ["f32x4", { code: "TK186", fix: "work on one element at a time" }],
]);
