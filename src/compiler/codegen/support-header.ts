/**
 * `tokitai_support.hpp`: the part of every generated library that is the same in all of them.
 *
 * It holds the types of the ABI, the integer and memory helpers of kernels, checked 64-bit arithmetic, the launchers' checks with
 * their messages, and the views of a program's buffers. The text is constant; what depends on a library comes from the syntax tree.
 */

import { MAX_GRID, MAX_GRID_THREADS, SIZE_LIMITS } from "../../ir/kernel/limits.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import { abiItems } from "./abi-types.ts";
import type { CItem } from "./c-ast.ts";
import { printFile } from "./c-print.ts";
import { CHECKED, LIMITS_COMMENT, OPENING, PROLOGUE } from "./support-arithmetic.ts";
import { CHECKS, LAUNCH, MESSAGES } from "./support-checks.ts";
import { DATA } from "./support-data.ts";
import { DEVICE } from "./support-device.ts";
import { FUNCTIONS } from "./support-functions.ts";
import { HALF } from "./support-half.ts";
import { HALF_LANES, LANES, TRANSPOSITION, UNITS } from "./support-lanes.ts";
import { MATRIX } from "./support-matrix.ts";
import { MEMORY } from "./support-memory.ts";
import { CREW, TEAM } from "./support-team.ts";

export const SUPPORT_PATH = "tokitai_support.hpp";

/** With what fragments need where one of the kernels has some: host compilers lack the vectors of clang in it. */
export function supportHeader(kernels: readonly ProvedKernel[]): string {
  const fragments = kernels.some(({ kernel }) => kernel.matrix !== undefined) ? MATRIX : "";
  const lanes = kernels.some(({ kernel }) => kernel.simd !== undefined)
    ? `${LANES}${HALF_LANES}${FUNCTIONS}${TRANSPOSITION}`
    : "";
  return `${OPENING}${printFile(abiItems())}${PROLOGUE}${TEAM}${CREW}${HALF}${MEMORY}${fragments}${lanes}${LIMITS_COMMENT}${printFile(limitItems())}${CHECKED}${MESSAGES}${CHECKS}${DEVICE}${DATA}${lanes === "" ? "" : UNITS}${LAUNCH}`;
}

/** The limits that proofs assume and launchers check: one table, two uses. */
function limitItems(): readonly CItem[] {
  const limit = (name: string, value: bigint): CItem => ({ kind: "define", name, value: { kind: "int", value } });
  return [
    limit("TOK_MAX_DIM", SIZE_LIMITS[64].maxDim),
    limit("TOK_MAX_ELEMENTS", SIZE_LIMITS[64].maxElements),
    limit("TOK_MAX_DIM_I32", SIZE_LIMITS[32].maxDim),
    limit("TOK_MAX_ELEMENTS_I32", SIZE_LIMITS[32].maxElements),
    limit("TOK_MAX_GRID_X", MAX_GRID[0]),
    limit("TOK_MAX_GRID_Y", MAX_GRID[1]),
    limit("TOK_MAX_GRID_Z", MAX_GRID[2]),
    limit("TOK_MAX_GRID_THREADS", MAX_GRID_THREADS),
  ];
}
