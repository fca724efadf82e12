/** Literals of C: the shortest text that reads back as the same value. */

/** Decimal exponents between these print without an exponent. */
const FIXED_EXPONENTS = { min: -4, max: 8 } as const;

const INT32_MAX = 2n ** 31n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The text of an integer literal and whether it starts with a minus sign. */
export function intLiteral(value: bigint): string {
  // The literal 2^63 fits no signed type, so that its negation cannot be written directly.
  if (value === INT64_MIN) return "INT64_MIN";
  if (value > INT32_MAX) return `INT64_C(${value})`;
  if (value < -INT32_MAX) return `-INT64_C(${-value})`;
  return value.toString();
}

/** `0.5f`, `1e-05f`, `INFINITY`, `NAN`: the value rounded to f32. */
export function floatLiteral(value: number): string {
  const rounded = Math.fround(value);
  if (Number.isNaN(rounded)) return "NAN";
  const sign = rounded < 0 || Object.is(rounded, -0) ? "-" : "";
  const magnitude = Math.abs(rounded);
  if (magnitude === Infinity) return `${sign}INFINITY`;
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(magnitude.toExponential(digits - 1));
    // A C compiler rounds the decimal to f32 at once, this code by way of a double: keep clear of the midpoint, where
    // the two may differ.
    const stretched = magnitude + (candidate - magnitude) * (1 + 2 ** -20);
    if (Math.fround(candidate) === magnitude && Math.fround(stretched) === magnitude) {
      return `${sign}${decimal(magnitude, digits)}f`;
    }
  }
  return `${sign}${decimal(magnitude, 9)}f`;
}

/** `0.5`, `1e-05`, `INFINITY`, `NAN`: the value as a double. */
export function doubleLiteral(value: number): string {
  if (Number.isNaN(value)) return "(double)NAN";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return `${sign}(double)INFINITY`;
  const shortest = magnitude.toExponential().replace(/e.*/, "").replace(".", "").length;
  return `${sign}${decimal(magnitude, shortest)}`;
}

/** A value ≥ 0 with this many significant digits. */
function decimal(value: number, digits: number): string {
  const [mantissa = "0", exponentText = "0"] = value.toExponential(digits - 1).split("e");
  const exponent = Number(exponentText);
  if (exponent < FIXED_EXPONENTS.min || exponent > FIXED_EXPONENTS.max) {
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const fixed = Number(value.toExponential(digits - 1)).toFixed(Math.max(1, digits - 1 - exponent));
  return fixed;
}
