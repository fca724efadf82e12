/**
 * A stand-in for the HIP runtime, in a header of the same name: the generated HIP text is compiled with it by g++, and
 * its kernels run on the host, thread after thread. That suffices for kernels without barriers and for everything that
 * a launcher does.
 *
 * It notes each call of the runtime in order, and fails the call that a test names.
 */

import type { Kernel } from "../../src/ir/kernel/types.ts";

/** The header `hip/hip_runtime.h`. */
export const HIP_STUB = `#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#define __HIPCC__ 1
#define __host__
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __HIP_MEMORY_SCOPE_AGENT 0
#define __HIP_MEMORY_SCOPE_WORKGROUP 0
#define __hip_atomic_fetch_add(place, value, order, scope) (*(place) += (value))
#define __hip_atomic_fetch_min(place, value, order, scope) (*(place) = *(place) < (value) ? *(place) : (value))
#define __hip_atomic_fetch_max(place, value, order, scope) (*(place) = *(place) > (value) ? *(place) : (value))
#define __builtin_amdgcn_fence(order, scope)
#define __builtin_amdgcn_wave_barrier()

struct dim3 {
  uint32_t x, y, z;
  dim3(uint32_t x_, uint32_t y_, uint32_t z_) : x(x_), y(y_), z(z_) {}
};
inline thread_local dim3 threadIdx(0, 0, 0);
inline thread_local dim3 blockIdx(0, 0, 0);

enum hipError_t { hipSuccess, hipErrorStub };
enum hipMemcpyKind { hipMemcpyDeviceToHost };
typedef struct stub_stream *hipStream_t;

// What was called, in order, and which call is to fail.
inline std::string stub_log;
inline std::string stub_failing;
inline int stub_device = 0;

inline hipError_t stub_note(const char *call, hipStream_t stream = nullptr) {
  stub_log += call;
  if (stream != nullptr) stub_log += "@" + std::to_string((uintptr_t)stream);
  stub_log += " ";
  return stub_failing == call ? hipErrorStub : hipSuccess;
}

inline const char *hipGetErrorString(hipError_t) { return "a failure of the stub"; }
inline hipError_t hipGetDevice(int *device) {
  *device = stub_device;
  return stub_failing == "device" ? hipErrorStub : hipSuccess;
}
inline hipError_t hipMalloc(void **data, size_t bytes) {
  const hipError_t error = stub_note("malloc");
  *data = error == hipSuccess ? malloc(bytes) : nullptr;
  return error;
}
inline hipError_t hipFree(void *data) {
  free(data);
  return stub_note("free");
}
inline hipError_t hipMemsetAsync(void *data, int value, size_t bytes, hipStream_t stream) {
  memset(data, value, bytes);
  return stub_note("memset", stream);
}
inline hipError_t hipMemcpyAsync(void *to, const void *from, size_t bytes, hipMemcpyKind, hipStream_t stream) {
  memcpy(to, from, bytes);
  return stub_note("memcpy", stream);
}
inline hipError_t hipStreamSynchronize(hipStream_t stream) { return stub_note("synchronize", stream); }
hipError_t hipLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **params, size_t shared, hipStream_t stream);
`;

/** What a test calls beside the library: the log of the last calls, and the call that is to fail. */
const CONTROLS = `
extern "C" __attribute__((visibility("default"))) const char *stub_calls() {
  static std::string last;
  last = stub_log;
  stub_log.clear();
  return last.c_str();
}
extern "C" __attribute__((visibility("default"))) void stub_set(const char *failing, int device) {
  stub_failing = failing;
  stub_device = device;
}
`;

const POINTEE = {
  f32: "float",
  f16: "tok_half",
  bf16: "tok_bf16",
  i32: "int32_t",
  u32: "uint32_t",
  i64: "int64_t",
} as const;

/** `hipLaunchKernel`, which knows the 64-bit instances of these kernels: to be put after the generated text. */
export function launchStub(kernels: readonly Kernel[]): string {
  const cases = kernels.map(({ name, params, dims }) => {
    const types = [
      ...params.flatMap((param) =>
        param.kind === "tensor" ? [`${param.role === "input" ? "const " : ""}${POINTEE[param.element]} *`] : [],
      ),
      ...dims.map(() => "int64_t"),
      ...params.flatMap((param) => (param.kind === "scalar" ? [param.element === "f32" ? "float" : "int64_t"] : [])),
    ];
    const args = types.map((type, position) => `*(${type} *)params[${position}]`).join(", ");
    return `      if (kernel == (const void *)${name}_i64) ${name}_i64(${args});`;
  });
  return `${CONTROLS}
hipError_t hipLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **params, size_t, hipStream_t stream) {
  const hipError_t error = stub_note("launch", stream);
  if (error != hipSuccess) return error;
  for (uint32_t b = 0; b < grid.x * grid.y * grid.z; ++b) {
    for (uint32_t t = 0; t < block.x * block.y * block.z; ++t) {
      blockIdx = dim3(b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y);
      threadIdx = dim3(t % block.x, t / block.x % block.y, t / block.x / block.y);
${cases.join("\n")}
    }
  }
  return hipSuccess;
}
`;
}
