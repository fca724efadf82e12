/**
 * CPU: a library's kernels, launchers and programs as C++17 with OpenMP, beside the headers that it includes.
 *
 * Instances for a vector unit stand in a file of their own, which is compiled for that unit: `<name>.avx512.cpp`. They are called
 * where the CPU has it, and nothing else in the library is compiled so, since it runs on any CPU.
 */

import { SIMD_UNITS, type SimdUnit } from "../../ir/kernel/simd.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import {
  at,
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
  ret,
  run,
  type,
  when,
} from "./c-ast.ts";
import { printFile } from "./c-print.ts";
import { cpuKernelItems, gridAxes } from "./cpu-kernel.ts";
import { type Frame, frameOf, INDEX } from "./expr.ts";
import { emitHeader } from "./header.ts";
import { INDEX_TYPE, instanceName, templateName } from "./hip-kernel.ts";
import { kernelParams, paramArgs } from "./kernel-params.ts";
import { LAUNCH, launcherItems, paramsItem, paramsStruct, type RunInstance } from "./launcher.ts";
import type { GeneratedFile, LibrarySpec } from "./library.ts";
import { libraryItems } from "./library-items.ts";
import { SUPPORT_PATH, supportHeader } from "./support-header.ts";

/** `<name>.cpu.cpp`, a file for each vector unit, `<name>.h` and the support header. */
export function emitCpu(spec: LibrarySpec): readonly GeneratedFile[] {
  return [
    { path: `${spec.name}.cpu.cpp`, text: printFile(libraryItems(spec, kernelItems)) },
    ...SIMD_UNITS.flatMap((unit) => unitFile(spec, unit)),
    emitHeader(spec),
    { path: SUPPORT_PATH, text: supportHeader(spec.kernels) },
  ];
}

/** The file that is compiled for a vector unit; none where no kernel is for it. */
function unitFile(spec: LibrarySpec, unit: SimdUnit): readonly GeneratedFile[] {
  const kernels = spec.kernels.filter(({ kernel }) => kernel.simd === unit);
  if (kernels.length === 0) return [];
  const items: readonly CItem[] = [
    { kind: "include", path: `${spec.name}.h`, system: false },
    { kind: "include", path: SUPPORT_PATH, system: false },
    ...kernels.flatMap(unitItems),
  ];
  return [{ path: `${spec.name}.${unit}.cpp`, text: printFile(items), unit }];
}

/** What stands of a kernel in the file of its unit: its code, and an entry for each index width. */
function unitItems(proved: ProvedKernel): readonly CItem[] {
  const frame = frameOf(proved.kernel);
  return [...cpuKernelItems(proved, frame), paramsItem(frame), ...runItems(proved, frame)];
}

/** One kernel with its launcher, as they stand in the library. */
export function emitKernelCpu(proved: ProvedKernel): string {
  const unit = proved.kernel.simd === undefined ? [] : [printFile(unitItems(proved))];
  return [...unit, printFile(kernelItems(proved))].join("\n");
}

function kernelItems(proved: ProvedKernel): readonly CItem[] {
  const frame = frameOf(proved.kernel);
  const own = proved.kernel.simd === undefined ? cpuKernelItems(proved, frame) : [];
  return [...own, ...launcherItems(proved, frame, cpuRun(proved, frame))];
}

/** The entry of an instance in the file of its unit. */
function entryName({ name: kernel }: Kernel, width: 32 | 64): string {
  return `tok_run_${instanceName(kernel, width)}`;
}

function cpuRun(proved: ProvedKernel, frame: Frame): RunInstance {
  const { kernel, widths } = proved;
  const runWidth = (width: 32 | 64): CStmt =>
    run(
      kernel.simd === undefined
        ? call(`${kernel.name}_run`, [name("launch")], [INDEX_TYPE[width]])
        : call(entryName(kernel, width), [name("launch")]),
    );
  const [only] = widths;
  const is32 = { kind: "binary", op: "==", left: member(name("launch"), "index_bits"), right: integer(32) } as const;
  const chosen =
    widths.length === 1 && only !== undefined ? [runWidth(only)] : [when(is32, [runWidth(32)], [runWidth(64)])];
  const entries = widths.map((width) => fn(type("void"), entryName(kernel, width), [LAUNCH_PARAM], undefined));
  return {
    items: kernel.simd === undefined ? [runItem(proved, frame)] : entries,
    usesStream: false,
    run: [...chosen, ret(name("TOK_OK"))],
  };
}

const LAUNCH_PARAM = param({ kind: "reference", to: constant(LAUNCH) }, "launch");

/** `<kernel>_run<Index>`: unpacks what the launcher has packed, and runs the blocks. */
function runItem({ kernel }: ProvedKernel, frame: Frame): CItem {
  const struct = type(paramsStruct(kernel.name), INDEX);
  const grid = gridAxes(kernel).map((axis) => cast(INDEX, at(member(name("launch"), "grid"), integer(axis))));
  return fn(
    type("void"),
    `${kernel.name}_run`,
    [LAUNCH_PARAM],
    [
      declare(constant(struct), "params", call("tok::unpack", [name("launch")], [struct])),
      run(call(templateName(kernel.name), [...paramArgs(kernelParams(frame), name("params")), ...grid], [INDEX])),
    ],
    { template: ["Index"], specifiers: ["static"] },
  );
}

function runItems(proved: ProvedKernel, frame: Frame): readonly CItem[] {
  const { kernel, widths } = proved;
  return [
    runItem(proved, frame),
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
