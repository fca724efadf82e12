import { SIMD_UNITS, type SimdUnit } from "../../ir/kernel/simd.ts";

/** What a CPU has to have for a unit's file, by the names of `-m…` and of the compilers' runtimes. */
export const UNIT_FEATURES: Readonly<Record<SimdUnit, readonly string[]>> = {
  avx512: ["avx512f", "avx512vl", "avx512bw", "avx512dq", "avx2", "fma", "f16c"],
  avx2: ["avx2", "fma", "f16c"],
};

/**
 * The constant text of `tokitai_support.hpp`, on the vector registers of CPUs: rows of f32, one operation on all lanes.
 *
 * `tok_fma` rounds once on each of them: by the instruction where the unit has one, else by `fmaf`.
 */

export const LANES = `
// Rows of f32 in a vector register each.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef float tok_lanes16 __attribute__((vector_size(64)));
typedef float tok_lanes8 __attribute__((vector_size(32)));

// A row that is written lane by lane looks uninitialised to GCC; that each lane is written before it is read is proved.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

template <typename Row>
static inline Row tok_load_lanes(const float *place) {
  Row row;
  __builtin_memcpy(&row, place, sizeof row);
  return row;
}

template <typename Row>
static inline void tok_store_lanes(float *place, const Row &row) {
  __builtin_memcpy(place, &row, sizeof row);
}

// x - 0 is x, -0 and NaN too.
template <typename Row>
static inline Row tok_splat(float value) {
  return value - Row{};
}

template <typename Row>
static inline Row tok_fma(const Row &a, const Row &b, const Row &c) {
  Row result = {};
  for (size_t lane = 0; lane < sizeof(Row) / sizeof(float); ++lane) result[lane] = fmaf(a[lane], b[lane], c[lane]);
  return result;
}

#if defined(__AVX512F__)
template <>
inline tok_lanes16 tok_fma(const tok_lanes16 &a, const tok_lanes16 &b, const tok_lanes16 &c) {
  return (tok_lanes16)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
#endif

#if defined(__FMA__)
template <>
inline tok_lanes8 tok_fma(const tok_lanes8 &a, const tok_lanes8 &b, const tok_lanes8 &c) {
  return (tok_lanes8)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
#endif
`;

/** Rows of halves in memory, each of which becomes the float that it becomes alone, NaN with the same bits (`support-half.ts`). */
export const HALF_LANES = `
// Halves become floats on their way into a register.
template <typename Row, typename Half>
static inline Row tok_widened_lanes(const Half *place) {
  Row row = {};
  for (size_t lane = 0; lane < sizeof(Row) / sizeof(float); ++lane) row[lane] = (float)place[lane];
  return row;
}

// With a mask of all lanes, since GCC takes what the functions without one leave undefined for uninitialised.
#if defined(__AVX512F__)
template <>
inline tok_lanes16 tok_widened_lanes<tok_lanes16>(const tok_half *place) {
  return (tok_lanes16)_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256((const __m256i *)place));
}

template <>
inline tok_lanes16 tok_widened_lanes<tok_lanes16>(const tok_bf16 *place) {
  const __m512i bits = _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256((const __m256i *)place));
  return (tok_lanes16)_mm512_maskz_slli_epi32(0xffff, bits, 16);
}
#endif

#if defined(__F16C__)
template <>
inline tok_lanes8 tok_widened_lanes<tok_lanes8>(const tok_half *place) {
  return (tok_lanes8)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)place));
}
#endif

#if defined(__AVX2__)
template <>
inline tok_lanes8 tok_widened_lanes<tok_lanes8>(const tok_bf16 *place) {
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)place));
  return (tok_lanes8)_mm256_slli_epi32(bits, 16);
}
#endif

template <typename Row>
static inline Row tok_load_lanes(const tok_half *place) {
  return tok_widened_lanes<Row>(place);
}

template <typename Row>
static inline Row tok_load_lanes(const tok_bf16 *place) {
  return tok_widened_lanes<Row>(place);
}
`;

/** Of two rows, what two rows at a distance become: numbers of lanes, those of the second row after those of the first. */
interface Exchange {
  readonly distance: number;
  readonly first: readonly number[];
  readonly second: readonly number[];
}

/**
 * As the units have instructions for it, without a table of lanes: within quarters of four lanes, elements of two rows alternate,
 * and then pairs of elements do, so that a quarter holds one column of four rows; then quarters change places, those at even places
 * before the others.
 */
function exchanges(lanes: number): readonly Exchange[] {
  const quarters = Array.from({ length: lanes / 4 }, (_, quarter) => 4 * quarter);
  const within = (...picked: readonly number[]): readonly number[] =>
    quarters.flatMap((quarter) => picked.map((lane) => quarter + lane));
  const whole = (parity: number): readonly number[] =>
    [0, lanes].flatMap((row) =>
      quarters
        .filter((_, place) => place % 2 === parity)
        .flatMap((quarter) => [0, 1, 2, 3].map((k) => row + quarter + k)),
    );
  const distances = lanes === 16 ? [4, 8] : [4];
  return [
    { distance: 1, first: within(0, lanes, 1, lanes + 1), second: within(2, lanes + 2, 3, lanes + 3) },
    { distance: 2, first: within(0, 1, lanes, lanes + 1), second: within(2, 3, lanes + 2, lanes + 3) },
    ...distances.map((distance) => ({ distance, first: whole(0), second: whole(1) })),
  ];
}

/** The columns of as many rows as a row has lanes; of four neighbouring ones the two in the middle have changed places. */
function transposition(lanes: number): string {
  const steps = exchanges(lanes).map(
    ({ distance, first, second }) => `#pragma GCC unroll ${lanes}
  for (int i = 0; i < ${lanes}; ++i) {
    if (i & ${distance}) continue;
    const tok_lanes${lanes} a = rows[i], b = rows[i + ${distance}];
    rows[i] = TOK_PICK(${lanes}, a, b, ${first.join(", ")});
    rows[i + ${distance}] = TOK_PICK(${lanes}, a, b, ${second.join(", ")});
  }
`,
  );
  return `template <typename From>
static inline void tok_turn(const tok_lanes${lanes} *, float *to, int64_t to_stride, const From *from, int64_t from_stride) {
  tok_lanes${lanes} rows[${lanes}];
  // Of long rows a part at a time is turned around, between which there is other work: what is next comes meanwhile.
  if (from_stride >= TOK_LONG_ROW) {
#pragma GCC unroll ${lanes}
    for (int i = 0; i < ${lanes}; ++i) __builtin_prefetch(from + i * from_stride + TOK_NEXT_PART, 0, 2);
  }
#pragma GCC unroll ${lanes}
  for (int i = 0; i < ${lanes}; ++i) rows[i] = tok_load_lanes<tok_lanes${lanes}>(from + i * from_stride);
${steps.join("")}#pragma GCC unroll ${lanes}
  for (int i = 0; i < ${lanes}; ++i) {
    const int column = (i & ~3) | (i & 1) << 1 | (i & 2) >> 1;
    tok_store_lanes(to + column * to_stride, rows[i]);
  }
}
`;
}

/** to[v * to_stride + u] = from[u * from_stride + v] for all lanes u and v, from floats of any format. */
export const TRANSPOSITION = `
#if defined(__clang__)
#define TOK_PICK(lanes, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define TOK_PICK(lanes, a, b, ...) __builtin_shuffle(a, b, tok_ints<tok_lanes##lanes>::type{__VA_ARGS__})
#endif

// In elements: the rows for which it is worth asking ahead, and how far, which is as many as products turn at a time.
#define TOK_LONG_ROW 512
#define TOK_NEXT_PART 128

template <typename Row, typename From>
static inline void tok_turn(const Row *, float *to, int64_t to_stride, const From *from, int64_t from_stride) {
  const int lanes = sizeof(Row) / sizeof(float);
  for (int u = 0; u < lanes; ++u) {
    for (int v = 0; v < lanes; ++v) to[v * to_stride + u] = (float)from[u * from_stride + v];
  }
}

#if defined(__AVX512F__)
${transposition(16)}#endif

#if defined(__AVX__)
${transposition(8)}#endif

// By the function for the row, which a pointer to none names.
template <typename Row, typename From>
static inline void tok_transpose(float *to, int64_t to_stride, const From *from, int64_t from_stride) {
  tok_turn((const Row *)nullptr, to, to_stride, from, from_stride);
}
`;

/**
 * In the namespace `tok`: which units the CPU has, and which of them programs use: all but those wider than the one that
 * `TOKITAI_VECTOR_UNIT` names, to measure one unit against another.
 */
export const UNITS = `
// Whether programs may use the unit: TOKITAI_VECTOR_UNIT names the widest that they may, or none.
inline bool allows(const char *unit) {
  const char *widest = getenv("TOKITAI_VECTOR_UNIT");
  bool reached = widest == nullptr;
  for (const char *one : {${SIMD_UNITS.map((unit) => `"${unit}"`).join(", ")}}) {
    reached = reached || strcmp(one, widest) == 0;
    if (strcmp(one, unit) == 0) break;
  }
  return reached;
}

${SIMD_UNITS.map(
  (unit) => `inline bool has_${unit}() {
#if defined(__x86_64__)
  return ${UNIT_FEATURES[unit].map((feature) => `__builtin_cpu_supports("${feature}")`).join(" &&\n         ")};
#else
  return false;
#endif
}

inline bool uses_${unit}() {
  static const bool uses = has_${unit}() && allows("${unit}");
  return uses;
}
`,
).join("\n")}`;
