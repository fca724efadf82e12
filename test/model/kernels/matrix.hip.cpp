// y[b,k] = sum over n of x[b,n] * w[k,n] on matrix cores, for b, k and n that are multiples of the tiles: 64 x 128 elements per
// block of four waves, 32 x 64 of each, halves of both factors in shared memory, the next tile fetched while one is in use.

#include <hip/hip_runtime.h>

typedef _Float16 half8 __attribute__((ext_vector_type(8)));
typedef _Float16 half4 __attribute__((ext_vector_type(4)));
typedef _Float16 half16 __attribute__((ext_vector_type(16)));
typedef int int4v __attribute__((ext_vector_type(4)));
typedef int int8v __attribute__((ext_vector_type(8)));
typedef float float8 __attribute__((ext_vector_type(8)));
typedef float float4v __attribute__((ext_vector_type(4)));

#define ROWS 64
#define COLUMNS 128
#define DEPTH 32
#define ROW (DEPTH + 8)

#if defined(__gfx1100__) || defined(__gfx1101__)
#define LANES 32
typedef float8 Sum;
#else
#define LANES 64
typedef float4v Sum;
#endif
#define THREADS (4 * LANES)
// Sixteen halves at an address that is a multiple of 16 bytes, as whole words: clang 15 takes vectors of halves apart.
static __device__ inline half16 fragment(const _Float16 *from) {
  const int4v low = *(const int4v *)from, high = *(const int4v *)(from + 8);
  const int8v words = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
  return __builtin_bit_cast(half16, words);
}

// Vectors of eight halves that each thread fetches of the tiles.
#define FETCHES_X (ROWS * DEPTH / 8 / THREADS)
#define FETCHES_W (COLUMNS * DEPTH / 8 / THREADS)

// No larger, since on gfx1101 clang 15 gives no kernel more than 128 registers, and spills what is beyond.
extern "C" __global__ __launch_bounds__(THREADS) void matrix_i32(const _Float16 *x, const _Float16 *w, float *y, int N, int K) {
  __shared__ __attribute__((aligned(16))) _Float16 xs[ROWS][ROW];
  __shared__ __attribute__((aligned(16))) _Float16 ws[COLUMNS][ROW];
  const int t = threadIdx.x, lane = t % LANES, wave = t / LANES;
  const int row = (wave / 2) * 32, column = (wave % 2) * 64;
  const _Float16 *xb = x + (long)blockIdx.x * ROWS * N, *wb = w + (long)blockIdx.y * COLUMNS * N;
  Sum acc[2][4] = {};
  half8 nextX[FETCHES_X], nextW[FETCHES_W];
#pragma unroll
  for (int f = 0; f < FETCHES_X; f++) {
    const int at = f * THREADS + t;
    nextX[f] = *(const half8 *)(xb + (long)(at / 4) * N + at % 4 * 8);
  }
#pragma unroll
  for (int f = 0; f < FETCHES_W; f++) {
    const int at = f * THREADS + t;
    nextW[f] = *(const half8 *)(wb + (long)(at / 4) * N + at % 4 * 8);
  }
  for (int n0 = 0; n0 < N; n0 += DEPTH) {
#pragma unroll
    for (int f = 0; f < FETCHES_X; f++) {
      const int at = f * THREADS + t;
      *(half8 *)&xs[at / 4][at % 4 * 8] = nextX[f];
    }
#pragma unroll
    for (int f = 0; f < FETCHES_W; f++) {
      const int at = f * THREADS + t;
      *(half8 *)&ws[at / 4][at % 4 * 8] = nextW[f];
    }
    __syncthreads();
    const int next = n0 + DEPTH < N ? n0 + DEPTH : n0;
#pragma unroll
    for (int f = 0; f < FETCHES_X; f++) {
      const int at = f * THREADS + t;
      nextX[f] = *(const half8 *)(xb + (long)(at / 4) * N + next + at % 4 * 8);
    }
#pragma unroll
    for (int f = 0; f < FETCHES_W; f++) {
      const int at = f * THREADS + t;
      nextW[f] = *(const half8 *)(wb + (long)(at / 4) * N + next + at % 4 * 8);
    }
#pragma unroll
    for (int n = 0; n < DEPTH; n += 16) {
#if LANES == 32
      half16 a[2], b[4];
#pragma unroll
      for (int i = 0; i < 2; i++) a[i] = fragment(&xs[row + i * 16 + lane % 16][n]);
#pragma unroll
      for (int i = 0; i < 4; i++) b[i] = fragment(&ws[column + i * 16 + lane % 16][n]);
#pragma unroll
      for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) acc[i][j] = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(a[i], b[j], acc[i][j]);
#else
      half4 a[2], b[4];
#pragma unroll
      for (int i = 0; i < 2; i++) a[i] = *(const half4 *)&xs[row + i * 16 + lane % 16][n + lane / 16 * 4];
#pragma unroll
      for (int i = 0; i < 4; i++) b[i] = *(const half4 *)&ws[column + i * 16 + lane % 16][n + lane / 16 * 4];
#pragma unroll
      for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) acc[i][j] = __builtin_amdgcn_mfma_f32_16x16x16f16(a[i], b[j], acc[i][j], 0, 0, 0);
#endif
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 2; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < sizeof(Sum) / sizeof(float); e++) {
        const int inner = LANES == 32 ? 2 * e + lane / 16 : lane / 16 * 4 + e;
        const int b = blockIdx.x * ROWS + row + i * 16 + inner, k = blockIdx.y * COLUMNS + column + j * 16 + lane % 16;
        y[(long)b * K + k] = acc[i][j][e];
      }
}
