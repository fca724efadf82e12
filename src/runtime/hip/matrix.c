/*
 * One matrix instruction of a wave, D = A B + C, on the registers that the emulator keeps: `register[number * lanes + lane]`.
 *
 * Which lane holds which element: AMD's matrix instruction calculator (github.com/ROCm/amd_matrix_instruction_calculator), for
 * RDNA 3, RDNA 4, CDNA 2 and CDNA 3. Sums start at C and go through k upwards, each product and its sum rounded once.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { RDNA3, RDNA4, CDNA };
enum { F16, BF16, F32 };
enum { DONE, LANES_OFF, NO_COPY };

/* Registers of each operand; `accumulators` has bit 0 where A is in accumulation registers, 1 for B, 2 for C and D. */
struct matrix {
  int32_t family, element, size, depth, flush;
  int32_t a, b, c, d, accumulators, c_is_scalar;
};

struct place { int lane, element; };

static struct place of_input(const struct matrix *m, int row, int k) {
  const int each = m->size * m->depth / 64;
  if (m->family == RDNA3) return (struct place){row, k};
  if (m->family == RDNA4) return (struct place){row + 16 * (k / 4 % 2), k % 4 + 4 * (k / 8)};
  return (struct place){row + m->size * (k / each), k % each};
}

static struct place of_output(const struct matrix *m, int row, int column) {
  const int groups = 64 / m->size;
  if (m->family == RDNA3) return (struct place){column + 16 * (row % 2), row / 2};
  if (m->family == RDNA4) return (struct place){column + 16 * (row / 8), row % 8};
  return (struct place){column + m->size * (row / 4 % groups), 4 * (row / (4 * groups)) + row % 4};
}

static float of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static float widen(uint32_t bits, int element, int flush) {
  if (element == F32) return of_bits(bits);
  const float sign = bits >> 15 & 1 ? -1.0f : 1.0f;
  if (element == BF16) return flush && (bits & 0x7f80) == 0 ? sign * 0.0f : of_bits(bits << 16);
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  if (exponent == 0) return flush ? sign * 0.0f : sign * ldexpf((float)fraction, -24);
  return sign * ldexpf((float)(1024 + fraction), exponent - 25);
}

static float input(const struct matrix *m, const uint32_t *registers, int first, struct place at, int lanes) {
  if (m->element == F32) return widen(registers[(first + at.element) * lanes + at.lane], F32, m->flush);
  const uint32_t pair = registers[(first + at.element / 2) * lanes + at.lane];
  return widen((at.element % 2 ? pair >> 16 : pair) & 0xffff, m->element, m->flush);
}

int matrix(const struct matrix *m, uint32_t *scalars, uint32_t *vectors, uint32_t *accumulators) {
  static _Thread_local float a[32 * 16], b[32 * 16], d[32 * 32];
  const int size = m->size, depth = m->depth, lanes = m->family == CDNA ? 64 : 32;
  const uint32_t *exec = scalars + 126;
  if (exec[0] != 0xffffffff || (lanes == 64 && exec[1] != 0xffffffff)) return LANES_OFF;
  const uint32_t *of_a = m->accumulators & 1 ? accumulators : vectors, *of_b = m->accumulators & 2 ? accumulators : vectors;
  uint32_t *of_d = m->accumulators & 4 ? accumulators : vectors;
  for (int row = 0; row < size; ++row) {
    for (int k = 0; k < depth; ++k) {
      struct place at = of_input(m, row, k);
      a[row * depth + k] = input(m, of_a, m->a, at, lanes);
      b[row * depth + k] = input(m, of_b, m->b, at, lanes);
    }
    /* RDNA 3 wants the inputs of lanes 0 to 15 in lanes 16 to 31 as well. */
    for (int i = 0; m->family == RDNA3 && i < depth / 2; ++i) {
      if (of_a[(m->a + i) * lanes + row] != of_a[(m->a + i) * lanes + row + 16]) return NO_COPY;
      if (of_b[(m->b + i) * lanes + row] != of_b[(m->b + i) * lanes + row + 16]) return NO_COPY;
    }
  }
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      const struct place at = of_output(m, row, column);
      float sum = of_bits(m->c_is_scalar ? scalars[m->c] : of_d[(m->c + at.element) * lanes + at.lane]);
      for (int k = 0; k < depth; ++k) sum = fmaf(a[row * depth + k], b[column * depth + k], sum);
      d[row * size + column] = sum;
    }
  }
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      const struct place at = of_output(m, row, column);
      memcpy(&of_d[(m->d + at.element) * lanes + at.lane], &d[row * size + column], 4);
    }
  }
  /* The counter of the program, in two words. */
  scalars[257] += scalars[256] > UINT32_MAX - 8;
  scalars[256] += 8;
  return DONE;
}
