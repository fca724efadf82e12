/** CPU: a library's kernels, launchers and programs as one C++17 file with OpenMP, beside the headers that it includes. */

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
import { INDEX_TYPE, templateName } from "./hip-kernel.ts";
import { kernelParams, paramArgs } from "./kernel-params.ts";
import { LAUNCH, launcherItems, paramsStruct, type RunInstance } from "./launcher.ts";
import type { GeneratedFile, LibrarySpec } from "./library.ts";
import { libraryItems } from "./library-items.ts";
import { SUPPORT_PATH, supportHeader } from "./support-header.ts";

/** `<name>.cpu.cpp`, `<name>.h` and the support header. */
export function emitCpu(spec: LibrarySpec): readonly GeneratedFile[] {
  return [
    { path: `${spec.name}.cpu.cpp`, text: printFile(libraryItems(spec, kernelItems)) },
    emitHeader(spec),
    { path: SUPPORT_PATH, text: supportHeader(spec.kernels) },
  ];
}

/** One kernel with its launcher, as it stands in the library. */
export function emitKernelCpu(proved: ProvedKernel): string {
  return printFile(kernelItems(proved));
}

function kernelItems(proved: ProvedKernel): readonly CItem[] {
  const frame = frameOf(proved.kernel);
  return [...cpuKernelItems(proved, frame), ...launcherItems(proved, frame, cpuRun(proved, frame))];
}

function cpuRun({ kernel, widths }: ProvedKernel, frame: Frame): RunInstance {
  const struct = type(paramsStruct(kernel.name), INDEX);
  const grid = gridAxes(kernel).map((axis) => cast(INDEX, at(member(name("launch"), "grid"), integer(axis))));
  const runner = `${kernel.name}_run`;
  const runWidth = (width: 32 | 64): CStmt => run(call(runner, [name("launch")], [INDEX_TYPE[width]]));
  const [only] = widths;
  const is32 = { kind: "binary", op: "==", left: member(name("launch"), "index_bits"), right: integer(32) } as const;
  const chosen =
    widths.length === 1 && only !== undefined ? [runWidth(only)] : [when(is32, [runWidth(32)], [runWidth(64)])];
  return {
    items: [
      fn(
        type("void"),
        runner,
        [param({ kind: "reference", to: constant(LAUNCH) }, "launch")],
        [
          declare(constant(struct), "params", call("tok::unpack", [name("launch")], [struct])),
          run(call(templateName(kernel.name), [...paramArgs(kernelParams(frame), name("params")), ...grid], [INDEX])),
        ],
        { template: ["Index"], specifiers: ["static"] },
      ),
    ],
    usesStream: false,
    run: [...chosen, ret(name("TOK_OK"))],
  };
}
