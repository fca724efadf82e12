/**
 * The constant text of `tokitai_support.hpp`, on half precision and random integers.
 *
 * `tok_half` and `tok_bf16` are elements of memory: kernels compute with `float`, and a cast converts. `tok_half` is the
 * native type on the GPU; on the CPU it is 16 bits and arithmetic on them, since not every C++ compiler has such a type, and
 * compilers that have it may call a library for each element. `tok_bf16` is 16 bits on both: what a GPU's matrix instructions
 * take as `short` or `__bf16`. The functions compute what `half-formats.ts` and `philox.ts` say, bit by bit.
 */

import { KEY_INCREMENTS, MULTIPLIERS, ROUNDS } from "../../support/philox.ts";

const hex = (word: number): string => `0x${word.toString(16)}u`;

export const HALF = `
template <typename To, typename From>
TOK_DEVICE static inline To tok_bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits of another type");
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

// IEEE 754's binary16 in memory.
#if defined(__HIPCC__)
typedef _Float16 tok_half;
#else
struct tok_half {
  uint16_t bits;

  tok_half() = default;

  // The nearest value, of two equally near ones the even one.
  explicit tok_half(float value) {
    const uint32_t word = tok_bit_cast<uint32_t>(value);
    const uint32_t sign = word >> 16 & 0x8000u;
    const uint32_t magnitude = word & 0x7fffffffu;
    // From 2^-14 on: rebias the exponent, and round the 13 bits that go. A carry into the exponent is what it must be.
    const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    // Below it: added to 0.5, whose last bit is worth 2^-24, the value is rounded by the adder.
    const uint32_t small = tok_bit_cast<uint32_t>(tok_bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    // From 65520 on an infinity; NaN stays NaN.
    const uint32_t large = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
    const uint32_t rounded = magnitude < 0x38800000u ? small : magnitude < 0x477ff000u ? normal : large;
    bits = (uint16_t)(sign | rounded);
  }

  operator float() const {
    const uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    const uint32_t magnitude = (uint32_t)(bits & 0x7fffu) << 13;
    // The fields as those of a float with a too small exponent; the product is exact, of subnormals as well.
    const float scaled = tok_bit_cast<float>(magnitude) * 0x1p112f;
    const uint32_t finite = tok_bit_cast<uint32_t>(scaled);
    // Conversions make quiet ones of NaN, and keep what they carry.
    const uint32_t large = magnitude > 0x0f800000u ? magnitude | 0x7fc00000u : 0x7f800000u;
    return tok_bit_cast<float>(sign | (magnitude < 0x0f800000u ? finite : large));
  }
};
#endif

// The nearest float that a half holds.
TOK_DEVICE static inline float tok_round_half(float value) { return (float)(tok_half)value; }

// The float that a half holds next to value away from 0 where random / 2^31 is less than the share of the way there,
// else the one towards 0. Every step before the decision is exact.
TOK_DEVICE static inline float tok_round_half_at_random(float value, int64_t random) {
  const float magnitude = fabsf(value);
  if (!(magnitude < 65504.0f)) return tok_round_half(value);
  const uint32_t exponent = tok_bit_cast<uint32_t>(magnitude) >> 23;
  // The distance of two halves here: 2^-10 of the power of two, and 2^-24 below the normal ones.
  const float spacing = tok_bit_cast<float>((exponent < 113u ? 103u : exponent - 10u) << 23);
  const float steps = magnitude / spacing;
  const float below = floorf(steps);
  const bool up = random < (int64_t)ceilf((steps - below) * 0x1p31f);
  return copysignf((up ? below + 1.0f : below) * spacing, value);
}

// The upper half of a float in memory.
struct tok_bf16 {
  uint16_t bits;

  tok_bf16() = default;

  // The nearest value, of two equally near ones the even one. A carry into the exponent is what it must be, up to an
  // infinity.
  TOK_DEVICE explicit tok_bf16(float value) {
    const uint32_t word = tok_bit_cast<uint32_t>(value);
    const bool is_nan = (word & 0x7fffffffu) > 0x7f800000u;
    bits = (uint16_t)(is_nan ? 0x7fc0u : (word + 0x7fffu + (word >> 16 & 1u)) >> 16);
  }

  TOK_DEVICE operator float() const { return tok_bit_cast<float>((uint32_t)bits << 16); }
};

// The nearest float that a bf16 holds.
TOK_DEVICE static inline float tok_round_bf16(float value) { return (float)(tok_bf16)value; }

// As above, between two bf16: the bits that go are the share of the way, in 2^-16.
TOK_DEVICE static inline float tok_round_bf16_at_random(float value, int64_t random) {
  const uint32_t word = tok_bit_cast<uint32_t>(value);
  if ((word & 0x7fffffffu) >= 0x7f7f0000u) return tok_round_bf16(value);
  const bool up = random < (int64_t)(word & 0xffffu) << 15;
  return tok_bit_cast<float>(((word >> 16) + (up ? 1u : 0u)) << 16);
}

// 31 bits of Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011): the key is (seed, stream), the counter (index, step).
template <typename Index>
TOK_DEVICE static inline Index tok_random_bits(Index seed, Index stream, Index step, Index index) {
  uint32_t c0 = (uint32_t)(int64_t)index;
  uint32_t c1 = (uint32_t)((uint64_t)(int64_t)index >> 32);
  uint32_t c2 = (uint32_t)(int64_t)step;
  uint32_t c3 = (uint32_t)((uint64_t)(int64_t)step >> 32);
  uint32_t k0 = (uint32_t)seed;
  uint32_t k1 = (uint32_t)stream;
  for (int round = 0; round < ${ROUNDS}; ++round) {
    const uint64_t first = (uint64_t)${hex(MULTIPLIERS[0])} * c0;
    const uint64_t second = (uint64_t)${hex(MULTIPLIERS[1])} * c2;
    c0 = (uint32_t)(second >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)second;
    c2 = (uint32_t)(first >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)first;
    k0 += ${hex(KEY_INCREMENTS[0])};
    k1 += ${hex(KEY_INCREMENTS[1])};
  }
  return (Index)(c0 >> 1);
}
`;
