/**
 * Launchers: for each kernel the packed arguments, `tok_<kernel>_prepare` (every check, then the choice of the instance)
 * and `tok_<kernel>` (prepare, then launch). All of it is host code; only how an instance is run differs per target.
 */

import { ELEMENT_BYTES } from "../../ir/kernel/limits.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import type { SimdUnit } from "../../ir/kernel/simd.ts";
import type { Kernel, ScalarParam, TensorParam } from "../../ir/kernel/types.ts";
import { visitExpr } from "../../ir/kernel/walk.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import { DTYPES } from "./abi-constants.ts";
import {
  arrow,
  assign,
  binary,
  braces,
  type CExpr,
  type CItem,
  type CStmt,
  call,
  cast,
  constant,
  declare,
  fn,
  integer,
  member,
  name,
  param,
  pointer,
  ret,
  run,
  text,
  type,
  unary,
  when,
} from "./c-ast.ts";
import { type CheckedNames, checkedCondition, checkedElements, checkedInt } from "./checked.ts";
import { formatShape } from "./contract-comment.ts";
import { dataCall, dataItems } from "./data-launch.ts";
import { ELEMENT_C, type Frame, INDEX } from "./expr.ts";
import { INDEX_TYPE, instanceName } from "./hip-kernel.ts";
import { kernelParams, paramFields } from "./kernel-params.ts";
import { scalarParams, tensorParams } from "./library.ts";

export const STATUS = type("tok_status");
export const STREAM = type("tok_stream");
export const LAUNCH = type("tok_launch");
const CHECKED_INT = type("tok::Int");

export function argsStruct(call: string): string {
  return `tok_${call}_args`;
}

/** The template struct of a kernel's packed arguments. */
export function paramsStruct(kernel: string): string {
  return `${kernel}_params`;
}

/** How a target runs a prepared launch of the kernel: the items before, and the body of `<kernel>_launch`. */
export interface RunInstance {
  readonly items: readonly CItem[];
  readonly usesStream: boolean;
  readonly run: readonly CStmt[];
}

/** The struct template of a kernel's packed arguments. */
export function paramsItem(frame: Frame): CItem {
  const { name: kernel } = frame.kernel;
  return {
    kind: "struct",
    doc: [`The arguments of ${kernel} as its instances take them.`],
    template: ["Index"],
    name: paramsStruct(kernel),
    fields: paramFields(kernelParams(frame)),
  };
}

export function launcherItems(proved: ProvedKernel, frame: Frame, instance: RunInstance): readonly CItem[] {
  const kernel = proved.kernel.name;
  const args = pointer(constant(type(argsStruct(kernel))));
  const launchRef = { kind: "reference", to: constant(LAUNCH) } as const;
  const empty = when(call("tok::is_empty", [name("launch")]), [ret(name("TOK_OK"))]);
  return [
    paramsItem(frame),
    packFunction(frame),
    fn(
      STATUS,
      readyName(kernel),
      [param(args, "args"), param(pointer(LAUNCH), "launch"), param(type("bool"), "checks")],
      readyBody(proved, frame),
      {
        doc: [`Describes a launch of ${kernel}; without checks, of arguments that have been checked before.`],
        specifiers: ["static"],
      },
    ),
    fn(STATUS, `tok_${kernel}_prepare`, [param(args, "args"), param(pointer(LAUNCH), "launch")], prepareBody(kernel), {
      specifiers: ['extern "C"'],
    }),
    ...instance.items,
    fn(
      STATUS,
      launchName(kernel),
      [param(launchRef, "launch"), param(STREAM, instance.usesStream ? "stream" : undefined)],
      [empty, ...instance.run],
      { specifiers: ["static"] },
    ),
    ...dataItems(proved.kernel, argsStruct),
    fn(
      STATUS,
      `tok_${kernel}`,
      [param(args, "args"), param(STREAM, "stream")],
      [
        declare(LAUNCH, "launch"),
        ...checkedLaunch(proved.kernel),
        ret(call(launchName(kernel), [name("launch"), name("stream")])),
      ],
      { specifiers: ['extern "C"'] },
    ),
  ];
}

/** Prepares, then checks what the kernel requires of data. */
function checkedLaunch(kernel: Kernel): readonly CStmt[] {
  const prepare = call(`tok_${kernel.name}_prepare`, [name("args"), unary("&", name("launch"))]);
  const status = name("status");
  const failed = when(binary("!=", status, name("TOK_OK")), [ret(status)]);
  if (kernel.dataRequires.length === 0) return [declare(constant(STATUS), "status", prepare), failed];
  const asked = kernel.dataRequires.map((_, ordinal) => ordinal);
  const check = dataCall(kernel, unary("*", name("args")), asked);
  return [
    declare(STATUS, "status", prepare),
    when(binary("==", status, name("TOK_OK")), [assign(status, check)]),
    failed,
  ];
}

/** The values are checked before: every conversion keeps them. */
function packFunction({ kernel, names }: Frame): CItem {
  const struct = type(paramsStruct(kernel.name), INDEX);
  const set = (target: string, value: CExpr): CStmt => assign(member(name("params"), target), value);
  const given = (source: string): CExpr => member(name("args"), source);
  return fn(
    struct,
    `${kernel.name}_pack`,
    [param({ kind: "reference", to: constant(type(argsStruct(kernel.name))) }, "args")],
    [
      declare(struct, "params", braces([])),
      ...tensorParams(kernel).map((tensor) => {
        const field = names.value(tensor.name);
        const element = ELEMENT_C[tensor.element];
        const to = pointer(tensor.role === "input" ? constant(element) : element);
        return set(field, cast(to, member(given(field), "data")));
      }),
      ...kernel.dims.map((dim) => set(names.dim(dim), cast(INDEX, given(names.dim(dim))))),
      ...scalarParams(kernel).map((scalar) => {
        const field = names.value(scalar.name);
        return set(field, scalar.element === "f32" ? call("tok::to_float", [given(field)]) : cast(INDEX, given(field)));
      }),
      ret(name("params")),
    ],
    { template: ["Index"], specifiers: ["static"] },
  );
}

/** What the compiler's runtime asks of the CPU for each unit: the instructions that its file is compiled for. */
function hasUnit(unit: SimdUnit): CExpr {
  return call(`tok::has_${unit}`, []);
}

function alignmentOf({ name: tensor, element }: TensorParam, { alignments }: Frame): bigint {
  return alignments.get(tensor) ?? ELEMENT_BYTES[element];
}

/** The names of dimensions and scalars are those of locals of the function. */
function checkedNames({ names }: Frame): CheckedNames {
  return { dim: (dim) => name(names.dim(dim)), scalar: (scalar) => name(names.value(scalar)) };
}

function method(check: string, ...args: readonly CExpr[]): CStmt {
  return run(call(member(name("check"), check), args));
}

/** What describes a launch of the kernel: `(args, launch, checks)`. */
export function readyName(kernel: string): string {
  return `${kernel}_ready`;
}

/** What runs a launch that has been described: `(launch, stream)`. */
export function launchName(kernel: string): string {
  return `${kernel}_launch`;
}

function prepareBody(kernel: string): readonly CStmt[] {
  const isNull = (pointerName: string): CExpr => binary("==", name(pointerName), name("nullptr"));
  const nullMessage = text(`${kernel}: args or launch is null, expected a struct`);
  return [
    when(binary("||", isNull("args"), isNull("launch")), [
      ret(call("tok::fail", [name("TOK_NULL_ARGS"), nullMessage])),
    ]),
    ret(call(readyName(kernel), [name("args"), name("launch"), { kind: "bool", value: true }])),
  ];
}

function readyBody(proved: ProvedKernel, frame: Frame): readonly CStmt[] {
  const { kernel } = proved;
  const checked = checkedNames(frame);
  const grid = declare(
    constant(CHECKED_INT),
    "grid",
    braces(kernel.grid.map((extent) => checkedInt(extent, checked))),
    {
      extents: [integer(3)],
    },
  );
  const block = declare(constant(type("uint32_t")), "block", braces(kernel.block.map(integer)), {
    extents: [integer(3)],
  });
  return [
    ...sizeDeclarations(frame),
    ...checkerDeclarations(
      kernel.name,
      [
        ...kernel.dims.map((dim) => braces([text(dim), name(frame.names.dim(dim))])),
        ...scalarParams(kernel)
          .filter(({ element }) => element !== "f32")
          .map((scalar) => braces([text(scalar.name), name(frame.names.value(scalar.name))])),
      ],
      tensorParams(kernel).map((tensor) =>
        operand(tensor, tensor.role !== "input", frame.names.value(tensor.name), checked, alignmentOf(tensor, frame)),
      ),
    ),
    grid,
    block,
    when(name("checks"), [
      ...(kernel.simd === undefined ? [] : [method("vector_unit", text(kernel.simd), hasUnit(kernel.simd))]),
      method("data"),
      method("dtypes"),
      method("dims", integer(kernel.dims.length)),
      method("shapes"),
      ...kernel.where.map(({ dim, value }) =>
        method("where", text(dim), checked.dim(dim), text(printExpr(value)), checkedInt(value, checked)),
      ),
      ...kernel.requires.map((condition) =>
        method("requirement", text(printExpr(condition)), checkedCondition(condition, checked)),
      ),
      method("bytes"),
      method("alignment"),
      method("disjoint"),
      ...scalarParams(kernel).flatMap((scalar) => scalarCheck(scalar, frame)),
      method("grid", name("grid"), name("block")),
      returnFailure(),
    ]),
    ...chooseInstance(proved, frame),
  ];
}

/** `const tok::Int B = args->B;` for dimensions and integer scalars; floats as they are compared. */
function sizeDeclarations({ kernel, names }: Frame): readonly CStmt[] {
  const given = (field: string): CExpr => arrow(name("args"), field);
  const conditions = new Set<string>();
  for (const condition of kernel.requires) {
    visitExpr(condition, (inner) => {
      if (inner.kind === "scalar") conditions.add(inner.name);
    });
  }
  return [
    ...kernel.dims.map((dim) => declare(constant(CHECKED_INT), names.dim(dim), given(names.dim(dim)))),
    ...scalarParams(kernel).flatMap((scalar): readonly CStmt[] => {
      const local = names.value(scalar.name);
      if (scalar.element !== "f32") return [declare(constant(CHECKED_INT), local, given(local))];
      if (!conditions.has(scalar.name)) return [];
      return [declare(constant(ELEMENT_C.f32), local, call("tok::to_float", [given(local)]))];
    }),
  ];
}

/** The tables of sizes and operands, and the checker over them. */
export function checkerDeclarations(
  owner: string,
  sizes: readonly CExpr[],
  operands: readonly CExpr[],
): readonly CStmt[] {
  const table = (kind: string, variable: string, rows: readonly CExpr[]): readonly CStmt[] =>
    rows.length === 0
      ? []
      : [declare(constant(type(kind)), variable, braces(rows), { extents: [integer(rows.length)] })];
  const reference = (variable: string, rows: readonly CExpr[]): readonly CExpr[] => [
    name(rows.length === 0 ? "nullptr" : variable),
    integer(rows.length),
  ];
  const list = [text(owner), ...reference("sizes", sizes), ...reference("operands", operands)];
  return [
    ...table("tok::Size", "sizes", sizes),
    ...table("tok::Operand", "operands", operands),
    declare(type("tok::Checker"), "check", call("tok::Checker", list)),
  ];
}

export function operand(
  tensor: Pick<TensorParam, "name" | "element" | "shape">,
  written: boolean,
  field: string,
  names: CheckedNames,
  alignment: bigint,
): CExpr {
  return braces([
    text(tensor.name),
    unary("&", arrow(name("args"), field)),
    name(DTYPES[tensor.element].name),
    { kind: "bool", value: written },
    text(formatShape(tensor.shape)),
    checkedElements(tensor.shape, names),
    integer(alignment),
  ]);
}

export function returnFailure(): CStmt {
  const status = call(member(name("check"), "status"), []);
  return when(binary("!=", status, name("TOK_OK")), [ret(status)]);
}

function scalarCheck({ name: scalar, element }: ScalarParam, { names }: Frame): readonly CStmt[] {
  const value = arrow(name("args"), names.value(scalar));
  if (element === "f32") return [method("scalar_f32", text(scalar), value)];
  return element === "i32" ? [method("scalar_i32", text(scalar), value)] : [];
}

/** 32-bit indices where they are proved and the sizes are small enough for that proof; else 64 bits. */
function chooseInstance({ kernel, widths }: ProvedKernel, frame: Frame): readonly CStmt[] {
  const pack = (width: 32 | 64): CStmt => {
    const packed = call(`${kernel.name}_pack`, [unary("*", name("args"))], [INDEX_TYPE[width]]);
    const symbol = text(instanceName(kernel.name, width));
    return ret(call("tok::pack", [name("launch"), symbol, integer(width), name("grid"), name("block"), packed]));
  };
  if (!widths.includes(32)) return [pack(64)];
  const fits = call(member(name("check"), "fits_i32"), [integer(kernel.dims.length)]);
  const otherwise = widths.includes(64) ? pack(64) : ret(call(member(name("check"), "too_wide"), []));
  return [...narrowChecks(frame), when(fits, [pack(32)]), otherwise];
}

/**
 * Extents fit the index width by proof; a 64-bit scalar is any integer there, so that it has to be looked at.
 */
function narrowChecks(frame: Frame): readonly CStmt[] {
  const checked = checkedNames(frame);
  return scalarParams(frame.kernel)
    .filter(({ element }) => element === "i64")
    .map((scalar) => method("narrow", text(scalar.name), checked.scalar(scalar.name)));
}
