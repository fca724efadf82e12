/**
 * A kernel as C++ for the CPU: a function template that runs the blocks of the grid which one thread of the CPU has, and the threads
 * of a block in loops, region by region (`regions.ts`).
 *
 *   for block_y, block_x (those of the thread)
 *     shared arrays; arrays of what lives across regions, an element per thread
 *     for thread_y, thread_x: first region
 *     for thread_y, thread_x: second region …
 *
 * Each block is run by one thread of the CPU, in one order: the number of CPU threads does not change the result.
 */

import { dim } from "../../ir/kernel/build.ts";
import type { Axis, Expr } from "../../ir/kernel/expr.ts";
import { rowArray } from "../../ir/kernel/matrix.ts";
import type { Kernel, LetStmt, LocalArray, MmaStmt, RegisterRow } from "../../ir/kernel/types.ts";
import { visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { InternalError } from "../../support/result.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import { isProduct } from "../operations.ts";
import {
  at,
  binary,
  type CExpr,
  type CItem,
  type CStmt,
  type CType,
  call,
  cast,
  constant,
  declare,
  fn,
  integer,
  loop,
  member,
  name,
  param,
  run,
  type,
  unary,
  when,
} from "./c-ast.ts";
import { contractComment } from "./contract-comment.ts";
import { axisName, ELEMENT_C, type Frame, INDEX, lowerExpr, lowerRow, type Place, sharedAlignment } from "./expr.ts";
import { templateName } from "./hip-kernel.ts";
import { AXES, kernelParams, paramList, usedAxes } from "./kernel-params.ts";
import { rowType } from "./lanes.ts";
import { tensorParams } from "./library.ts";
import {
  type Liveness,
  livenessOf,
  namesUsed,
  type Region,
  regionStmts,
  splitRegions,
  type ThreadsRegion,
} from "./regions.ts";
import { forLoop, lowerStmts, SCALAR_C, type StmtContext, stepsLoop } from "./stmt.ts";

/** The axes over which the grid may have more than one block, outermost first: their extents are parameters. */
export function gridAxes({ grid }: Kernel): readonly Axis[] {
  return outermostFirst(AXES.filter((axis) => !(grid[axis].kind === "int" && grid[axis].value === 1n)));
}

function threadAxes({ block }: Kernel): readonly Axis[] {
  return outermostFirst(AXES.filter((axis) => block[axis] > 1n));
}

/** Neighbours along x are neighbours in memory: x is the innermost loop. */
function outermostFirst(axes: readonly Axis[]): readonly Axis[] {
  return [...axes].reverse();
}

export function cpuKernelItems(proved: ProvedKernel, frame: Frame): readonly CItem[] {
  const { kernel } = proved;
  const extents = gridAxes(kernel).map((axis) => param(INDEX, axisName("grid", axis)));
  return [
    fn(
      type("void"),
      templateName(kernel.name),
      [...paramList(kernelParams(frame), INDEX), ...extents, ...(isShared(kernel) ? [param(MEMBER, OWN)] : [])],
      blockLoops(frame, blockBody(frame)),
      { doc: contractComment(proved), template: ["Index"], specifiers: ["static"] },
    ),
  ];
}

/** Whether the kernel may have several blocks, which threads share: its function then runs those of one of them. */
export function isShared(kernel: Kernel): boolean {
  return gridAxes(kernel).length > 0;
}

/**
 * Of a kernel for the GPU a thread of the CPU gets blocks that are neighbours along x, and so in memory. A kernel for vector units has
 * rows along x, of which a thread gets whole ones (`tok_team`), column after column: what a block packs of a column is what the next
 * one needs.
 */
function blockLoops({ kernel }: Frame, body: readonly CStmt[]): readonly CStmt[] {
  const axes = gridAxes(kernel);
  const [only] = axes;
  if (only === undefined) return body;
  if (axes.length === 1) {
    const ownEnd = (which: "first" | "end"): CExpr => call(member(name(OWN), which), [gridEnd(only)]);
    return [blockLoop("block", only, ownEnd("first"), ownEnd("end"), body)];
  }
  return nest("block", axes, gridEnd, [when(call(member(name(OWN), "runs"), blockNumbers(kernel)), body)]);
}

/** What `tok_team::runs` asks of a block: of a kernel for vector units the axes, of any other its number among all. */
function blockNumbers(kernel: Kernel): readonly CExpr[] {
  const axes = gridAxes(kernel);
  if (kernel.simd === undefined) {
    const wide = (axis: Axis): CExpr => cast(type("int64_t"), gridEnd(axis));
    const number = axes.map((axis) => name(axisName("block", axis)));
    return [
      number.reduce((outer, inner, place) => binary("+", binary("*", outer, wide(axes[place] ?? 0)), inner)),
      axes.map(wide).reduce((left, right) => binary("*", left, right)),
    ];
  }
  // A third axis says how blocks are dealt to the threads, also where the second has one block.
  const asked: readonly Axis[] = axes.includes(2) ? [0, 1, 2] : [0, 1];
  return [
    ...asked.map((axis) => (axes.includes(axis) ? name(axisName("block", axis)) : integer(0))),
    ...asked.map((axis) => (axes.includes(axis) ? gridEnd(axis) : integer(1))),
  ];
}

/** The dimensions that `workOf` mentions, in the kernel's order. */
export function workDims({ kernel }: Frame): readonly string[] {
  const used = new Set<string>(isProduct(kernel) ? kernel.dims : []);
  for (const { shape } of tensorParams(kernel)) {
    for (const extent of shape) {
      visitExpr(extent, (inner) => {
        if (inner.kind === "dim") used.add(inner.name);
      });
    }
  }
  return kernel.dims.filter((one) => used.has(one));
}

/** Whether there are several blocks; and the elements of all tensors, and what products are beside them. */
export function workOf(frame: Frame): readonly CExpr[] {
  const { kernel } = frame;
  const several = gridAxes(kernel)
    .map((axis) => binary(">", gridEnd(axis), integer(1)))
    .reduce((left, right) => binary("||", left, right));
  const place = sizePlace(frame);
  const volumeOf = (extents: readonly Expr[]): CExpr =>
    extents
      .map((extent): CExpr => cast(REAL, lowerExpr(extent, frame, place)))
      .reduce((left, right) => binary("*", left, right));
  const elements = tensorParams(kernel).map(({ shape }) => volumeOf(shape));
  const products = isProduct(kernel) ? [volumeOf(kernel.dims.map((name) => dim(name)))] : [];
  const shares = products.map((volume) => binary("/", volume, name("TOK_PRODUCTS_PER_ELEMENT")));
  return [several, [...elements, ...shares].reduce((left, right) => binary("+", left, right))];
}

/** The thread that runs blocks, as their function knows it. */
export const OWN = "tok_own";
export const MEMBER: CType = { kind: "reference", to: constant(type("tok_team")) };
/** Elements are counted in it, since all of them together may be more than an index counts. */
const REAL = type("double");

/** Extents of tensors are made of dimensions alone. */
function sizePlace(frame: Frame): Place {
  const nothing = (): never => {
    throw new InternalError(`${frame.kernel.name}: an extent that is not made of dimensions`);
  };
  return { local: nothing, thread: nothing, block: nothing, array: nothing };
}

const gridEnd = (axis: Axis): CExpr => name(axisName("grid", axis));

function nest(
  of: "thread" | "block",
  axes: readonly Axis[],
  end: (axis: Axis) => CExpr,
  body: readonly CStmt[],
): readonly CStmt[] {
  return axes.reduceRight<readonly CStmt[]>((inner, axis) => [blockLoop(of, axis, integer(0), end(axis), inner)], body);
}

function blockLoop(of: "thread" | "block", axis: Axis, from: CExpr, to: CExpr, body: readonly CStmt[]): CStmt {
  const counter = axisName(of, axis);
  return loop(declare(INDEX, counter, from), binary("<", name(counter), to), unary("++", name(counter)), body);
}

interface Block {
  readonly frame: Frame;
  readonly live: Liveness;
  /** The place of a thread inside the loops over threads, and of thread (0, 0, 0) outside them. */
  readonly inside: Place;
  readonly outside: Place;
}

function blockBody(frame: Frame): readonly CStmt[] {
  const { kernel } = frame;
  const axes = threadAxes(kernel);
  // A block of one thread has nobody to wait for.
  const regions: readonly Region[] =
    axes.length === 0 ? [{ kind: "threads", stmts: kernel.body, repeated: false }] : splitRegions(kernel.body);
  const live = livenessOf(regions, frame);
  const block: Block = { frame, live, inside: threadPlace(frame, live), outside: hoistedPlace(frame, live) };
  const single = (of: "thread" | "block", looped: readonly Axis[]): readonly CStmt[] =>
    AXES.filter((axis) => usedAxes(kernel, of).has(axis) && !looped.includes(axis)).map((axis) =>
      declare(constant(INDEX), axisName(of, axis), integer(0), { unused: true }),
    );
  return [
    ...single("block", gridAxes(kernel)),
    ...single("thread", axes),
    ...kernel.arrays.filter(({ name: array }) => frame.used.has(array)).flatMap((array) => blockArray(array, block)),
    ...regions.flatMap((region) => emitRegion(region, block)),
  ];
}

/** Shared arrays belong to the block; a register array that outlives a region has one copy per thread. */
function blockArray(array: LocalArray, block: Block): readonly CStmt[] {
  switch (array.space) {
    case "shared":
      return [arrayDeclaration(array, [], block.frame)];
    case "register":
      if (!block.live.keptArrays.has(array.name)) return [];
      return [arrayDeclaration(array, threadExtents(block.frame.kernel), block.frame)];
    default:
      array.space satisfies never;
      throw new InternalError("unknown space");
  }
}

function arrayDeclaration(array: LocalArray, outer: readonly CExpr[], frame: Frame): CStmt {
  const row = rowType(array, frame);
  const inner = row === undefined ? array.shape : array.shape.slice(0, -1);
  const extents = [...outer, ...inner.map(integer)];
  const align = sharedAlignment(array, frame);
  return declare(row ?? ELEMENT_C[array.element], frame.names.value(array.name), undefined, { extents, align });
}

function threadExtents(kernel: Kernel): readonly CExpr[] {
  return threadAxes(kernel).map((axis) => integer(kernel.block[axis]));
}

function threadPlace(frame: Frame, live: Liveness): Place {
  const own = threadAxes(frame.kernel).map((axis) => name(axisName("thread", axis)));
  return placeOf(
    frame,
    live,
    own,
    (axis) => name(axisName("thread", axis)),
    (local) => name(frame.names.value(local)),
  );
}

/** Conditions outside the loops over threads are those of thread (0, 0, 0). */
function hoistedPlace(frame: Frame, live: Liveness): Place {
  // As `Index`, so that no arithmetic is that of C's `int`.
  const zero = cast(INDEX, integer(0));
  const first = threadAxes(frame.kernel).map(() => integer(0));
  const place: Place = placeOf(
    frame,
    live,
    first,
    () => zero,
    (local): CExpr => {
      const definition = live.recomputed.get(local);
      return definition === undefined ? name(frame.names.value(local)) : lowerExpr(definition.value, frame, place);
    },
  );
  return place;
}

function placeOf(
  frame: Frame,
  { stored, keptArrays }: Liveness,
  own: readonly CExpr[],
  thread: (axis: Axis) => CExpr,
  plain: (local: string) => CExpr,
): Place {
  return {
    local: (local) => (stored.has(local) ? at(name(frame.names.value(local)), ...own) : plain(local)),
    thread,
    block: (axis) => name(axisName("block", axis)),
    array: (array) => at(name(frame.names.value(array)), ...(keptArrays.has(array) ? own : [])),
  };
}

function emitRegions(regions: readonly Region[], block: Block): readonly CStmt[] {
  return regions.flatMap((region) => emitRegion(region, block));
}

function emitRegion(region: Region, block: Block): readonly CStmt[] {
  const { frame, outside } = block;
  switch (region.kind) {
    case "threads":
      return emitThreads(region, block);
    case "mma":
      return [emitMma(region.stmt, block)];
    case "if": {
      const cond = lowerExpr(region.stmt.cond, frame, outside);
      const [then, otherwise] = [emitRegions(region.then, block), emitRegions(region.else, block)];
      if (then.length === 0) return otherwise.length === 0 ? [] : [when(unary("!", cond), otherwise)];
      return [when(cond, then, otherwise)];
    }
    case "for": {
      const { before, build } = forLoop(region.stmt, frame, outside);
      return [...before, build(emitRegions(region.body, block))];
    }
    case "steps":
      return stepsLoop(region.stmt, frame, emitRegions(region.body, block));
    default:
      region satisfies never;
      throw new InternalError("unknown region");
  }
}

function emitThreads(region: ThreadsRegion, block: Block): readonly CStmt[] {
  const { frame, live, inside } = block;
  const { kernel } = frame;
  const stmts = regionStmts(region, live);
  const used = namesUsed(stmts);
  const own = kernel.arrays.filter(
    ({ space, name: array }) => space === "register" && used.has(array) && !live.keptArrays.has(array),
  );
  const context: StmtContext = {
    frame,
    place: inside,
    stored: live.stored,
    barrier: { block: [], wave: [] },
    // A row of registers is one where its index is known.
    unroll: kernel.simd === undefined ? [] : [{ kind: "pragma", text: "GCC unroll 64" }],
    mma: () => {
      throw new InternalError("fragments are multiplied by all threads of a block");
    },
  };
  const body = [...own.map((array) => arrayDeclaration(array, [], frame)), ...lowerStmts(stmts, context)];
  if (body.length === 0) return [];
  const loops = nest("thread", threadAxes(kernel), (axis) => integer(kernel.block[axis]), body);
  return [...storedDeclarations(region, block), ...(threadAxes(kernel).length === 0 ? body : loops)];
}

/**
 * `tok_mma<tok_gfx11>(256, &acc[0][i][0], 16, &a[0][i][0], 32, &b[0][0][0], 32);`: the rows of thread 0, and how many
 * elements on the same row of the next thread begins.
 */
function emitMma({ accumulator, a, b }: MmaStmt, { frame, outside }: Block): CStmt {
  const { kernel } = frame;
  const threads = kernel.block.reduce((product, extent) => product * extent, 1n);
  const operand = (row: RegisterRow): readonly CExpr[] => {
    const stride = rowArray(kernel, row).shape.reduce((product, extent) => product * extent, 1n);
    return [unary("&", at(lowerRow(row, frame, outside), integer(0))), integer(stride)];
  };
  const args = [integer(threads), ...[accumulator, a, b].flatMap(operand)];
  return run(call("tok_mma", args, [type(`tok_${kernel.matrix}`)]));
}

/** The arrays of the locals that this region makes and a later one reads. */
function storedDeclarations({ stmts }: ThreadsRegion, { frame, live }: Block): readonly CStmt[] {
  const made: LetStmt[] = [];
  visitStmts(stmts, (stmt) => {
    if (stmt.kind === "let" && live.stored.has(stmt.name)) made.push(stmt);
  });
  const extents = threadExtents(frame.kernel);
  return made.map(({ name: local, type: scalar }) => {
    const element: CType = SCALAR_C[scalar];
    return declare(element, frame.names.value(local), undefined, { extents });
  });
}
