/**
 * The shapes at which a kernel is executed: its text in, sizes and integer scalars of every launch to try out.
 *
 * A dimension takes 0, 1, 2, and T − 1, T, T + 1 for each *tile* T that the kernel cuts it into (`tiles.ts`), or the nearest
 * sizes around T where the contract allows none of these. Without a tile it takes 0, 1, 2 and 3, and these beside its tiles'
 * sizes in a kernel without floats. All combinations are tried that the kernel's contract allows, small ones first. Of large
 * tiles the combinations of several large sizes would take minutes: then small ones are tried as far as `MAX_VOLUME` goes, and
 * the largest that is not beyond it; where data decides what is done with a row, also small ones of any two sizes. How many
 * were left out is said. What lies beyond a first tile is tried at small sizes of the other dimensions.
 */

import { isFloat } from "../../ir/kernel/elements.ts";
import { allowsSize, brokenConditions, type LaunchValues, withDerived } from "../../ir/kernel/interpret-launch.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import { FLOATS } from "../float-scalars.ts";
import { bindSignature } from "./signature.ts";
import { tilesIn } from "./tiles.ts";

/** Integer scalars take several values; a float's value only has to meet the contract. */
export type Case = LaunchValues;

export interface Cases {
  readonly cases: readonly Case[];
  /** `B ∈ {0, 1, 2}, N ∈ {0, 1, 127, 128, 129}` of those that were executed; completes "at shapes". */
  readonly textOf: (executed: readonly Case[]) => string;
}

/** Larger tiles are not executed whole, and are named. */
const MAX_TILE = 1_024;
/** Of larger tiles only T and T + 1 are tried. */
const WIDE_TILE = 256;
const MAX_COMBINATIONS = 1_300;
/** Π (size + 1) summed over all combinations: up to this all of them are tried, beyond it as many as make `MAX_VOLUME`. */
const ALL_VOLUME = 300_000;
const MAX_VOLUME = 50_000;
/** Of two sizes whose smallest shape is beyond this, the shape is not tried for their sake. */
const MAX_PAIR_VOLUME = 8_000;
/** By what the work on normalised rows of products exceeds that on products of the same sizes, per element of a row. */
const NORMALISED_SHARE = 32;
const WITHOUT_TILE = [0, 1, 2, 3];
/** How far around a tile sizes are sought that the contract allows. */
const MAX_DISTANCE = 64;
/** Shapes beyond the first tile are tried up to this volume, and how many sizes of the other dimensions are looked at. */
const MAX_LATER_VOLUME = 36_000;
const FEW_SIZES = 4;
/** How many values an integer scalar takes at one shape. */
const SCALAR_VALUES = 3;

export function casesOf(kernel: Kernel): Cases {
  const derived = new Set(kernel.where.map(({ dim }) => dim));
  const free = kernel.dims.filter((name) => !derived.has(name));
  const tilesOf = tilesIn(kernel);
  // Contents of index tensors are found for few large sizes, so that of these kernels the small ones have to show most.
  const integersAlone = kernel.params.every(({ element }) => !isFloat(element));
  const sizes = new Map(
    free.map((name) => [name, sizesOf(tilesOf(name), integersAlone, (size) => allowsSize(kernel, name, BigInt(size)))]),
  );
  const work = normalisesProducts(kernel) ? normalisedVolume : volume;
  const allowed = combinations(fewEnough(sizes))
    .sort((a, b) => work(a) - work(b))
    .map((shape) => ({ shape, cases: scalarsAt(kernel, withDerived(kernel, shape)) }))
    .filter((one) => one.cases.length > 0);
  const few = smallEnough(allowed.map(({ shape }) => work(shape)));
  const shapes = allowed.map(({ shape }) => shape);
  const kept = kernel.dataRequires.length === 0 ? few : new Set([...few, ...pairsOf(shapes, work)]);
  const cases = [
    ...allowed.filter((_, position) => kept.has(position)).flatMap((one) => one.cases),
    ...laterTiles(kernel, sizes, tilesOf).filter((one) => !isAmong(one, allowed, kept)),
  ];
  const left = kept.size === allowed.length ? "" : `, ${kept.size} of ${allowed.length} combinations`;
  const used = (executed: readonly Case[], name: string): string => {
    const values = new Set(executed.map(({ dims }) => Number(dims[name] ?? 0n)));
    const large = [...tilesOf(name)].filter((tile) => tile > MAX_TILE);
    const left = large.length === 0 ? "" : ` (not tried around ${large.join(", ")})`;
    return `${name} ∈ {${[...values].sort((a, b) => a - b).join(", ")}}${left}`;
  };
  const textOf = (executed: readonly Case[]): string =>
    free.length === 0 ? "without dimensions" : `${free.map((name) => used(executed, name)).join(", ")}${left}`;
  return { cases, textOf };
}

function isAmong(
  { dims }: Case,
  allowed: readonly { readonly cases: readonly Case[] }[],
  kept: ReadonlySet<number>,
): boolean {
  return allowed.some(
    ({ cases }, position) =>
      kept.has(position) && cases.some((one) => Object.entries(dims).every(([name, size]) => one.dims[name] === size)),
  );
}

function sizesOf(
  found: ReadonlySet<number>,
  integersAlone: boolean,
  allows: (size: number) => boolean,
): readonly number[] {
  const tiles = [...found].filter((tile) => tile <= MAX_TILE);
  if (tiles.length === 0) return WITHOUT_TILE.filter(allows);
  const all = new Set([
    ...(integersAlone ? WITHOUT_TILE : [0, 1, 2]),
    ...tiles.flatMap((tile) => {
      const own = tile > WIDE_TILE ? [tile, tile + 1] : [tile - 1, tile, tile + 1];
      return own.some(allows) ? own : nearest(tile, allows);
    }),
  ]);
  return [...all].filter((size) => size >= 0 && allows(size)).sort((a, b) => a - b);
}

/** The allowed sizes next to a tile's, on both sides. */
function nearest(tile: number, allows: (size: number) => boolean): readonly number[] {
  const distances = Array.from({ length: MAX_DISTANCE }, (_, i) => i + 1);
  return [-1, 1].flatMap((side) => distances.map((distance) => tile + side * distance).find(allows) ?? []);
}

/** Drops sizes of the dimension with the most until the combinations can be tried: those below a tile first. */
function fewEnough(sizes: ReadonlyMap<string, readonly number[]>): ReadonlyMap<string, readonly number[]> {
  const kept = new Map([...sizes].map(([name, values]) => [name, [...values]]));
  const count = (): number => [...kept.values()].reduce((product, values) => product * values.length, 1);
  while (count() > MAX_COMBINATIONS) {
    const longest = [...kept.values()].reduce((most, values) => (values.length > most.length ? values : most));
    longest.splice(longest.length > 3 ? 2 : 0, 1);
  }
  return kept;
}

/** Positions among ascending volumes: as many of the first ones as there is room for, and the largest with room of its own. */
function smallEnough(volumes: readonly number[]): ReadonlySet<number> {
  if (volumes.reduce((sum, own) => sum + own, 0) <= ALL_VOLUME) return new Set(volumes.keys());
  const largest = volumes.findLastIndex((own) => own <= MAX_VOLUME);
  let room = MAX_VOLUME;
  const kept = new Set(largest < 0 ? [] : [largest]);
  for (const [position, own] of volumes.entries()) {
    room -= own;
    if (room < 0) break;
    kept.add(position);
  }
  return kept;
}

/**
 * Positions among shapes in ascending order: for every two sizes of two dimensions, the smallest shape without a 0 that has
 * both. How rows are dealt to groups is in the data, so that what happens to a group's last tile shows only where there are
 * several groups and more rows than a tile has, and not at the largest groups or the most rows alone.
 */
function pairsOf(
  shapes: readonly Readonly<Record<string, bigint>>[],
  work: (shape: Readonly<Record<string, bigint>>) => number,
): readonly number[] {
  const seen = new Set<string>();
  return shapes.flatMap((shape, position) => {
    const sizes = Object.entries(shape);
    if (sizes.some(([, size]) => size === 0n) || work(shape) > MAX_PAIR_VOLUME) return [];
    const pairs = sizes.flatMap(([a, size], i) => sizes.slice(i + 1).map(([b, other]) => `${a}=${size},${b}=${other}`));
    const isNew = pairs.some((pair) => !seen.has(pair));
    for (const pair of pairs) seen.add(pair);
    return isNew ? [position] : [];
  });
}

/**
 * Launches beyond the first tile: of each dimension two whole tiles, and of each two dimensions two whole tiles of one beside more
 * than one tile of the other, at the smallest sizes of the rest. What a kernel does with a whole tile alone, as where it moves
 * vectors, is right for the first one even when it forgets where the tile begins.
 */
function laterTiles(
  kernel: Kernel,
  sizes: ReadonlyMap<string, readonly number[]>,
  tilesOf: (name: string) => ReadonlySet<number>,
): readonly Case[] {
  const names = [...sizes.keys()];
  // Of a small tile there are several in a larger one.
  const beyond = (name: string, least: (tile: number) => number): readonly number[] => {
    const tiles = [...tilesOf(name)].filter((tile) => tile <= MAX_TILE);
    if (tiles.length === 0) return [];
    const size = nearestFrom(least(Math.max(...tiles)), (one) => allowsSize(kernel, name, BigInt(one)));
    return size === undefined ? [] : [size];
  };
  const twice = new Map(names.map((name) => [name, beyond(name, (tile) => 2 * tile)]));
  const more = new Map(names.map((name) => [name, beyond(name, (tile) => tile + 1)]));
  const given = names.flatMap((name, position) => [
    ...(twice.get(name) ?? []).map((size) => ({ [name]: size })),
    ...names.slice(position + 1).flatMap((other) =>
      [
        [twice, more],
        [more, twice],
        [more, more],
      ].flatMap(([one, its]) =>
        combinations(new Map([name, other].map((which, i) => [which, (i === 0 ? one : its)?.get(which) ?? []]))),
      ),
    ),
  ]);
  const seen = new Set<string>();
  return given.flatMap((large): readonly Case[] => {
    const key = JSON.stringify(Object.entries(large).map(([name, size]) => [name, Number(size)]));
    if (seen.has(key)) return [];
    seen.add(key);
    return smallestWith(kernel, sizes, large);
  });
}

/** The launches at the smallest shape that has these sizes; none where it is not allowed, or beyond what is tried. */
function smallestWith(
  kernel: Kernel,
  sizes: ReadonlyMap<string, readonly number[]>,
  large: Readonly<Record<string, number | bigint>>,
): readonly Case[] {
  const rest = [...sizes].filter(([name]) => large[name] === undefined);
  // Others of size 2 tell apart what those of size 1 do not.
  const few = new Map(rest.map(([name, values]) => [name, values.filter((size) => size > 0).slice(0, FEW_SIZES)]));
  const given = Object.fromEntries(Object.entries(large).map(([name, size]) => [name, BigInt(size)]));
  const shapes = combinations(few).map((shape) => ({ ...shape, ...given }));
  const tried = shapes.filter((shape) => volume(shape) <= MAX_LATER_VOLUME);
  for (const shape of tried.sort((a, b) => ones(a) - ones(b) || volume(a) - volume(b))) {
    const found = scalarsAt(kernel, withDerived(kernel, shape));
    if (found.length > 0) return found;
  }
  return [];
}

function ones(shape: Readonly<Record<string, bigint>>): number {
  return Object.values(shape).filter((size) => size === 1n).length;
}

/** The first allowed size from there on. */
function nearestFrom(least: number, allows: (size: number) => boolean): number | undefined {
  return Array.from({ length: MAX_DISTANCE }, (_, i) => least + i).find(allows);
}

function combinations(sizes: ReadonlyMap<string, readonly number[]>): Readonly<Record<string, bigint>>[] {
  let found: Record<string, bigint>[] = [{}];
  for (const [name, values] of sizes) {
    found = found.flatMap((shape) => values.map((value) => ({ ...shape, [name]: BigInt(value) })));
  }
  return found;
}

function volume(shape: Readonly<Record<string, bigint>>): number {
  return Object.values(shape).reduce((product, size) => product * (Number(size) + 1), 1);
}

/** Each element of a normalised row is a sum over the whole row, of as many products as a product of matrices has. */
function normalisedVolume(shape: Readonly<Record<string, bigint>>): number {
  return (volume(shape) * Math.max(...Object.values(shape).map(Number), 1)) / NORMALISED_SHARE;
}

/** Whether the kernel claims to normalise rows of a product of matrices. */
function normalisesProducts(kernel: Kernel): boolean {
  const steps = bindSignature(kernel)?.signature.steps({}) ?? [];
  const products = new Set(
    steps.filter(({ op }) => op.kind === "linear" || op.kind === "grouped-linear").map(({ id }) => id),
  );
  return steps.some(({ op }) => (op.kind === "layer-norm" || op.kind === "grouped-layer-norm") && products.has(op.x));
}

/** The launches at a shape: none where its contract forbids it. */
function scalarsAt(kernel: Kernel, dims: Readonly<Record<string, bigint>>): readonly Case[] {
  const scalars = kernel.params.filter(({ kind }) => kind === "scalar");
  const sizes = Object.values(dims).map(Number);
  const integers = [...new Set([0, 1, 2, 3, ...sizes, ...sizes.map((size) => size - 1)])].sort((a, b) => a - b);
  let found: Record<string, number>[] = [{}];
  for (const { name, element } of scalars) {
    found = found.flatMap((values) =>
      (element === "f32" ? FLOATS : integers).map((value) => ({ ...values, [name]: value })),
    );
  }
  const width = kernel.indexWidth === "i32" ? 32 : 64;
  const allowed = found.filter((values) => brokenConditions(kernel, { dims, scalars: values }, width).length === 0);
  const seen = new Map<string, Case>();
  for (const values of allowed) {
    const key = scalars.map(({ name, element }) => (element === "f32" ? "" : String(values[name]))).join();
    if (!seen.has(key)) seen.set(key, { dims, scalars: values });
  }
  const cases = [...seen.values()];
  // The least and the greatest: what lies between adds little.
  return cases.length <= SCALAR_VALUES ? cases : [...cases.slice(0, SCALAR_VALUES - 1), ...cases.slice(-1)];
}
