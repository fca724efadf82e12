/**
 * The loops of a kernel's machine code: natural loops of its control-flow graph (Aho, Lam, Sethi, Ullman, "Compilers", 9.6).
 */

import type { Instruction } from "./disassembly.ts";

export interface Loop {
  /** Loops around it and itself. */
  readonly depth: number;
  /** In the order of addresses, those of inner loops with them. */
  readonly instructions: readonly Instruction[];
  /** Without those of inner loops. */
  readonly own: readonly Instruction[];
}

/** All loops; those with one header are one loop. */
export function findLoops(instructions: readonly Instruction[]): readonly Loop[] {
  const blocks = blocksOf(instructions);
  const reachable = reachableFrom(0, blocks);
  const dominators = dominatorsOf(blocks);
  const bodies = new Map<number, Set<number>>();
  for (const [from, { next }] of blocks.entries()) {
    for (const header of next) {
      if (!reachable.has(from) || dominators[from]?.has(header) !== true) continue;
      const body = bodies.get(header) ?? new Set([header]);
      bodies.set(header, body);
      const open = [from];
      for (let block = open.pop(); block !== undefined; block = open.pop()) {
        if (body.has(block)) continue;
        body.add(block);
        open.push(...(blocks[block]?.before ?? []));
      }
    }
  }
  return [...bodies].map(([header, body]) => {
    const inner = [...bodies].filter(([other]) => other !== header && body.has(other)).map(([, blocks]) => blocks);
    const of = (has: (block: number) => boolean): readonly Instruction[] =>
      blocks.flatMap((block, i) => (has(i) ? block.instructions : []));
    return {
      depth: [...bodies.values()].filter((other) => other.has(header)).length,
      instructions: of((i) => body.has(i)),
      own: of((i) => body.has(i) && !inner.some((other) => other.has(i))),
    };
  });
}

interface Block {
  readonly instructions: readonly Instruction[];
  readonly next: readonly number[];
  readonly before: number[];
}

/** Those that start at address 0 of the kernel come first. */
function blocksOf(instructions: readonly Instruction[]): readonly Block[] {
  const isBranch = ({ mnemonic }: Instruction): boolean => /^s_(c?branch|endpgm|setpc|swappc)/.test(mnemonic);
  const leaders = new Set<number>([0]);
  const positions = new Map(instructions.map(({ address }, i) => [address, i]));
  for (const [i, instruction] of instructions.entries()) {
    if (!isBranch(instruction)) continue;
    leaders.add(i + 1);
    const target = instruction.target === undefined ? undefined : positions.get(instruction.target);
    if (target !== undefined) leaders.add(target);
  }
  const starts = [...leaders].filter((i) => i < instructions.length).sort((a, b) => a - b);
  const blockAt = new Map(starts.map((start, block) => [start, block]));
  const blocks = starts.map((start, i): Block => {
    const list = instructions.slice(start, starts[i + 1]);
    const last = list.at(-1);
    const target = last?.target === undefined ? undefined : blockAt.get(positions.get(last.target) ?? -1);
    const falls = last !== undefined && !/^s_(branch|endpgm|setpc|swappc)/.test(last.mnemonic);
    const following = falls && i + 1 < starts.length ? [i + 1] : [];
    return { instructions: list, next: [...(target === undefined ? [] : [target]), ...following], before: [] };
  });
  for (const [i, { next }] of blocks.entries()) for (const to of next) blocks[to]?.before.push(i);
  return blocks;
}

/** What lies behind a kernel's end is no part of it: padding, and code that nothing jumps to. */
function reachableFrom(first: number, blocks: readonly Block[]): ReadonlySet<number> {
  const found = new Set<number>();
  const open = [first];
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    if (found.has(block)) continue;
    found.add(block);
    open.push(...(blocks[block]?.next ?? []));
  }
  return found;
}

/** For each block those on every way to it. */
function dominatorsOf(blocks: readonly Block[]): readonly ReadonlySet<number>[] {
  const all = new Set(blocks.keys());
  const found: Set<number>[] = blocks.map((_, i) => (i === 0 ? new Set([0]) : new Set(all)));
  for (let changed = true; changed; ) {
    changed = false;
    for (const [i, { before }] of blocks.entries()) {
      if (i === 0) continue;
      const common = new Set(
        [...(found[before[0] ?? i] ?? [])].filter((block) =>
          before.every((other) => found[other]?.has(block) === true),
        ),
      ).add(i);
      if (common.size !== found[i]?.size) {
        found[i] = common;
        changed = true;
      }
    }
  }
  return found;
}
