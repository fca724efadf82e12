/** What a library's C++ file holds on every target: includes, the functions of the library, kernels, then programs. */

import type { ProvedKernel } from "../../verify/certificate.ts";
import { type CItem, call, constant, fn, name, param, pointer, ret, type } from "./c-ast.ts";
import { dispatchItems } from "./launch-steps.ts";
import { STATUS } from "./launcher.ts";
import { checkLibrary, type LibrarySpec } from "./library.ts";
import { programItems } from "./program.ts";
import { SUPPORT_PATH } from "./support-header.ts";

export function libraryItems(
  spec: LibrarySpec,
  kernelItems: (proved: ProvedKernel) => readonly CItem[],
): readonly CItem[] {
  checkLibrary(spec);
  return [
    { kind: "include", path: `${spec.name}.h`, system: false },
    { kind: "include", path: SUPPORT_PATH, system: false },
    fn(type("uint32_t"), "tok_abi_version", [], [ret(name("TOK_ABI_VERSION"))], {
      specifiers: ['extern "C"'],
      c: true,
    }),
    fn(pointer(constant(type("char"))), "tok_last_error", [], [ret(name("tok::error_text"))], {
      specifiers: ['extern "C"'],
      c: true,
    }),
    fn(
      STATUS,
      "tok_set_device",
      [param(pointer(constant(type("tok_device"))), "device")],
      [ret(call("tok::set_device", [name("device")]))],
      { specifiers: ['extern "C"'] },
    ),
    fn(
      type("uint64_t"),
      "tok_trace",
      [param(pointer(type("double")), "times"), param(type("uint64_t"), "launches")],
      [ret(call("tok::set_trace", [name("times"), name("launches")]))],
      { specifiers: ['extern "C"'] },
    ),
    ...spec.kernels.flatMap(kernelItems),
    ...dispatchItems(spec),
    ...spec.plans.flatMap((plan) => programItems(plan, spec)),
  ];
}
