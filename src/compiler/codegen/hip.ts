/** HIP: a library's kernels, launchers and programs as one C++ file for hipcc, beside the headers that it includes. */

import type { ProvedKernel } from "../../verify/certificate.ts";
import {
  braces,
  type CItem,
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
  type,
  unary,
  when,
} from "./c-ast.ts";
import { printFile } from "./c-print.ts";
import { type Frame, frameOf, INDEX } from "./expr.ts";
import { emitHeader } from "./header.ts";
import { hipKernelItems, INDEX_TYPE, instanceName } from "./hip-kernel.ts";
import { kernelParams } from "./kernel-params.ts";
import { LAUNCH, launcherItems, paramsStruct, type RunInstance, STATUS, STREAM } from "./launcher.ts";
import type { GeneratedFile, LibrarySpec } from "./library.ts";
import { libraryItems } from "./library-items.ts";
import { SUPPORT_PATH, supportHeader } from "./support-header.ts";

/** `<name>.hip.cpp`, `<name>.h` and the support header. */
export function emitHip(spec: LibrarySpec): readonly GeneratedFile[] {
  const items: readonly CItem[] = [
    { kind: "include", path: "hip/hip_runtime.h", system: true },
    ...libraryItems(spec, kernelItems),
  ];
  return [
    { path: `${spec.name}.hip.cpp`, text: printFile(items) },
    emitHeader(spec),
    { path: SUPPORT_PATH, text: supportHeader(spec.kernels) },
  ];
}

/** One kernel with its launcher, as it stands in the library. */
export function emitKernelHip(proved: ProvedKernel): string {
  return printFile(kernelItems(proved));
}

function kernelItems(proved: ProvedKernel): readonly CItem[] {
  const frame = frameOf(proved.kernel);
  return [...hipKernelItems(proved, frame), ...launcherItems(proved, frame, hipRun(proved, frame))];
}

/** hipLaunchKernel takes a pointer to each argument. */
function hipRun({ kernel, widths }: ProvedKernel, frame: Frame): RunInstance {
  const struct = type(paramsStruct(kernel.name), INDEX);
  const list = kernelParams(frame).map(({ name: text }) => unary("&", member(name("params"), text)));
  const runner = `${kernel.name}_run`;
  const run = (width: 32 | 64) => {
    const symbol = cast(pointer(constant(type("void"))), name(instanceName(kernel.name, width)));
    return ret(call(runner, [symbol, name("launch"), name("stream")], [INDEX_TYPE[width]]));
  };
  const [only] = widths;
  const is32 = { kind: "binary", op: "==", left: member(name("launch"), "index_bits"), right: integer(32) } as const;
  const instances = widths.length === 1 && only !== undefined ? [run(only)] : [when(is32, [run(32)]), run(64)];
  return {
    items: [
      fn(
        STATUS,
        runner,
        [
          param(pointer(constant(type("void"))), "kernel"),
          param({ kind: "reference", to: constant(LAUNCH) }, "launch"),
          param(STREAM, "stream"),
        ],
        [
          declare(struct, "params", call("tok::unpack", [name("launch")], [struct])),
          declare(pointer(type("void")), "pointers", braces(list), { extents: [integer(list.length)] }),
          ret(
            call("tok::launch_hip", [
              { kind: "string", value: kernel.name },
              name("kernel"),
              name("launch"),
              name("pointers"),
              name("stream"),
            ]),
          ),
        ],
        { template: ["Index"], specifiers: ["static"] },
      ),
    ],
    usesStream: true,
    run: instances,
  };
}
