/**
 * Contents of integer tensors at a case: what they may hold under the kernel's conditions on data.
 *
 * Elements take the integers from −1 to the largest size. They are filled in one after the other, element by element of
 * all tensors, each value in an order that a hash decides; a condition that the elements so far already break ends a
 * branch. All contents are tried where there are few, else the first that are found.
 */

import { isFloat } from "../ir/kernel/elements.ts";
import type { Expr } from "../ir/kernel/expr.ts";
import { evaluateSize, type LaunchValues, shapeAt } from "../ir/kernel/interpret-launch.ts";
import type { Kernel, TensorParam } from "../ir/kernel/types.ts";
import { holds, type Known, type PartialTensor } from "./conditions.ts";
import { type Filling, valuesFilling } from "./replay-record.ts";

/** What integer tensors hold, row-major, by name. */
export type Contents = ReadonlyMap<string, readonly number[]>;

/** Contents at one case, by how many elements all its tensors have together. */
const FEW_ELEMENTS = 64;
const MOST_OF_FEW = 24;
const MOST_OF_MANY = 6;
/** Conditions evaluated at one case before the search ends with what it has found. */
const MAX_CHECKS = 300_000;

interface Instance {
  readonly condition: Expr;
  readonly variables: ReadonlyMap<string, number>;
}

interface Cell {
  readonly tensor: PartialTensor;
  readonly address: number;
}

/** Elements of all tensors, and instances of all conditions: beyond these there are no contents to be had. */
const MAX_ELEMENTS = 20_000;
const MAX_INSTANCES = 20_000;

/** Empty contents for a kernel without integer tensors; none where its conditions cannot be met, or are too many. */
export function contentsOf(kernel: Kernel, at: LaunchValues): readonly Contents[] {
  const all = kernel.params.filter((param): param is TensorParam => param.kind === "tensor");
  const integers = all.filter(({ role, element }) => role !== "output" && !isFloat(element));
  if (integers.length === 0) return [new Map()];
  const elements = all.reduce((sum, param) => sum + sizeOf(shapeAt(param, at)), 0);
  const instances = kernel.dataRequires.reduce(
    (sum, { variables }) => sum + sizeOf(variables.map(({ extent }) => Number(evaluateSize(extent, at)))),
    0,
  );
  if (elements > MAX_ELEMENTS || instances > MAX_INSTANCES) return [];
  const tensors = new Map(
    integers.map((param): [string, PartialTensor] => {
      const shape = shapeAt(param, at);
      return [param.name, { shape, cells: new Array<number | undefined>(sizeOf(shape)).fill(undefined) }];
    }),
  );
  const most = elements <= FEW_ELEMENTS ? MOST_OF_FEW : MOST_OF_MANY;
  return search(kernel, at, tensors, most);
}

function search(
  kernel: Kernel,
  at: LaunchValues,
  tensors: ReadonlyMap<string, PartialTensor>,
  most: number,
): readonly Contents[] {
  const instances = kernel.dataRequires.flatMap(({ variables, condition }) =>
    assignments(variables.map(({ name, extent }) => [name, Number(evaluateSize(extent, at))])).map(
      (values): Instance => ({ condition, variables: values }),
    ),
  );
  const largest = Math.max(...Object.values(at.dims).map(Number), 0);
  const domain = Array.from({ length: largest + 2 }, (_, i) => i - 1);
  const cells = cellsOf([...tensors.values()]);
  const found: Contents[] = [];
  let checks = 0;
  /** The instances that are still open; `undefined` where one is broken. */
  const remaining = (open: readonly Instance[]): readonly Instance[] | undefined => {
    const left: Instance[] = [];
    for (const instance of open) {
      checks++;
      const known: Known = { tensors, dims: at.dims, scalars: at.scalars, variables: instance.variables };
      const value = holds(instance.condition, known);
      if (value === false) return undefined;
      if (value === undefined) left.push(instance);
    }
    return left;
  };
  const fill = (position: number, open: readonly Instance[]): void => {
    const cell = cells[position];
    if (cell === undefined) {
      if (open.length === 0) found.push(new Map([...tensors].map(([name, tensor]) => [name, numbersOf(tensor)])));
      return;
    }
    for (const value of shuffled(domain, position)) {
      if (found.length >= most || checks > MAX_CHECKS) break;
      cell.tensor.cells[cell.address] = value;
      const left = remaining(open);
      if (left !== undefined) fill(position + 1, left);
    }
    cell.tensor.cells[cell.address] = undefined;
  };
  const open = remaining(instances);
  if (open !== undefined) fill(0, open);
  return found;
}

/** The first elements of all tensors, then the second ones. */
function cellsOf(tensors: readonly PartialTensor[]): readonly Cell[] {
  const longest = Math.max(...tensors.map(({ cells }) => cells.length));
  return Array.from({ length: longest }, (_, address) =>
    tensors.flatMap((tensor) => (address < tensor.cells.length ? [{ tensor, address }] : [])),
  ).flat();
}

function numbersOf({ cells }: PartialTensor): readonly number[] {
  return cells.map((value) => value ?? 0);
}

/** Each assignment of a value below its extent to each variable. */
function assignments(extents: readonly (readonly [string, number])[]): readonly ReadonlyMap<string, number>[] {
  let found: readonly ReadonlyMap<string, number>[] = [new Map()];
  for (const [name, extent] of extents) {
    found = found.flatMap((values) =>
      Array.from({ length: Math.max(0, extent) }, (_, value) => new Map([...values, [name, value]])),
    );
  }
  return found;
}

/** The values in an order of their own for each position. */
function shuffled(values: readonly number[], position: number): readonly number[] {
  const rank = (value: number): number => Math.imul((value + 3) * 31 + position * 17 + 7, 0x9e3779b1) >>> 0;
  return [...values].sort((a, b) => rank(a) - rank(b));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** The contents as fillings of the tensors that have them. */
export function fillingsOf(kernel: Kernel, at: LaunchValues, contents: Contents): (tensor: string) => Filling {
  const shapes = new Map(
    kernel.params.flatMap((param) => (param.kind === "tensor" ? [[param.name, shapeAt(param, at)] as const] : [])),
  );
  return (tensor) => valuesFilling(contents.get(tensor) ?? [], shapes.get(tensor) ?? []);
}
