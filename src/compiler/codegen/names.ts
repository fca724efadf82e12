/**
 * Names: identifiers of kernels and plans → identifiers of C.
 *
 * A name stays as it is where C allows it. One that is a keyword, a macro or a name of the generated code's own gets an
 * underscore appended, one that is taken a number. Every name of a kernel is mapped once, so that equal names stay equal
 * and different names different.
 */

import type { Kernel, Stmt } from "../../ir/kernel/types.ts";
import { nestedBlocks } from "../../ir/kernel/walk.ts";
import type { Plan } from "../../ir/plan.ts";
import { InternalError } from "../../support/result.ts";

const KEYWORDS = `
  alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class co_await
  co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do
  double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace new
  noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires restrict
  return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
  typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while xor xor_eq`;

/** Macros and functions of the headers that the generated code includes, where a local of that name would hide them. */
const LIBRARY = `
  linux unix i386 NAN INFINITY NULL HUGE_VAL OVERFLOW UNDERFLOW DOMAIN SING PLOSS TLOSS EOF BUFSIZ stdin stdout stderr
  errno assert main expf logf erff tanhf sqrtf fabsf fmaf int32_t int64_t uint32_t uint64_t size_t uintptr_t dim3
  threadIdx blockIdx blockDim gridDim warpSize __syncthreads hipStream_t hipError_t memcpy memset`;

/** What the generated code itself declares beside a kernel's names. */
const OWN = `
  Index args launch stream params status check sizes operands grid block pass tok thread_x thread_y thread_z block_x block_y
  block_z grid_x grid_y grid_z workspace arena offsets call end pointers kernel asked conditions found`;

const RESERVED: ReadonlySet<string> = new Set([KEYWORDS, LIBRARY, OWN].flatMap((list) => list.trim().split(/\s+/)));

/** Takes a name, and gives the C identifier that stands for it. */
export type Namer = (wanted: string) => string;

/** A namer that never gives the same identifier twice. */
export function newNamer(): Namer {
  const taken = new Set<string>();
  return (wanted) => {
    let name = wanted.replaceAll(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
    // Identifiers that start with `_` and a capital, or hold `__`, belong to the implementation.
    name = name.replaceAll(/__+/g, "_");
    // `tok_` and `TOK_` are the library's.
    if (/^(?:_[A-Z]|tok_|TOK_)/.test(name)) name = `v_${name.replace(/^_/, "")}`;
    if (RESERVED.has(name)) name += "_";
    const stem = name;
    for (let ordinal = 2; taken.has(name) || RESERVED.has(name); ordinal++)
      name = `${stem.replace(/_$/, "")}_${ordinal}`;
    taken.add(name);
    return name;
  };
}

/** The C identifiers of a kernel: parameters, dimensions, arrays, locals and counters, and the hoisted bound of a loop. */
export interface KernelNames {
  readonly value: (name: string) => string;
  readonly dim: (name: string) => string;
  /** The variable that holds a loop's bound where the bound cannot stand in the loop's condition. */
  readonly bound: (counter: string) => string;
}

export function kernelNames(kernel: Kernel): KernelNames {
  checkIdentifier(kernel.name, "kernel");
  const namer = newNamer();
  const dims = new Map(kernel.dims.map((name) => [name, namer(name)]));
  const values = new Map<string, string>();
  const bounds = new Map<string, string>();
  const note = (name: string): void => {
    if (!values.has(name)) values.set(name, namer(name));
  };
  for (const { name } of [...kernel.params, ...kernel.arrays]) note(name);
  const visit = (stmt: Stmt): void => {
    if (stmt.kind === "let") note(stmt.name);
    if (stmt.kind === "for" || stmt.kind === "steps") {
      note(stmt.counter);
      if (!bounds.has(stmt.counter)) bounds.set(stmt.counter, namer(`${stmt.counter}_end`));
    }
    for (const block of nestedBlocks(stmt)) for (const inner of block) visit(inner);
  };
  for (const stmt of kernel.body) visit(stmt);
  return {
    value: lookup(values, kernel.name),
    dim: lookup(dims, kernel.name),
    bound: lookup(bounds, kernel.name),
  };
}

/** The C identifiers of a plan's parameters, buffers and dimensions. */
export interface PlanNames {
  readonly buffer: (name: string) => string;
  readonly dim: (name: string) => string;
}

export function planNames(plan: Plan): PlanNames {
  checkIdentifier(plan.name, "plan");
  const namer = newNamer();
  const dims = new Map(plan.dims.map((name) => [name, namer(name)]));
  const buffers = new Map([...plan.params, ...plan.buffers].map(({ name }) => [name, namer(name)]));
  return { buffer: lookup(buffers, plan.name), dim: lookup(dims, plan.name) };
}

/** Kernels and plans name C functions, which users call: their names are taken as they are. */
function checkIdentifier(name: string, what: string): void {
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) throw new InternalError(`the ${what} name ${name} is not a C identifier`);
}

function lookup(names: ReadonlyMap<string, string>, owner: string): (name: string) => string {
  return (name) => {
    const found = names.get(name);
    if (found === undefined) throw new InternalError(`${owner} has no ${name}`);
    return found;
  };
}
