/**
 * Names that go from a kernel's source into C++ and HIP.
 *
 * Parameters, dimensions and kernels keep their names, since callers use them: a name that C cannot carry is refused.
 * Locals and arrays are renamed where two would clash.
 */

/** Why a public name cannot be used, in words that follow the name; `undefined` where it can. */
export function whyUnusable(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name))
    return "is no C identifier: a letter, then letters, digits and underscores";
  if (name.includes("__")) return "has two underscores in a row, which C++ reserves";
  if (name.startsWith("tok_")) return "starts with tok_, which is reserved for generated names";
  if (RESERVED.has(name)) return "is a word of C++ or HIP";
  return undefined;
}

export interface NameSupply {
  /** A name that is not taken, `wanted` if that can be; it is taken from now on. */
  take(wanted: string): string;
}

/** Gives each local of a kernel a name of its own; `taken` are the kernel's parameters and dimensions. */
export function createNames(taken: readonly string[]): NameSupply {
  const used = new Set(taken);
  return {
    take(wanted) {
      const base = cName(wanted);
      let name = base;
      for (let i = 1; used.has(name) || whyUnusable(name) !== undefined; i++) name = `${base}_${i}`;
      used.add(name);
      return name;
    },
  };
}

/** TypeScript's identifiers may have letters and signs that C's have not. */
function cName(name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9_]/g, "_")
    .replace(/_+/g, "_")
    .replace(/^[_0-9]+|_$/g, "");
  if (plain === "") return "v";
  return plain.startsWith("tok_") ? `v_${plain}` : plain;
}

/** Keywords, macros of the standard headers, and the types, built-ins and functions that generated code uses. */
const RESERVED: ReadonlySet<string> = new Set(
  `
  alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl
  concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do
  double dynamic_cast else enum explicit export extern false final float for friend goto if import inline int long
  module mutable namespace new noexcept not not_eq nullptr operator or or_eq override private protected public register
  reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template
  this thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t
  while xor xor_eq
  assert errno stdin stdout stderr unix linux i386 EOF INFINITY NAN NULL
  int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t ptrdiff_t intptr_t uintptr_t main std dim3
  threadIdx blockIdx blockDim gridDim warpSize hipError_t hipStream_t hipSuccess
  abs fabs fabsf min max fmin fmax fminf fmaxf exp expf log logf erf erff tanh tanhf sqrt sqrtf fma fmaf div mod
  floor_div floor_mod
  `
    .trim()
    .split(/\s+/),
);
