/**
 * Element types: what a tensor's element occupies in memory, and what a kernel sees of it.
 *
 * A kernel computes with `f32`, mathematical integers and booleans alone. `f16` and `bf16` are ways to store a float: reading
 * an element widens it, which is exact, and what is written is a float that was rounded to the element before.
 */

import { HALF_FORMATS, type HalfElement } from "../../support/half-formats.ts";

export type { HalfElement } from "../../support/half-formats.ts";
/** Floats in memory; those of two bytes are in `half-formats.ts`. */
export type FloatElement = "f32" | HalfElement;
export type IntegerElement = "i32" | "u32" | "i64";
export type ElementType = FloatElement | IntegerElement;

const ELEMENT_TYPES: ReadonlySet<string> = new Set<ElementType>(["f32", "f16", "bf16", "i32", "u32", "i64"]);

export function isElementType(name: string): name is ElementType {
  return ELEMENT_TYPES.has(name);
}

/** The type of an expression's value. */
export type ScalarType = "f32" | "int" | "bool";

export function isFloat(element: ElementType): element is FloatElement {
  return element === "f32" || isHalfElement(element);
}

export function isHalfElement(name: string): name is HalfElement {
  return Object.hasOwn(HALF_FORMATS, name);
}

/** The type of an element's value in expressions. */
export function valueType(element: ElementType): "f32" | "int" {
  return isFloat(element) ? "f32" : "int";
}
