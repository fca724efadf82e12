/**
 * The constant text of `tokitai_support.hpp`, on fragments: how a lane loads its part of a tile, and what multiplies two.
 *
 * On the GPU a lane's part is a vector, and each family's builtin multiplies; the functions stand where a family's code is
 * compiled, and on the host, which only has to know their names. On the CPU the parts of all threads of a block lie in one
 * array, and the layouts come from the table that proofs use.
 */

import { FRAGMENT, MATRIX_LAYOUTS, MATRIX_UNITS, type MatrixUnit } from "../../ir/kernel/matrix.ts";
import { TARGETS } from "../targets.ts";

/** Where a unit's code is compiled, by the macros that clang defines for architectures, and on the host. */
function compiledFor(unit: MatrixUnit): string {
  const macros = TARGETS.filter(({ matrixUnit }) => matrixUnit === unit).map(
    ({ architecture }) => `defined(__${architecture}__)`,
  );
  return `#if !defined(__HIP_DEVICE_COMPILE__) || ${macros.join(" || ")}`;
}

const LAYOUTS = MATRIX_UNITS.map((unit) => {
  const { lanes, operandElements, operandStride, accumulatorElements, rowStep, rowStride } = MATRIX_LAYOUTS[unit];
  return `struct tok_${unit} {
  static constexpr int lanes = ${lanes}, operand = ${operandElements}, operand_stride = ${operandStride};
  static constexpr int accumulator = ${accumulatorElements}, row_step = ${rowStep}, row_stride = ${rowStride};
};
`;
}).join("");

export const MATRIX = `
// Fragments: 16 x 16 parts of matrices that the lanes of a wave hold together.
#if defined(__HIPCC__)
typedef _Float16 tok_f16x4 __attribute__((ext_vector_type(4)));
typedef _Float16 tok_f16x8 __attribute__((ext_vector_type(8)));
typedef _Float16 tok_f16x16 __attribute__((ext_vector_type(16)));
// Matrix instructions take the bits of bf16 as integers.
typedef short tok_bf16x4 __attribute__((ext_vector_type(4)));
typedef short tok_bf16x8 __attribute__((ext_vector_type(8)));
typedef short tok_bf16x16 __attribute__((ext_vector_type(16)));
typedef float tok_f32x4 __attribute__((ext_vector_type(4)));
typedef float tok_f32x8 __attribute__((ext_vector_type(8)));

template <int Words>
struct tok_words {
  typedef uint32_t type __attribute__((ext_vector_type(Words), may_alias));
};

// The lane's elements, in accesses of at most 16 bytes. Words, since a vector of halves is taken apart and put together
// again by some compilers.
template <typename Fragment, typename Element>
__device__ inline void tok_load_fragment(Fragment &fragment, const Element *place) {
  constexpr int words = sizeof(Fragment) / 4;
  constexpr int at_once = words < 4 ? words : 4;
  typedef typename tok_words<at_once>::type Part;
  typename tok_words<words>::type all;
  for (int i = 0; i < words; i += at_once) {
    const Part part = ((const Part *)place)[i / at_once];
    for (int j = 0; j < at_once; ++j) all[i + j] = part[j];
  }
  fragment = __builtin_bit_cast(Fragment, all);
}

// accumulator += a * b
${compiledFor("gfx11")}
__device__ inline void tok_mma(tok_f32x8 &accumulator, const tok_f16x16 &a, const tok_f16x16 &b) {
  accumulator = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(a, b, accumulator);
}

__device__ inline void tok_mma(tok_f32x8 &accumulator, const tok_bf16x16 &a, const tok_bf16x16 &b) {
  accumulator = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(a, b, accumulator);
}
#endif
#if __clang_major__ >= 19
${compiledFor("gfx12")}
__device__ inline void tok_mma(tok_f32x8 &accumulator, const tok_f16x8 &a, const tok_f16x8 &b) {
  accumulator = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32_gfx12(a, b, accumulator);
}

__device__ inline void tok_mma(tok_f32x8 &accumulator, const tok_bf16x8 &a, const tok_bf16x8 &b) {
  accumulator = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32_gfx12(a, b, accumulator);
}
#endif
#endif
${compiledFor("cdna")}
__device__ inline void tok_mma(tok_f32x4 &accumulator, const tok_f16x4 &a, const tok_f16x4 &b) {
  accumulator = __builtin_amdgcn_mfma_f32_16x16x16f16(a, b, accumulator, 0, 0, 0);
}

__device__ inline void tok_mma(tok_f32x4 &accumulator, const tok_bf16x4 &a, const tok_bf16x4 &b) {
  accumulator = __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(a, b, accumulator, 0, 0, 0);
}

// Element e of all lanes is a quarter of k, in an order of its own that both operands share.
__device__ inline void tok_mma(tok_f32x4 &accumulator, const tok_f32x4 &a, const tok_f32x4 &b) {
  for (int e = 0; e < 4; ++e) {
    accumulator = __builtin_amdgcn_mfma_f32_16x16x4f32(a[e], b[e], accumulator, 0, 0, 0);
  }
}
#endif
#else
${LAYOUTS}
template <typename Element, int Elements>
static inline void tok_load_fragment(Element (&fragment)[Elements], const Element *place) {
  for (int e = 0; e < Elements; ++e) fragment[e] = place[e];
}

// accumulator += a * b for all waves of a block. Each pointer is to the row of thread 0; that of the next thread begins
// so many elements on.
template <typename Unit, typename Element>
static inline void tok_mma(int threads, float *accumulator, int accumulator_size, const Element *a, int a_size,
                    const Element *b, int b_size) {
  constexpr int size = ${FRAGMENT};
  for (int wave = 0; wave < threads; wave += Unit::lanes) {
    float rows[size][size], columns[size][size];
    for (int lane = 0; lane < Unit::lanes; ++lane) {
      for (int e = 0; e < Unit::operand; ++e) {
        const int k = Unit::operand_stride * (lane / size) + e;
        rows[lane % size][k] = (float)a[(wave + lane) * a_size + e];
        columns[lane % size][k] = (float)b[(wave + lane) * b_size + e];
      }
    }
    for (int lane = 0; lane < Unit::lanes; ++lane) {
      for (int e = 0; e < Unit::accumulator; ++e) {
        const int row = Unit::row_step * e + Unit::row_stride * (lane / size);
        float sum = accumulator[(wave + lane) * accumulator_size + e];
        for (int k = 0; k < size; ++k) sum = fmaf(rows[row][k], columns[lane % size][k], sum);
        accumulator[(wave + lane) * accumulator_size + e] = sum;
      }
    }
  }
}
#endif
`;
