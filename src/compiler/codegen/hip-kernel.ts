/**
 * A kernel as HIP device code: a function template over the index type, and one `__global__` function per proved width.
 *
 *   template <typename Index> __device__ void linear_kernel(…, Index B, …) { … }
 *   extern "C" __global__ void linear_i32(…, int32_t B, …) { linear_kernel<int32_t>(…); }
 */

import type { IndexWidth } from "../../ir/kernel/limits.ts";
import type { LocalArray } from "../../ir/kernel/types.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import {
  type CItem,
  type CStmt,
  type CType,
  call,
  cast,
  constant,
  declare,
  fn,
  integer,
  member,
  name,
  run,
  type,
} from "./c-ast.ts";
import { contractComment } from "./contract-comment.ts";
import { axisName, ELEMENT_C, type Frame, INDEX, lowerRow, type Place, sharedAlignment } from "./expr.ts";
import { AXES, kernelParams, paramArgs, paramList, usedAxes } from "./kernel-params.ts";
import { lowerStmts } from "./stmt.ts";

export const INDEX_TYPE: Readonly<Record<IndexWidth, CType>> = { 32: type("int32_t"), 64: type("int64_t") };

/** The name of the template; the instances are `linear_i32` and `linear_i64`. */
export function templateName(kernel: string): string {
  return `${kernel}_kernel`;
}

export function instanceName(kernel: string, width: IndexWidth): string {
  return `${kernel}_i${width}`;
}

export function hipKernelItems(proved: ProvedKernel, frame: Frame): readonly CItem[] {
  const { kernel } = proved;
  const params = kernelParams(frame);
  const place: Place = {
    local: (local) => name(frame.names.value(local)),
    thread: (axis) => name(axisName("thread", axis)),
    block: (axis) => name(axisName("block", axis)),
    array: (array) => name(frame.names.value(array)),
  };
  const body = lowerStmts(kernel.body, {
    frame,
    place,
    stored: new Set(),
    barrier: { block: [run(call("__syncthreads", []))], wave: [run(call("tok_wave_barrier", []))] },
    unroll: [{ kind: "pragma", text: "unroll" }],
    mma: ({ accumulator, a, b }) => [
      run(
        call(
          "tok_mma",
          [accumulator, a, b].map((row) => lowerRow(row, frame, place)),
        ),
      ),
    ],
  });
  const threads = kernel.block.reduce((product, extent) => product * extent, 1n);
  return [
    fn(
      type("void"),
      templateName(kernel.name),
      paramList(params, INDEX),
      [...arrayStmts(frame), ...indexStmts(frame, "block"), ...indexStmts(frame, "thread"), ...body],
      { doc: contractComment(proved), template: ["Index"], specifiers: ["__device__", "__forceinline__"] },
    ),
    ...proved.widths.map((width) =>
      fn(
        type("void"),
        instanceName(kernel.name, width),
        paramList(params, INDEX_TYPE[width]),
        [run(call(templateName(kernel.name), paramArgs(params), [INDEX_TYPE[width]]))],
        {
          specifiers: ['extern "C"', "__global__", { name: "__launch_bounds__", args: [integer(threads)] }],
        },
      ),
    ),
  ];
}

function arrayStmts(frame: Frame): readonly CStmt[] {
  return frame.kernel.arrays
    .filter((array) => frame.used.has(array.name))
    .map((array) =>
      declare(arrayType(array), frame.names.value(array.name), undefined, {
        extents: (array.fragment === undefined ? array.shape : array.shape.slice(0, -1)).map(integer),
        specifiers: array.space === "shared" ? ["__shared__"] : [],
        align: sharedAlignment(array, frame),
      }),
    );
}

/** A fragment's elements are one vector, as matrix instructions take them. */
function arrayType({ element, fragment, shape }: LocalArray): CType {
  return fragment === undefined ? ELEMENT_C[element] : type(`tok_${element}x${shape.at(-1)}`);
}

/** `const Index block_x = (Index)blockIdx.x;` for each axis that the body reads. */
function indexStmts({ kernel }: Frame, of: "thread" | "block"): readonly CStmt[] {
  const used = usedAxes(kernel, of);
  const source = name(of === "thread" ? "threadIdx" : "blockIdx");
  return AXES.filter((axis) => used.has(axis)).map((axis) =>
    declare(constant(INDEX), axisName(of, axis), cast(INDEX, member(source, "xyz".charAt(axis)))),
  );
}
