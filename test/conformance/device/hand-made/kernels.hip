// Each matrix instruction with an accumulator from a register (`…_sum`) and with none (`…_product`): fragments as they lie in
// memory, a lane's elements together; of C the elements of all lanes together (clang 15 crashes on a vector load of an accumulator).
#include <hip/hip_runtime.h>

#define VECTOR(NAME, TYPE, SIZE) typedef TYPE NAME __attribute__((ext_vector_type(SIZE)))
VECTOR(half4, _Float16, 4);
VECTOR(half8, _Float16, 8);
VECTOR(half16, _Float16, 16);
VECTOR(bf4, short, 4);
VECTOR(bf8, short, 8);
VECTOR(bf16, short, 16);
VECTOR(f4, float, 4);
VECTOR(f8, float, 8);
VECTOR(f16, float, 16);

// The host, which only names the kernels, sees every one.
#ifdef __HIP_DEVICE_COMPILE__
#define BODY(...) __VA_ARGS__
#else
#define BODY(...)
#endif

#define KERNELS(NAME, INPUT, RESULT, SIZE, CALL)                                                              \
  extern "C" __global__ void NAME##_sum(const INPUT *a, const INPUT *b, const float *c, RESULT *d, int start) { \
    BODY(const int lane = threadIdx.x; const INPUT x = a[lane], y = b[lane]; RESULT z;                          \
         for (int i = 0; i < SIZE; ++i) z[i] = c[i * warpSize + lane]; d[lane] = CALL;)                           \
  }                                                                                                            \
  extern "C" __global__ void NAME##_product(const INPUT *a, const INPUT *b, const float *c, RESULT *d, int start) { \
    BODY(const int lane = threadIdx.x; const INPUT x = a[lane], y = b[lane]; const RESULT z = {}; d[lane] = CALL;) \
  }                                                                                                            \
  extern "C" __global__ void NAME##_some_lanes(const INPUT *a, const INPUT *b, const float *c, RESULT *d, int start) { \
    BODY(const int lane = threadIdx.x; const INPUT x = a[lane], y = b[lane]; const RESULT z = {};                 \
         if (lane >= start) d[lane] = CALL;)                                                                     \
  }

#if defined(__HIP_DEVICE_COMPILE__) && (defined(__gfx1200__) || defined(__gfx1201__))
KERNELS(wmma_f16, half8, f8, 8, __builtin_amdgcn_wmma_f32_16x16x16_f16_w32_gfx12(x, y, z))
KERNELS(wmma_bf16, bf8, f8, 8, __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32_gfx12(x, y, z))
#elif !defined(__HIP_DEVICE_COMPILE__) || defined(__gfx1100__) || defined(__gfx1101__)
KERNELS(wmma_f16, half16, f8, 8, __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(x, y, z))
KERNELS(wmma_bf16, bf16, f8, 8, __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(x, y, z))
#endif
#if !defined(__HIP_DEVICE_COMPILE__) || defined(__gfx90a__) || defined(__gfx942__)
KERNELS(mfma16_f16, half4, f4, 4, __builtin_amdgcn_mfma_f32_16x16x16f16(x, y, z, 0, 0, 0))
KERNELS(mfma16_bf16, bf4, f4, 4, __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(x, y, z, 0, 0, 0))
KERNELS(mfma16_f32, float, f4, 4, __builtin_amdgcn_mfma_f32_16x16x4f32(x, y, z, 0, 0, 0))
KERNELS(mfma32_f16, half4, f16, 16, __builtin_amdgcn_mfma_f32_32x32x8f16(x, y, z, 0, 0, 0))
KERNELS(mfma32_bf16, bf4, f16, 16, __builtin_amdgcn_mfma_f32_32x32x8bf16_1k(x, y, z, 0, 0, 0))
KERNELS(mfma32_f32, float, f16, 16, __builtin_amdgcn_mfma_f32_32x32x2f32(x, y, z, 0, 0, 0))
#endif
