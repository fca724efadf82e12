/**
 * CPU: a library's kernels, launchers and programs as C++17 with OpenMP, beside the headers that it includes.
 *
 * Launchers and programs, which check and call, stand in `<name>.cpu.cpp`; kernels stand apart from them, since they are compiled
 * otherwise: `kernels.base.cpp` for any CPU, and a file for each vector unit, whose code is called where the CPU has it. A file of
 * kernels knows of no library: it is compiled once for all that have the same.
 */

import type { Axis } from "../../ir/kernel/expr.ts";
import { SIMD_UNITS, type SimdUnit } from "../../ir/kernel/simd.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import {
  at,
  type CExpr,
  type CItem,
  type CParam,
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
  ret,
  run,
  type,
  when,
} from "./c-ast.ts";
import { printFile } from "./c-print.ts";
import { cpuKernelItems, gridAxes, isShared, MEMBER, OWN, workDims, workOf } from "./cpu-kernel.ts";
import { axisName, type Frame, frameOf, INDEX } from "./expr.ts";
import { emitHeader } from "./header.ts";
import { INDEX_TYPE, instanceName, templateName } from "./hip-kernel.ts";
import { kernelParams, paramArgs } from "./kernel-params.ts";
import { LAUNCH, launcherItems, paramsItem, paramsStruct, type RunInstance } from "./launcher.ts";
import type { GeneratedFile, LibrarySpec } from "./library.ts";
import { libraryItems } from "./library-items.ts";
import { SUPPORT_PATH, supportHeader } from "./support-header.ts";
import { LAUNCHERS_MACRO } from "./support-team.ts";

const LAUNCHERS: CItem = { kind: "define", name: LAUNCHERS_MACRO, value: undefined };

/** `<name>.cpu.cpp`, the files of kernels, `<name>.h` and the support header. */
export function emitCpu(spec: LibrarySpec): readonly GeneratedFile[] {
  return [
    {
      path: `${spec.name}.cpu.cpp`,
      text: printFile([LAUNCHERS, ...libraryItems(spec, launchItems)]),
      part: "launchers",
    },
    ...[undefined, ...SIMD_UNITS].flatMap((unit) => kernelFile(spec, unit)),
    emitHeader(spec),
    { path: SUPPORT_PATH, text: supportHeader(spec.kernels) },
  ];
}

/** The kernels for a vector unit, or for any CPU; no file where there is none. */
function kernelFile(spec: LibrarySpec, unit: SimdUnit | undefined): readonly GeneratedFile[] {
  const kernels = spec.kernels.filter(({ kernel }) => kernel.simd === unit);
  if (kernels.length === 0) return [];
  const items: readonly CItem[] = [
    { kind: "include", path: SUPPORT_PATH, system: false },
    ...kernels.flatMap(kernelItems),
  ];
  const file = { path: `kernels.${unit ?? "base"}.cpp`, text: printFile(items), part: "kernels" } as const;
  return [unit === undefined ? file : { ...file, unit }];
}

/** One kernel with its launcher, as they stand in the library's files. */
export function emitKernelCpu(proved: ProvedKernel): string {
  return [printFile(kernelItems(proved)), printFile(launchItems(proved))].join("\n");
}

/** What stands of a kernel among the kernels: its code, and an entry for each index width. */
function kernelItems(proved: ProvedKernel): readonly CItem[] {
  const frame = frameOf(proved.kernel);
  return [...cpuKernelItems(proved, frame), paramsItem(frame), ...runItems(proved, frame)];
}

function launchItems(proved: ProvedKernel): readonly CItem[] {
  return launcherItems(proved, frameOf(proved.kernel), cpuRun(proved));
}

/** The entry of an instance. */
function entryName({ name: kernel }: Kernel, width: 32 | 64): string {
  return `tok_run_${instanceName(kernel, width)}`;
}

function cpuRun({ kernel, widths }: ProvedKernel): RunInstance {
  const runWidth = (width: 32 | 64): CStmt => run(call(entryName(kernel, width), [name("launch")]));
  const [only] = widths;
  const is32 = { kind: "binary", op: "==", left: member(name("launch"), "index_bits"), right: integer(32) } as const;
  const chosen =
    widths.length === 1 && only !== undefined ? [runWidth(only)] : [when(is32, [runWidth(32)], [runWidth(64)])];
  return {
    items: widths.map((width) => fn(type("void"), entryName(kernel, width), [LAUNCH_PARAM], undefined)),
    usesStream: false,
    run: [...chosen, ret(name("TOK_OK"))],
  };
}

const LAUNCH_PARAM = param({ kind: "reference", to: constant(LAUNCH) }, "launch");

/** What a launch's grid and arguments are to the kernel's function. */
function callKernel({ kernel }: ProvedKernel, frame: Frame, own: readonly CExpr[]): readonly CStmt[] {
  const grid = gridAxes(kernel).map((axis) => cast(INDEX, gridEnd(axis)));
  return [
    unpackParams(kernel),
    run(call(templateName(kernel.name), [...paramArgs(kernelParams(frame), name("params")), ...grid, ...own], [INDEX])),
  ];
}

function unpackParams(kernel: Kernel): CStmt {
  const struct = type(paramsStruct(kernel.name), INDEX);
  return declare(constant(struct), "params", call("tok::unpack", [name("launch")], [struct]));
}

const gridEnd = (axis: Axis): CExpr => at(member(name("launch"), "grid"), integer(axis));

/**
 * `<kernel>_run<Index>`: unpacks what the launcher has packed, and runs the blocks. Where threads may share them, `<kernel>_blocks` is
 * what each does.
 */
function runItem(proved: ProvedKernel, frame: Frame): readonly CItem[] {
  const { kernel } = proved;
  const options = { template: ["Index"], specifiers: ["static"] };
  const item = (of: string, params: readonly CParam[], body: readonly CStmt[]): CItem =>
    fn(type("void"), `${kernel.name}_${of}`, [LAUNCH_PARAM, ...params], body, options);
  if (!isShared(kernel)) return [item("run", [], callKernel(proved, frame, []))];
  const dims = workDims(frame).map((one) => frame.names.dim(one));
  return [
    item("blocks", [param(MEMBER, OWN)], callKernel(proved, frame, [name(OWN)])),
    item(
      "run",
      [],
      [
        ...(dims.length === 0 ? [] : [unpackParams(kernel)]),
        ...dims.map((one) => declare(constant(INDEX), one, member(name("params"), one))),
        ...gridAxes(kernel).map((axis) => declare(constant(INDEX), axisName("grid", axis), cast(INDEX, gridEnd(axis)))),
        run(call("tok_share", [...workOf(frame), name("launch"), name(`${kernel.name}_blocks<Index>`)])),
      ],
    ),
  ];
}

function runItems(proved: ProvedKernel, frame: Frame): readonly CItem[] {
  const { kernel, widths } = proved;
  return [
    ...runItem(proved, frame),
    ...widths.map((width) =>
      fn(
        type("void"),
        entryName(kernel, width),
        [LAUNCH_PARAM],
        [run(call(`${kernel.name}_run`, [name("launch")], [INDEX_TYPE[width]]))],
      ),
    ),
  ];
}
