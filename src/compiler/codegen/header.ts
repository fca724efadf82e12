/**
 * `<name>.h`: the C ABI of a library, the same for every target; C99 and C++.
 *
 * A struct of arguments lists tensors, then (for a program) the workspace, then dimensions, then scalars. Every field is
 * a multiple of 8 bytes and aligned to 8, so that a caller may lay the struct out by hand.
 */

import type { Expr } from "../../ir/kernel/expr.ts";
import { vectorInstances } from "../../ir/kernel/instead.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import type { Plan } from "../../ir/plan.ts";
import { dataCheck } from "../data-check.ts";
import { abiItems } from "./abi-types.ts";
import {
  type CField,
  type CItem,
  type CParam,
  type CType,
  constant,
  directive,
  field,
  fn,
  param,
  pointer,
  type,
} from "./c-ast.ts";
import { printFile } from "./c-print.ts";
import { contractLines, formatLaunch, formatShape } from "./contract-comment.ts";
import { argsStruct, LAUNCH, STATUS, STREAM } from "./launcher.ts";
import { checkLibrary, type GeneratedFile, type LibrarySpec, scalarParams, tensorParams } from "./library.ts";
import { kernelNames, planNames } from "./names.ts";
import { checksBetweenLaunches } from "./plan-conditions.ts";

const TENSOR = type("tok_tensor");
const I64 = type("int64_t");
const U64 = type("uint64_t");

/** The header of the library: types, constants, and a prototype per kernel and program. */
export function emitHeader(spec: LibrarySpec): GeneratedFile {
  checkLibrary(spec);
  const guard = `TOK_${spec.name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}_H`;
  const items: readonly CItem[] = [
    {
      kind: "comment",
      lines: [
        `The C interface of the library ${spec.name}.`,
        "",
        "Every call checks its arguments before it computes anything. A status other than TOK_OK says which check",
        "failed, and tok_last_error names the parameter, the expected and the actual value.",
      ],
    },
    directive(`#ifndef ${guard}`),
    { kind: "define", name: guard, value: undefined },
    { kind: "include", path: "stdint.h", system: true },
    ...abiItems(),
    directive("#ifdef __cplusplus"),
    directive('extern "C" {'),
    directive("#endif"),
    prototype(["The TOK_ABI_VERSION with which the library was built."], type("uint32_t"), "abi_version", []),
    prototype(
      ["What the last failed call of this thread found. The text stays until this thread's next failure."],
      pointer(constant(type("char"))),
      "last_error",
      [],
    ),
    prototype(
      [
        "Makes every launch of a HIP library go to this device, which has to stay; null: to the HIP runtime, as at first.",
        "Not while a call is under way. A library for the CPU refuses it.",
      ],
      STATUS,
      "set_device",
      [param(pointer(constant(type("tok_device"))), "device")],
    ),
    prototype(
      [
        "Has this thread's programs note when each of their launches begins and ends, in seconds of a steady clock: two numbers per",
        "launch, in the order of the launches, for as many as there is room; null: ends it. Returns how many were noted since the",
        "last call. Of a HIP library it is the launch that is timed, not the work on the device.",
      ],
      U64,
      "trace",
      [param(pointer(type("double")), "times"), param(U64, "launches")],
    ),
    ...kernelGroups(spec).flatMap(([kernel, ...instances]) => [
      ...kernelItems(kernel),
      ...instances.flatMap((instance) => kernelItems(instance, kernel)),
    ]),
    ...spec.plans.flatMap((plan) => planItems(plan, spec)),
    directive("#ifdef __cplusplus"),
    directive("}"),
    directive("#endif"),
    directive(`#endif  // ${guard}`),
  ];
  return { path: `${spec.name}.h`, text: printFile(items) };
}

function prototype(doc: readonly string[], returns: CType, call: string, params: readonly CParam[]): CItem {
  return fn(returns, `tok_${call}`, params, undefined, { doc, specifiers: ["TOK_API"], c: true });
}

/** Each kernel with the instances of the library that run in its place, which take its arguments. */
function kernelGroups({ kernels }: LibrarySpec): readonly (readonly [Kernel, ...Kernel[]])[] {
  const all = kernels.map(({ kernel }) => kernel);
  const groups = all.map((kernel) => [kernel, ...vectorInstances(kernel, all)] as const);
  const instances = new Set(groups.flatMap(([, ...others]) => others));
  return groups.filter(([kernel]) => !instances.has(kernel));
}

/** `instead`: the kernel whose arguments these are. */
function kernelItems(kernel: Kernel, instead?: Kernel): readonly CItem[] {
  const names = kernelNames(kernel);
  const fields: readonly CField[] = [
    ...tensorParams(kernel).map(({ name, role, element, shape }) =>
      field(TENSOR, names.value(name), `${role} ${element} ${formatShape(shape)}`),
    ),
    ...kernel.dims.map((dim) => field(I64, names.dim(dim))),
    ...scalarParams(kernel).map(({ name, element }) =>
      field(element === "f32" ? type("double") : I64, names.value(name), element),
    ),
  ];
  const args = param(pointer(constant(type(argsStruct(kernel.name)))), "args");
  const contract = [
    ...(kernel.doc === "" ? [] : [...kernel.doc.split("\n"), ""]),
    ...[...contractLines(kernel), formatLaunch(kernel)].map((line) => `  ${line}`),
  ];
  const struct = argsStruct(kernel.name);
  return [
    instead === undefined
      ? { kind: "struct", doc: contract, template: [], name: struct, fields }
      : { kind: "typedef", doc: contract, type: type(argsStruct(instead.name)), name: struct },
    prototype(prepareDoc(kernel), STATUS, `${kernel.name}_prepare`, [args, param(pointer(LAUNCH), "launch")]),
    prototype(launchDoc(kernel), STATUS, kernel.name, [args, param(STREAM, "stream")]),
  ];
}

function prepareDoc(kernel: Kernel): readonly string[] {
  const check = dataCheck(kernel);
  if (check === undefined) return ["Checks the arguments and describes the launch; runs nothing."];
  const rest = `what is required of their contents is up to the caller, who runs ${check.kernel.name}.`;
  return [`Checks the arguments and describes the launch; runs nothing, so that ${rest}`];
}

function launchDoc({ dataRequires }: Kernel): readonly string[] {
  if (dataRequires.length === 0) return ["Prepares and launches."];
  return ["Prepares, checks what is required of the contents of tensors, waiting for the stream, and launches."];
}

function planDoc(plan: Plan, spec: LibrarySpec): readonly string[] {
  const doc = "Checks everything, then launches. A call that is refused computes nothing";
  if (!checksBetweenLaunches(plan, spec)) return [`${doc}.`];
  return [`${doc}, unless it breaks a condition on data that an earlier launch makes: that is found when it is made.`];
}

function planItems(plan: Plan, spec: LibrarySpec): readonly CItem[] {
  const names = planNames(plan);
  const shapeOf = (shape: readonly Expr[]): string => formatShape(shape);
  const fields: readonly CField[] = [
    ...plan.params.map(({ name, role, element, shape }) =>
      field(TENSOR, names.buffer(name), `${role} ${element} ${shapeOf(shape)}`),
    ),
    field(TENSOR, "workspace", "scratch memory; its dtype is not read"),
    ...plan.dims.map((dim) => field(I64, names.dim(dim))),
  ];
  const args = param(pointer(constant(type(argsStruct(plan.name)))), "args");
  return [
    {
      kind: "struct",
      doc: [`The program ${plan.name}: ${plan.launches.length} launches.`],
      template: [],
      name: argsStruct(plan.name),
      fields,
    },
    prototype(
      ["Bytes of workspace for these dimensions; UINT64_MAX, with tok_last_error set, where they are refused."],
      U64,
      `${plan.name}_workspace`,
      plan.dims.map((dim) => param(I64, names.dim(dim))),
    ),
    prototype(planDoc(plan, spec), STATUS, plan.name, [args, param(STREAM, "stream")]),
  ];
}
