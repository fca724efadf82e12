/**
 * The ABI as data: what a runtime needs to pack the structs of arguments and to call the functions of a library.
 *
 * Fields stand in the order of the C struct; a tensor takes 24 bytes (data, bytes, dtype), all others 8.
 */

import type { ElementType } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import type { Kernel, Role } from "../../ir/kernel/types.ts";
import type { PlanTensor } from "../../ir/plan.ts";
import { dataCheck, formatCondition } from "../data-check.ts";
import { ABI_VERSION, DTYPES, STATUSES } from "./abi-constants.ts";
import { instanceName } from "./hip-kernel.ts";
import { argsStruct } from "./launcher.ts";
import { checkLibrary, type LibrarySpec, scalarParams, tensorParams } from "./library.ts";
import { kernelNames, planNames } from "./names.ts";

export interface AbiField {
  /** As in the source. */
  readonly name: string;
  /** As in the C struct. */
  readonly field: string;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  readonly kind: "tensor" | "dim" | "scalar" | "workspace";
  readonly role?: Role | PlanTensor["role"];
  /** Of a tensor or a scalar; an f32 scalar is passed as a `double`, integers as `int64_t`. */
  readonly element?: ElementType;
  /** Expressions over the dimensions, outermost axis first. */
  readonly shape?: readonly string[];
}

type Unplaced = Omit<AbiField, "offset">;

const TENSOR_BYTES = 24;
const WORD_BYTES = 8;

function bytesOf({ kind }: Unplaced): number {
  return kind === "tensor" || kind === "workspace" ? TENSOR_BYTES : WORD_BYTES;
}

function place(fields: readonly Unplaced[]): { readonly fields: readonly AbiField[]; readonly bytes: number } {
  let bytes = 0;
  const placed = fields.map((field): AbiField => {
    const offset = bytes;
    bytes += bytesOf(field);
    return { ...field, offset };
  });
  return { fields: placed, bytes };
}

export interface AbiKernel {
  readonly name: string;
  readonly launch: string;
  readonly prepare: string;
  readonly struct: string;
  /** Bytes of the struct. */
  readonly bytes: number;
  readonly symbols: readonly string[];
  readonly fields: readonly AbiField[];
  /** What a caller of `prepare` has to run before the kernel. */
  readonly check?: AbiCheck;
}

/**
 * A check kernel's launch: it takes the fields of its kernel by their names, and `findings`, i64 elements in the order
 * of the conditions. One that stays at the largest i64, where it is to start, says that its condition holds.
 */
export interface AbiCheck {
  readonly kernel: string;
  readonly findings: string;
  readonly conditions: readonly string[];
}

export interface AbiProgram {
  readonly name: string;
  readonly launch: string;
  /** Takes the dimensions in their order, gives bytes. */
  readonly workspace: string;
  readonly struct: string;
  /** Bytes of the struct. */
  readonly bytes: number;
  readonly dims: readonly string[];
  readonly fields: readonly AbiField[];
}

export interface AbiDescription {
  readonly version: number;
  readonly library: string;
  readonly statuses: Readonly<Record<string, number>>;
  readonly dtypes: Readonly<Record<ElementType, number>>;
  readonly kernels: readonly AbiKernel[];
  readonly programs: readonly AbiProgram[];
}

function checkOf(kernel: Kernel): AbiCheck | undefined {
  const check = dataCheck(kernel);
  if (check === undefined) return undefined;
  const conditions = kernel.dataRequires.map(formatCondition);
  return { kernel: check.kernel.name, findings: check.findings, conditions };
}

export function describeAbi(spec: LibrarySpec): AbiDescription {
  checkLibrary(spec);
  const shapeOf = (shape: readonly Expr[]): readonly string[] => shape.map(printExpr);
  const { f32, i32, u32, i64, f16, bf16 } = DTYPES;
  return {
    version: ABI_VERSION,
    library: spec.name,
    statuses: Object.fromEntries(STATUSES.map(({ name }, value) => [name, value])),
    dtypes: {
      f32: f32.value,
      i32: i32.value,
      u32: u32.value,
      i64: i64.value,
      f16: f16.value,
      bf16: bf16.value,
    },
    kernels: spec.kernels.map(({ kernel, widths }): AbiKernel => {
      const names = kernelNames(kernel);
      const check = checkOf(kernel);
      return {
        name: kernel.name,
        launch: `tok_${kernel.name}`,
        prepare: `tok_${kernel.name}_prepare`,
        struct: argsStruct(kernel.name),
        ...(check && { check }),
        symbols: widths.map((width) => instanceName(kernel.name, width)),
        ...place([
          ...tensorParams(kernel).map(({ name, role, element, shape }): Unplaced => {
            return { name, field: names.value(name), kind: "tensor", role, element, shape: shapeOf(shape) };
          }),
          ...kernel.dims.map((name): Unplaced => ({ name, field: names.dim(name), kind: "dim" })),
          ...scalarParams(kernel).map(
            ({ name, element }): Unplaced => ({ name, field: names.value(name), kind: "scalar", element }),
          ),
        ]),
      };
    }),
    programs: spec.plans.map((plan): AbiProgram => {
      const names = planNames(plan);
      return {
        name: plan.name,
        launch: `tok_${plan.name}`,
        workspace: `tok_${plan.name}_workspace`,
        struct: argsStruct(plan.name),
        dims: plan.dims,
        ...place([
          ...plan.params.map(({ name, role, element, shape }): Unplaced => {
            return { name, field: names.buffer(name), kind: "tensor", role, element, shape: shapeOf(shape) };
          }),
          { name: "workspace", field: "workspace", kind: "workspace" },
          ...plan.dims.map((name): Unplaced => ({ name, field: names.dim(name), kind: "dim" })),
        ]),
      };
    }),
  };
}
