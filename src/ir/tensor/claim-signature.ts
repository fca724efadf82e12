/**
 * What a claim is made of: its tensors, its attributes and the operations that give it its meaning.
 *
 * Tensors come in a fixed order; `claims.ts` has all claims.
 */

import { type ElementType, isFloat } from "../kernel/elements.ts";
import { type Op, type OpKind, type Shape, type TensorElement, type ValueId, valueId } from "./types.ts";

export interface ClaimTensor {
  readonly name: string;
  /** Names are the claim's own; `E+1` is one more than E, whether or not E is the size of another axis. */
  readonly shape: Shape;
  readonly element: ClaimElement;
}

/**
 * `float`: a kernel may have floats of any format there, since over the reals storing one rounds nothing. Where the format
 * matters, a claim names it. Values of tensor programs are f32 where a claim takes any.
 */
export type ClaimElement = TensorElement | "float";

/** Whether a kernel's parameter may have this element where the claim has the other. */
export function acceptsElement(wanted: ClaimElement, element: ElementType): boolean {
  return wanted === "float" ? isFloat(element) : wanted === element;
}

/** The element of a tensor program's value that stands where the claim has this. */
export function elementInPrograms(element: ClaimElement): TensorElement {
  return element === "float" ? "f32" : element;
}

/** Scalars that a claim's operations take; a kernel has each as a scalar parameter or as a constant. */
export interface ClaimAttributes {
  readonly epsilon?: number;
  readonly k?: number;
  readonly experts?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly decay?: number;
  readonly max_norm?: number;
  readonly interval?: number;
  readonly stream?: number;
  readonly split?: number;
  readonly columns?: number;
  readonly alpha?: number;
  readonly beta?: number;
}

export type ClaimAttribute = keyof ClaimAttributes;

/** An attribute's element type as a scalar parameter of a kernel. */
export const ATTRIBUTE_ELEMENT: { readonly [A in ClaimAttribute]-?: "f32" | "i32" } = {
  epsilon: "f32",
  k: "i32",
  experts: "i32",
  beta1: "f32",
  beta2: "f32",
  decay: "f32",
  max_norm: "f32",
  interval: "f32",
  stream: "i32",
  split: "i32",
  columns: "i32",
  alpha: "f32",
  beta: "f32",
};

export type IntegerAttribute = "k" | "split" | "experts" | "stream" | "columns";
export type FloatAttribute = Exclude<ClaimAttribute, IntegerAttribute>;

export function isIntegerAttribute(name: ClaimAttribute): name is IntegerAttribute {
  return ATTRIBUTE_ELEMENT[name] === "i32";
}

export function isClaimAttribute(name: string): name is ClaimAttribute {
  return Object.hasOwn(ATTRIBUTE_ELEMENT, name);
}

/** The attribute of an operation by its name in a kernel; `undefined` where the operation has none of this name. */
export function attributeOf(op: object, name: ClaimAttribute): number | undefined {
  const values: Readonly<Record<string, unknown>> = { ...op };
  const value = values[name === "max_norm" ? "maxNorm" : name];
  return typeof value === "number" ? value : undefined;
}

export interface OperationSignature {
  readonly inputs: readonly ClaimTensor[];
  /** Each is the result of one of the steps. */
  readonly outputs: readonly ClaimTensor[];
  readonly attributes: readonly ClaimAttribute[];
  /** The attributes that a kernel has as one of its sizes, by the claim's name for that dimension, and not as a scalar. */
  readonly sized?: { readonly [A in IntegerAttribute]?: string };
  /** The operations in order; `id` is what later steps and `outputs` call the result. */
  readonly steps: (attributes: ClaimAttributes) => readonly ClaimStep[];
}

export interface ClaimStep {
  readonly id: ValueId;
  readonly op: Op;
}

export const tensor = (name: string, ...shape: Shape): ClaimTensor => ({ name, shape, element: "float" });
export const singles = (name: string, ...shape: Shape): ClaimTensor => ({ name, shape, element: "f32" });
export const indices = (name: string, ...shape: Shape): ClaimTensor => ({ name, shape, element: "i32" });

/** An operation without its label, which is the name of the claim's step. */
export type Unlabelled = { [K in OpKind]: Omit<Op<K>, "label"> }[OpKind];

export function step(id: string, op: Unlabelled): ClaimStep {
  return { id: valueId(id), op: { ...op, label: id } };
}

/** One operation without attributes. */
export const single = (inputs: readonly ClaimTensor[], output: ClaimTensor, op: Unlabelled): OperationSignature => ({
  inputs,
  outputs: [output],
  attributes: [],
  steps: () => [step(output.name, op)],
});
