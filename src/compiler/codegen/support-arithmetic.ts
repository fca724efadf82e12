/** The constant text of `tokitai_support.hpp`, first part: arithmetic of kernels and of launchers. */

/** Include guard and system headers. */
export const OPENING = `// What the generated code of every library shares.
#ifndef TOKITAI_SUPPORT_HPP
#define TOKITAI_SUPPORT_HPP

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <initializer_list>
#include <thread>
#include <type_traits>
#include <vector>

`;

/** The integer and float helpers of kernels. */
export const PROLOGUE = `
#if defined(__HIPCC__)
#define TOK_DEVICE __host__ __device__
#else
#define TOK_DEVICE
#endif

// Division that rounds down, for a divisor > 0.
template <typename Index>
TOK_DEVICE static inline Index tok_floor_div(Index dividend, Index divisor) {
  const Index quotient = dividend / divisor;
  return dividend % divisor < 0 ? quotient - 1 : quotient;
}

// What is left of a division that rounds down: in [0, divisor).
template <typename Index>
TOK_DEVICE static inline Index tok_floor_mod(Index dividend, Index divisor) {
  const Index remainder = dividend % divisor;
  return remainder < 0 ? remainder + divisor : remainder;
}

template <typename Number>
TOK_DEVICE static inline Number tok_min(Number left, Number right) {
  return left < right ? left : right;
}

template <typename Number>
TOK_DEVICE static inline Number tok_max(Number left, Number right) {
  return left > right ? left : right;
}

// Of floats: NaN where either is NaN, and the second of two equal ones.
template <>
TOK_DEVICE inline float tok_min<float>(float left, float right) {
  return left < right || left != left ? left : right;
}

template <>
TOK_DEVICE inline float tok_max<float>(float left, float right) {
  return left > right || left != left ? left : right;
}
`;

export const LIMITS_COMMENT = `
// Limits that the proofs assume.
`;

/** `tok::Int` and `tok::Bool`: arithmetic that knows when it overflowed. */
export const CHECKED = `
namespace tok {
namespace {

// A 64-bit integer, and whether it is what the arithmetic of all integers gives.
struct Int {
  int64_t value;
  bool valid;
  constexpr Int(int64_t from) : value(from), valid(true) {}
  constexpr Int(int64_t from, bool is_valid) : value(from), valid(is_valid) {}
};

// A truth value, and whether it could be told.
struct Bool {
  bool value;
  bool valid;
  constexpr Bool(bool from) : value(from), valid(true) {}
  constexpr Bool(bool from, bool is_valid) : value(from), valid(is_valid) {}
  constexpr bool holds() const { return value && valid; }
};

inline Int operator+(Int a, Int b) {
  int64_t result = 0;
  const bool overflow = __builtin_add_overflow(a.value, b.value, &result);
  return Int(result, a.valid && b.valid && !overflow);
}

inline Int operator-(Int a, Int b) {
  int64_t result = 0;
  const bool overflow = __builtin_sub_overflow(a.value, b.value, &result);
  return Int(result, a.valid && b.valid && !overflow);
}

inline Int operator*(Int a, Int b) {
  int64_t result = 0;
  const bool overflow = __builtin_mul_overflow(a.value, b.value, &result);
  return Int(result, a.valid && b.valid && !overflow);
}

inline Int operator-(Int a) { return Int(0) - a; }

// Rounds down; the divisor must be positive.
inline Int operator/(Int a, Int b) {
  if (!a.valid || !b.valid || b.value <= 0) return Int(0, false);
  return tok_floor_div<int64_t>(a.value, b.value);
}

inline Int operator%(Int a, Int b) {
  if (!a.valid || !b.valid || b.value <= 0) return Int(0, false);
  return tok_floor_mod<int64_t>(a.value, b.value);
}

inline Bool operator<(Int a, Int b) { return Bool(a.value < b.value, a.valid && b.valid); }
inline Bool operator<=(Int a, Int b) { return Bool(a.value <= b.value, a.valid && b.valid); }
inline Bool operator>(Int a, Int b) { return b < a; }
inline Bool operator>=(Int a, Int b) { return b <= a; }
inline Bool operator==(Int a, Int b) { return Bool(a.value == b.value, a.valid && b.valid); }
inline Bool operator!=(Int a, Int b) { return Bool(a.value != b.value, a.valid && b.valid); }

// As in the kernel language, the right side counts only where the left one does not decide.
inline Bool operator&&(Bool a, Bool b) { return a.valid && a.value ? b : a; }
inline Bool operator||(Bool a, Bool b) { return a.valid && !a.value ? b : a; }
inline Bool operator!(Bool a) { return Bool(!a.value, a.valid); }

static inline Int min(Int a, Int b) { return Int(tok_min(a.value, b.value), a.valid && b.valid); }
static inline Int max(Int a, Int b) { return Int(tok_max(a.value, b.value), a.valid && b.valid); }

inline Int select(Bool condition, Int then, Int otherwise) {
  const Int chosen = condition.value ? then : otherwise;
  return Int(chosen.value, chosen.valid && condition.valid);
}

inline Bool select(Bool condition, Bool then, Bool otherwise) {
  const Bool chosen = condition.value ? then : otherwise;
  return Bool(chosen.value, chosen.valid && condition.valid);
}

// Whether a value could be computed: a condition of its own where a float depends on it.
inline Bool defined(Int a) { return Bool(a.valid, a.valid); }
inline Bool defined(Bool a) { return Bool(a.valid, a.valid); }

inline float to_float(Int a) { return (float)a.value; }

// The nearest float; beyond the floats an infinity, which a launcher refuses.
inline float to_float(double value) {
  if (value > FLT_MAX) return INFINITY;
  if (value < -FLT_MAX) return -INFINITY;
  return (float)value;
}

// How many elements a shape has; not valid where an axis is negative.
inline Int elements(std::initializer_list<Int> shape) {
  Int product = 1;
  for (const Int extent : shape) {
    product = product * extent;
    product.valid = product.valid && extent.value >= 0;
  }
  return product;
}

// The next multiple of the arena's alignment.
inline Int aligned(Int bytes) {
  const Int unit = TOK_ARENA_ALIGNMENT;
  return (bytes + (unit - 1)) / unit * unit;
}
`;
