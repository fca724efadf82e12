/**
 * The functions of all lanes: at every 4,099th f32 by its bits, they keep to the errors that docs/language.md states, and special
 * values are what they have to be. `npm run bench:ulp` takes as many as it is told.
 */

import { describe, expect, it } from "vitest";
import { MEASURED, measureErrors } from "../../bench/ulp/measure.ts";
import { SIMD_UNITS } from "../../src/ir/kernel/simd.ts";
import { MISSING } from "../conformance/vector-units.ts";

/** Units of the last place. */
const STATED = { exp: 1, erf: 1.4, tanh: 1.3 };

describe.each(SIMD_UNITS)("on %s", (unit) => {
  it("exp, erf and tanh keep to their errors", { timeout: 120_000 }, ({ skip }) => {
    skip(MISSING.includes(unit), `this CPU lacks ${unit}`);
    const errors = measureErrors(unit, MEASURED, 4_099);
    for (const name of MEASURED) {
      const found = errors.get(name);
      expect(found?.inputs).toBeGreaterThan(1_000_000);
      expect(found?.special, name).toBe(0);
      expect(found?.ulps, `${name} at ${found?.at}`).toBeLessThan(STATED[name]);
      // That nothing is rounded twice at no place at all would be a measurement of nothing.
      expect(found?.ulps).toBeGreaterThan(0.5);
    }
  });
});
