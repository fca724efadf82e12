/**
 * How fast a kernel would run at given sizes: its launch, its machine code and a target in, a share of the GPU's peak out.
 *
 * A *unit* is a compute unit, or a work-group processor of RDNA. Blocks are dealt to the units in turn, and the unit with most of
 * them, ⌈blocks / units⌉, ends last; it runs as many at a time as fit. m blocks of w waves per SIMD take
 *
 *   m·w · iterations · pace(m) + max(m·w · clocks of the rest, clocks of the rest for a wave alone)
 *
 * of a SIMD's clocks, where the rest is all code outside of the hottest loop, taken as run once (docs/targets.md). Meanwhile memory
 * delivers each tensor once, where all of them fit into the last cache. Where they do not, blocks that run at one time are taken to
 * be a square patch of the result, of which those in a row or in a column read the same: what the blocks ask for comes √n times less
 * often from memory, for n blocks at a time. The longer of the two is the kernel's time.
 */

import type { Kernel } from "../ir/kernel/types.ts";
import { type Bound, type CodeWork, paceOf } from "./build/hot-loop.ts";
import { gridBlocks, operationsPerThread, type Sizes, tensorBytes, usefulOperations } from "./operations.ts";
import { type Occupancy, simdsPerUnit, type Target, unitsOf } from "./targets.ts";

/** Changes when a formula or a constant of the model does: what was chosen by another version is chosen anew. */
export const MODEL_VERSION = 1;

export interface Prediction {
  /** Of the GPU's peak: matrix instructions for the loop's types where it has some, else vector instructions. */
  readonly share: number;
  readonly seconds: number;
  readonly bound: Bound;
  /** Of the hottest loop alone, with as many waves as fit. */
  readonly loopShare: number;
  /** Useful operations of those executed: the rest are beyond the edges of tensors. */
  readonly padding: number;
  /** Mean blocks of a unit over those of the unit that ends last. */
  readonly balance: number;
  /** Bytes from memory. */
  readonly memoryBytes: number;
}

/** What a launch asks of a GPU, whatever the code. */
export interface Launch {
  readonly blocks: number;
  /** Of a block. */
  readonly threads: number;
  /** Floating-point operations of all threads, and those of them that make the result. */
  readonly executed: number;
  readonly useful: number;
  /** Of all tensors. */
  readonly bytes: number;
}

/**
 * Of a kernel's IR. Useful operations are those of the product that it claims, or else all: then nothing is said of padding.
 * `undefined` where operations depend on data.
 */
export function launchOf(kernel: Kernel, sizes: Sizes): Launch | undefined {
  const perThread = operationsPerThread(kernel, sizes);
  if (perThread === undefined) return undefined;
  const blocks = gridBlocks(kernel, sizes);
  const threads = kernel.block.reduce((count, extent) => count * Number(extent), 1);
  const executed = perThread * threads * blocks;
  return {
    blocks,
    threads,
    executed,
    useful: usefulOperations(kernel, sizes) ?? executed,
    bytes: tensorBytes(kernel, sizes),
  };
}

/** `undefined` where the code has no loop with operations, where a block does not fit, or where nothing is launched. */
export function predict(
  { blocks, threads, executed, useful, bytes }: Launch,
  { loop, rest, occupancy }: CodeWork & { readonly occupancy: Occupancy },
  target: Target,
): Prediction | undefined {
  if (loop === undefined || loop.flops === 0 || occupancy.blocks === 0 || blocks === 0) return undefined;
  const { product } = target;
  const units = unitsOf(target);
  const wavesOfGrid = blocks * Math.ceil(threads / target.waveSize);
  const iterations = executed / wavesOfGrid / loop.flops;
  const { wavesOfBlock } = occupancy;
  const clocksOf = (together: number): number => {
    if (together === 0) return 0;
    const waves = together * wavesOfBlock;
    const restBusy = Math.max(rest.clocks.arithmetic, rest.clocks.lds, rest.clocks.memory);
    return waves * iterations * paceOf(loop, together, wavesOfBlock) + Math.max(waves * restBusy, rest.alone.clocks);
  };
  const most = Math.ceil(blocks / units);
  const rounds = Math.floor(most / occupancy.blocks);
  const clocks = rounds * clocksOf(occupancy.blocks) + clocksOf(most - rounds * occupancy.blocks);
  const asked = wavesOfGrid * (iterations * loop.memoryBytes + rest.memoryBytes);
  const atOnce = Math.min(blocks, occupancy.blocks * units);
  const memoryBytes = bytes <= product.cacheBytes ? bytes : Math.max(bytes, asked / Math.sqrt(atOnce));
  const [computing, moving] = [clocks / product.clock, memoryBytes / product.memoryBandwidth];
  const seconds = Math.max(computing, moving);
  const simds = product.computeUnits * simdsPerUnit(target);
  return {
    share: useful / (seconds * product.clock * simds * loop.peak),
    seconds,
    bound: moving > computing ? "memory" : loop.bound,
    loopShare: loop.share,
    padding: executed === 0 ? 1 : useful / executed,
    balance: blocks / units / most,
    memoryBytes,
  };
}
