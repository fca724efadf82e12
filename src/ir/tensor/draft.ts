/**
 * A program while it is being built: what the builder's calls have made so far, and the mistakes in them.
 *
 * `model.ts` lists the codes of the mistakes.
 */

import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { isDim, nameOfDim } from "./dim.ts";
import { operandElement, resultElement } from "./operand-elements.ts";
import { shapeOf } from "./shapes.ts";
import {
  formatShape,
  type Node,
  type Op,
  operandsOf,
  type ProgramInput,
  type ProgramOutput,
  type ProgramUpdate,
  type ProgramWeight,
  type Shape,
  type TensorElement,
  type ValueId,
  valueId,
} from "./types.ts";

/** A value of the program being built; `shape` is absent where the operation that makes it was refused. */
export interface Tensor {
  readonly id: ValueId;
  readonly shape?: Shape;
  readonly element: TensorElement;
}

export const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** As in PyTorch's state dictionaries: `experts.0.3.weight`. */
export const DOTTED_NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$/;

/** Everything that has been built so far. */
export interface Draft {
  readonly name: string;
  readonly inputs: ProgramInput[];
  readonly weights: ProgramWeight[];
  readonly nodes: Node[];
  readonly outputs: ProgramOutput[];
  readonly updates: ProgramUpdate[];
  readonly names: Set<string>;
  /** The tensors handed out, by identity: what another builder made is not among them. */
  readonly made: Set<Tensor>;
  readonly dims: Set<string>;
  readonly diagnostics: Diagnostic[];
  /** The part that is being built. */
  part: string | undefined;
}

export function addNode(draft: Draft, op: Op, operands: readonly Tensor[]): Tensor {
  const known = operands.map((operand) => isKnown(draft, op.label, operand)).every(Boolean);
  for (const [position, { id, element }] of operands.entries()) {
    const expected = operandElement(op, position);
    if (element === expected) continue;
    report(draft, "TK260", `${op.label}: ${id} holds ${element}, expected ${expected}`);
    return addValue(draft, op.label, undefined);
  }
  const shapes = operands.map(({ shape }) => shape).filter((shape) => shape !== undefined);
  if (!known || shapes.length < operandsOf(op).length) return addValue(draft, op.label, undefined);
  const shape = shapeOf(op, shapes);
  if (!shape.ok) draft.diagnostics.push(...shape.diagnostics);
  const tensor = addValue(draft, op.label, shape.ok ? shape.value : undefined, resultElement(op));
  const part = draft.part;
  if (tensor.shape) draft.nodes.push({ id: tensor.id, op, shape: tensor.shape, ...(part !== undefined && { part }) });
  return tensor;
}

export function withinPart<R>(draft: Draft, part: string | undefined, make: () => R): R {
  const outer = draft.part;
  draft.part = part;
  try {
    return make();
  } finally {
    draft.part = outer;
  }
}

export function addUpdate(draft: Draft, weight: Tensor, value: Tensor): void {
  if (!isKnown(draft, "update", weight) || !isKnown(draft, "update", value)) return;
  if (!draft.weights.some(({ name }) => name === weight.id)) {
    report(draft, "TK264", `${weight.id} is updated and is no weight`, "declare it with t.weight");
  }
  if (draft.updates.some((update) => update.weight === weight.id)) {
    report(draft, "TK264", `${weight.id} is updated twice`, "update it once, with the last value");
  }
  if (weight.shape === undefined || value.shape === undefined) return;
  const [expected, actual] = [formatShape(weight.shape), formatShape(value.shape)];
  if (expected === actual) draft.updates.push({ weight: weight.id, value: value.id });
  else report(draft, "TK251", `${value.id} has shape ${actual}, expected ${expected}, that of ${weight.id}`);
}

/** Gives a value its name; `shape` is absent where the value has been refused already. */
export function addValue(draft: Draft, name: string, shape: Shape | undefined, element: TensorElement = "f32"): Tensor {
  const id = valueId(name);
  const tensor: Tensor = shape ? { id, shape, element } : { id, element };
  if (!DOTTED_NAME.test(name)) {
    report(
      draft,
      "TK255",
      `"${name}" is no name for a tensor`,
      "use identifiers joined by dots, as in experts.0.weight",
    );
  }
  if (draft.names.has(name)) report(draft, "TK254", `the name ${name} is taken`, "give each tensor a name of its own");
  draft.names.add(name);
  draft.made.add(tensor);
  for (const dim of shape ?? []) {
    const size = nameOfDim(dim);
    if (size !== undefined) draft.dims.add(size);
  }
  return tensor;
}

export function isKnown(draft: Draft, user: string, tensor: Tensor): boolean {
  const known = draft.made.has(tensor);
  if (!known) report(draft, "TK258", `${user} uses a tensor ${tensor.id} that this program has not made`);
  return known;
}

export function checkDims(draft: Draft, name: string, shape: Shape): Shape | undefined {
  const bad = shape.filter((dim) => !isDim(dim));
  for (const dim of bad) {
    report(
      draft,
      "TK256",
      `${name} has a dimension ${JSON.stringify(dim)}`,
      "use an integer from 0, or a name as in B, 2*B and E+1",
    );
  }
  return bad.length === 0 ? shape : undefined;
}

export function report(draft: Draft, code: string, fact: string, fix?: string): void {
  draft.diagnostics.push(error(code, undefined, `${draft.name}: ${fact}`, fix));
}
