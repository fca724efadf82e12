// What the emulator does not model, one kernel each.
#include <hip/hip_runtime.h>

extern "C" __global__ void returning(int *counter, int *out) { out[threadIdx.x] = atomicAdd(counter, 1); }
extern "C" __global__ void mode(int *counter, int *out) {
#ifdef __HIP_DEVICE_COMPILE__
  int value;
  asm volatile("s_getreg_b32 %0, hwreg(HW_REG_MODE)" : "=s"(value));
  out[threadIdx.x] = value;
#endif
}
__device__ __attribute__((noinline)) int twice(int value) { asm volatile(""); return value * 2; }
extern "C" __global__ void calling(int *counter, int *out) { out[threadIdx.x] = twice(out[threadIdx.x]); }
