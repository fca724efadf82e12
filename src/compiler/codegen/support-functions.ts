/**
 * The constant text of `tokitai_support.hpp`, on functions of all lanes of a row: `exp`, `erf`, `tanh`, `sqrt` and the like.
 *
 * Each argument is brought into a range where a polynomial is near the function; `bench/ulp/fit.py` makes the coefficients.
 * Errors in units of the last place, over all f32, are in docs/benchmarks.md (`npm run bench:ulp`); docs/language.md
 * states what they keep to. NaN gives NaN, and infinities what their limits are.
 */

import { PIECEWISE } from "./support-pieces.ts";

export const FUNCTIONS = `
// The integers of the lanes, of which comparisons make masks.
template <typename Row>
struct tok_ints;

template <>
struct tok_ints<tok_lanes16> {
  typedef int32_t type __attribute__((vector_size(64)));
};

template <>
struct tok_ints<tok_lanes8> {
  typedef int32_t type __attribute__((vector_size(32)));
};

// 2^power for -127 < power < 128.
template <typename Row, typename Ints>
static inline Row tok_power_of_two(const Ints &power) {
  return (Row)((power + 127) << 23);
}

// e^x = 2^n e^r with n the integer nearest to x / ln 2, which is split so that no step overflows before its time.
template <typename Row>
static inline Row tok_exp(const Row &x) {
  typedef typename tok_ints<Row>::type Ints;
  const Row low = x < -104.0f ? tok_splat<Row>(-104.0f) : x;
  const Row bounded = low > 89.0f ? tok_splat<Row>(89.0f) : low;
  // The sum's last bits are n, since its unit in the last place is 1.
  const Row shifted = tok_fma(bounded, tok_splat<Row>(1.44269504f), tok_splat<Row>(12582912.0f));
  const Ints n = (Ints)shifted - (Ints)tok_splat<Row>(12582912.0f);
  const Row whole = shifted - 12582912.0f;
  // ln 2 in two parts, the first of which has so few digits that its product with n is exact.
  Row r = tok_fma(whole, tok_splat<Row>(-0.693359375f), bounded);
  r = tok_fma(whole, tok_splat<Row>(2.12194440e-4f), r);
  Row p = tok_fma(tok_splat<Row>(0.00137453037f), r, tok_splat<Row>(0.00836894475f));
  p = tok_fma(p, r, tok_splat<Row>(0.0416696481f));
  p = tok_fma(p, r, tok_splat<Row>(0.166665182f));
  p = tok_fma(p, r, tok_splat<Row>(0.499999881f));
  p = tok_fma(p, r, tok_splat<Row>(1.0f));
  p = tok_fma(p, r, tok_splat<Row>(1.0f));
  const Ints half = n >> 1;
  return p * tok_power_of_two<Row>(half) * tok_power_of_two<Row>(n - half);
}

template <typename Row>
static inline Row tok_abs(const Row &x) {
  typedef typename tok_ints<Row>::type Ints;
  return (Row)((Ints)x & 0x7fffffff);
}

${PIECEWISE}
template <typename Row>
static inline Row tok_sqrt(const Row &x) {
  Row result = {};
  for (size_t lane = 0; lane < sizeof(Row) / sizeof(float); ++lane) result[lane] = sqrtf(x[lane]);
  return result;
}

#if defined(__AVX512F__)
template <>
inline tok_lanes16 tok_sqrt(const tok_lanes16 &x) {
  return (tok_lanes16)_mm512_sqrt_ps((__m512)x);
}
#endif

#if defined(__AVX__)
template <>
inline tok_lanes8 tok_sqrt(const tok_lanes8 &x) {
  return (tok_lanes8)_mm256_sqrt_ps((__m256)x);
}
#endif

// Of floats: NaN where either is NaN, and the second of two equal ones.
template <typename Row>
static inline Row tok_lanes_min(const Row &left, const Row &right) {
  return (left < right) | (left != left) ? left : right;
}

template <typename Row>
static inline Row tok_lanes_max(const Row &left, const Row &right) {
  return (left > right) | (left != left) ? left : right;
}
`;
