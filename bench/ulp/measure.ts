/**
 * Errors of the functions of all lanes against double precision: the support header's own text, compiled for a unit, run over f32
 * inputs by their bits.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPENING, PROLOGUE } from "../../src/compiler/codegen/support-arithmetic.ts";
import { FUNCTIONS } from "../../src/compiler/codegen/support-functions.ts";
import { LANES, UNIT_FEATURES } from "../../src/compiler/codegen/support-lanes.ts";
import { SIMD_LANES, type SimdUnit } from "../../src/ir/kernel/simd.ts";

export const MEASURED = ["exp", "erf", "tanh"] as const;
export type Measured = (typeof MEASURED)[number];

export interface Errors {
  readonly inputs: number;
  /** The largest error in units of the last place of the f32 next to the true value, and where it is. */
  readonly ulps: number;
  readonly at: number;
  /** Inputs that are NaN or an infinity, or have a NaN, an infinity or a zero as their value, for which something else comes out. */
  readonly special: number;
}

const PROGRAM = (unit: SimdUnit): string => `${OPENING}${PROLOGUE}
#include <algorithm>
#include <cmath>
${LANES}${FUNCTIONS}
#endif  // of OPENING
typedef tok_lanes${SIMD_LANES[unit]} Row;
static const int width = sizeof(Row) / 4;

static Row apply(int which, const Row &x) { return which == 0 ? tok_exp(x) : which == 1 ? tok_erf(x) : tok_tanh(x); }
static double exact(int which, double x) { return which == 0 ? std::exp(x) : which == 1 ? std::erf(x) : std::tanh(x); }

// The distance between neighbouring floats at a value; at most that of the largest ones.
static double unit_at(double value) {
  int exponent;
  std::frexp(value, &exponent);
  return std::ldexp(1.0, std::max(std::min(exponent, 128) - 24, -149));
}

int main(int count, char **args) {
  if (count != 3) return 2;
  const int which = atoi(args[1]);
  const uint64_t stride = strtoull(args[2], nullptr, 10);
  double worst = 0;
  float at = 0;
  uint64_t special = 0, inputs = 0;
  // With any stride: zeros, the least and the largest of both signs, infinities and NaN.
  const uint32_t specials[] = {0u, 1u, 0x7fffffu, 0x800000u, 0x7f7fffffu, 0x7f800000u, 0x7fc00000u, 0xffffffffu};
  for (int64_t first = -2 * (int64_t)(stride * width); first < (int64_t)1 << 32; first += stride * width) {
    Row x;
    for (int lane = 0; lane < width; ++lane) {
      const uint32_t sign = first < -(int64_t)(stride * width) ? 0x80000000u : 0u;
      const uint32_t bits = first < 0 ? specials[lane % 8] ^ sign
                                      : (uint32_t)std::min<uint64_t>(first + lane * stride, 0xffffffffu);
      float one;
      memcpy(&one, &bits, 4);
      x[lane] = one;
    }
    const Row found = apply(which, x);
    for (int lane = 0; lane < width; ++lane) {
      const double value = exact(which, x[lane]);
      const float nearest = (float)value;
      ++inputs;
      // Of what rounds to an infinity, the largest float is one unit away.
      if (std::isnan(nearest) || std::isinf(nearest) || nearest == 0.0f || std::isinf(x[lane])) {
        const bool same = std::isnan(nearest) ? std::isnan(found[lane]) : found[lane] == nearest;
        const bool sign = std::isnan(nearest) || std::signbit(found[lane]) == std::signbit(nearest);
        special += same && sign ? 0 : 1;
        continue;
      }
      const double error = std::isfinite(found[lane]) ? std::fabs(found[lane] - value) / unit_at(value) : INFINITY;
      if (error > worst) worst = error, at = x[lane];
    }
  }
  printf("%llu %.17g %.9g %llu\\n", (unsigned long long)inputs, worst, at, (unsigned long long)special);
}
`;

/** Measures functions of one unit, at every `stride`-th f32 by its bits. */
export function measureErrors(
  unit: SimdUnit,
  names: readonly Measured[],
  stride: number,
): ReadonlyMap<Measured, Errors> {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-ulp-"));
  try {
    writeFileSync(join(folder, "ulp.cpp"), PROGRAM(unit));
    const features = UNIT_FEATURES[unit].map((feature) => `-m${feature}`);
    const flags = ["-std=c++17", "-O2", "-ffp-contract=off", ...features];
    execFileSync("g++", [...flags, "ulp.cpp", "-o", "ulp"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    return new Map(
      names.map((name) => {
        const args = [String(MEASURED.indexOf(name)), String(stride)];
        const text = execFileSync(join(folder, "ulp"), args, { encoding: "utf8" });
        const [inputs = 0, ulps = Number.NaN, at = Number.NaN, special = Number.NaN] = text
          .trim()
          .split(" ")
          .map(Number);
        return [name, { inputs, ulps, at, special }];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
