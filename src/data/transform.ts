/**
 * Text → number, and the transforms that a numeric feature may ask for before it is standardised.
 */

export const TRANSFORMS = ["none", "log1p", "sqrt"] as const;

export type Transform = (typeof TRANSFORMS)[number];

/** Decimal notation alone: `Number` would also take "", " 1 ", "0x10" and "Infinity". */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** `undefined` if the text is not a finite decimal number. */
export function parseNumber(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** `undefined` outside the transform's domain: log1p and sqrt take numbers ≥ 0. */
export function applyTransform(transform: Transform, value: number): number | undefined {
  switch (transform) {
    case "none":
      return value;
    case "log1p":
      return value >= 0 ? Math.log1p(value) : undefined;
    case "sqrt":
      return value >= 0 ? Math.sqrt(value) : undefined;
    default:
      return transform satisfies never;
  }
}
