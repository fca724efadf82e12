/**
 * Contents of integer tensors at a case: what they may hold under the kernel's conditions on data.
 *
 * Elements take the integers from −1 to the largest size. They are filled in one after the other, element by element of
 * all tensors, each value in an order that a hash decides; a condition that the elements so far already break ends a
 * branch. All contents are tried where there are few, else the first that are found. An instance of a condition waits for
 * one unknown element that it needs, and is evaluated again when that has a value.
 */

import { isFloat } from "../ir/kernel/elements.ts";
import { evaluateSize, type LaunchValues, shapeAt } from "../ir/kernel/interpret-launch.ts";
import type { Kernel, TensorParam } from "../ir/kernel/types.ts";
import { type Cell, compileCondition, type Known, type PartialTensor } from "./conditions.ts";
import { type Filling, valuesFilling } from "./replay-record.ts";

/** What integer tensors hold, row-major, by name. */
export type Contents = ReadonlyMap<string, readonly number[]>;

/** Contents at one case, by how many elements all its tensors have together. */
const FEW_ELEMENTS = 64;
const MOST_OF_FEW = 24;
const MOST_OF_MANY = 6;
/** Conditions evaluated at one case before the search ends with what it has found. */
const MAX_CHECKS = 300_000;

/** A condition at values of its variables: whether it holds, or an element that decides it. */
type Instance = () => boolean | Element;

/** An element of an integer tensor, with the instances that wait for it. */
interface Element extends Cell {
  readonly waiting: Instance[];
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
    integers.map((param, position): [string, PartialTensor<Element>] => {
      const shape = shapeAt(param, at);
      // The first elements of all tensors, then the second ones.
      const turnOf = (address: number): number => address * integers.length + position;
      const cells = Array.from({ length: sizeOf(shape) }, (_, address): Element => {
        return { value: undefined, turn: turnOf(address), waiting: [] };
      });
      return [param.name, { shape, cells }];
    }),
  );
  const most = elements <= FEW_ELEMENTS ? MOST_OF_FEW : MOST_OF_MANY;
  return search(kernel, at, tensors, most);
}

function search(
  kernel: Kernel,
  at: LaunchValues,
  tensors: ReadonlyMap<string, PartialTensor<Element>>,
  most: number,
): readonly Contents[] {
  const instances = kernel.dataRequires.flatMap(({ variables, condition }) =>
    assignments(variables.map(({ name, extent }) => [name, Number(evaluateSize(extent, at))])).map(
      (values): Instance => {
        const known: Known<Element> = { tensors, dims: at.dims, scalars: at.scalars, variables: values };
        return compileCondition(condition, known);
      },
    ),
  );
  const largest = Math.max(...Object.values(at.dims).map(Number), 0);
  const domain = Array.from({ length: largest + 2 }, (_, i) => i - 1);
  const elements = [...tensors.values()].flatMap(({ cells }) => cells).sort((a, b) => a.turn - b.turn);
  const orders: (readonly number[])[] = [];
  const found: Contents[] = [];
  let checks = 0;
  /** The elements for which the instances wait now; `undefined` where one is broken. */
  const settle = (open: readonly Instance[]): readonly Element[] | undefined => {
    const decisive: Element[] = [];
    // Those that have come last to wait need nothing else, and are the ones that break.
    for (const instance of open.toReversed()) {
      checks++;
      const value = instance();
      if (value === false) {
        release(decisive);
        return undefined;
      }
      if (value === true) continue;
      value.waiting.push(instance);
      decisive.push(value);
    }
    return decisive;
  };
  const fill = (position: number): void => {
    const element = elements[position];
    if (element === undefined) {
      found.push(new Map([...tensors].map(([name, { cells }]) => [name, cells.map(({ value }) => value ?? 0)])));
      return;
    }
    orders[position] ??= shuffled(domain, position);
    for (const value of orders[position]) {
      if (found.length >= most || checks > MAX_CHECKS) break;
      element.value = value;
      const decisive = settle(element.waiting);
      if (decisive === undefined) continue;
      fill(position + 1);
      release(decisive);
    }
    element.value = undefined;
  };
  if (settle(instances) !== undefined) fill(0);
  return found;
}

/** Takes back what has come last to wait for each of them. */
function release(elements: readonly Element[]): void {
  for (const { waiting } of elements) waiting.pop();
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
  const ranked = values.map((value) => ({
    value,
    rank: Math.imul((value + 3) * 31 + position * 17 + 7, 0x9e3779b1) >>> 0,
  }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ value }) => value);
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
