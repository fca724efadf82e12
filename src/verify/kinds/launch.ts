/**
 * Launch: the block and its shared memory fit every target, the grid is never negative, and an empty grid (which the
 * launcher does not launch) leaves no output element unwritten. That loops end follows from the IR: their steps are
 * positive constants and their bounds are evaluated once.
 */

import { ELEMENT_BYTES, MAX_BLOCK_THREADS, MAX_SHARED_BYTES } from "../../ir/kernel/limits.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import { type Claim, type GiveId, NO_REPLAY, type Replay } from "../claim.ts";
import type { Summary } from "../summary.ts";
import { eq, le, lt, not, numeral, or, type Term } from "../term.ts";
import { launchAssumptions } from "./assumptions.ts";

/** The sizes say that a launch is wrong, but not that there is one: its data must meet the kernel's conditions. */
const LAUNCHED: Replay = { ...NO_REPLAY, contents: () => true };

export function launchClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  const threads = kernel.block.reduce((product, extent) => product * extent, 1n);
  const bytes = sharedBytes(kernel);
  const claim = (
    name: string,
    statement: string,
    failure: string,
    fix: string,
    hypotheses: readonly Term[],
    replay: Replay = NO_REPLAY,
  ): Claim => ({
    id: giveId("launch", name),
    kind: "launch",
    span: kernel.span,
    statement,
    failure,
    code: "TK308",
    hypotheses,
    replay,
    fix,
  });
  const sizes = launchAssumptions(summary);
  return [
    claim(
      "block",
      `the block of ${threads} threads is at most ${MAX_BLOCK_THREADS}`,
      `the block has ${threads} threads; a target allows ${MAX_BLOCK_THREADS}`,
      "use a smaller block",
      [not(le(numeral(threads), numeral(MAX_BLOCK_THREADS)))],
    ),
    claim(
      "shared",
      `${bytes} bytes of shared memory are at most ${MAX_SHARED_BYTES}`,
      `the block needs ${bytes} bytes of shared memory; a target allows ${MAX_SHARED_BYTES}`,
      "use smaller shared arrays",
      [not(le(numeral(bytes), numeral(MAX_SHARED_BYTES)))],
    ),
    claim(
      "grid",
      "no grid extent is negative",
      "a grid extent may be negative",
      "bound the dimensions with requires(...)",
      [...sizes, or(...summary.grid.map((extent) => lt(extent, "0")))],
      LAUNCHED,
    ),
    ...kernel.params.flatMap((param) => {
      if (param.kind !== "tensor" || param.role !== "output") return [];
      const shape = summary.extents.get(param.name) ?? [];
      return [
        claim(
          `empty.${param.name}`,
          `where the grid is empty, ${param.name} is empty`,
          `the grid may be empty while ${param.name} has elements, which nobody would write`,
          "let the grid cover the whole output",
          [...sizes, or(...summary.grid.map((extent) => eq(extent, "0"))), ...shape.map((extent) => lt("0", extent))],
          LAUNCHED,
        ),
      ];
    }),
  ];
}

function sharedBytes(kernel: Kernel): bigint {
  let bytes = 0n;
  for (const { space, element, shape } of kernel.arrays) {
    if (space === "shared") bytes += shape.reduce((product, extent) => product * extent, ELEMENT_BYTES[element]);
  }
  return bytes;
}
