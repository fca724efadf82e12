/** Which thread runs a block of a kernel for vector units: each block has one, and the threads have as many as one another. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emitHeader } from "../../src/compiler/codegen/header.ts";
import { SUPPORT_PATH, supportHeader } from "../../src/compiler/codegen/support-header.ts";

/** Reads `threads grid_x grid_y grid_z` from its arguments, 0 for a grid without z; prints the thread of each block, or −1. */
const PROGRAM = `
#include "team.h"
#include "${SUPPORT_PATH}"
#include <cstdio>
int main(int, char **given) {
  const int64_t threads = atoll(given[1]), gx = atoll(given[2]), gy = atoll(given[3]), gz = atoll(given[4]);
  for (int64_t z = 0; z < (gz == 0 ? 1 : gz); ++z) {
    for (int64_t y = 0; y < gy; ++y) {
      for (int64_t x = 0; x < gx; ++x) {
        int64_t owner = -1;
        for (int64_t thread = 0; thread < threads; ++thread) {
          const tok_team team = {thread, threads};
          if (!(gz == 0 ? team.runs(x, y, gx, gy) : team.runs(x, y, z, gx, gy, gz))) continue;
          owner = owner == -1 ? thread : -2;
        }
        printf("%d\\n", (int)owner);
      }
    }
  }
}
`;

const folder = mkdtempSync(join(tmpdir(), "tokitai-team-"));
beforeAll(() => {
  writeFileSync(join(folder, SUPPORT_PATH), supportHeader([]));
  writeFileSync(join(folder, "team.h"), emitHeader({ name: "team", kernels: [], plans: [] }).text);
  writeFileSync(join(folder, "team.cpp"), PROGRAM);
  execFileSync("g++", ["-std=c++17", "-O1", "-fopenmp", "team.cpp", "-o", "team"], { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The threads of the blocks, x innermost. */
function owners(threads: number, x: number, y: number, z = 0): readonly number[] {
  const text = execFileSync(join(folder, "team"), [threads, x, y, z].map(String), { encoding: "utf8" });
  return text.trim().split("\n").map(Number);
}

function counts(threads: number, of: readonly number[]): readonly number[] {
  return Array.from({ length: threads }, (_, thread) => of.filter((owner) => owner === thread).length);
}

describe("the threads of a grid of blocks", () => {
  it.each([1, 2, 3, 5, 8, 13])("are one for each block, %i of them", (threads) => {
    for (const [x, y, z] of [
      [1, 1, 0],
      [1, 4, 0],
      [3, 5, 0],
      [8, 4, 0],
      [1, 1, 1],
      [2, 3, 1],
      [3, 4, 4],
      [2, 33, 3],
      [1, 300, 2],
      [5, 1, 7],
    ] as const) {
      const found = owners(threads, x, y, z);
      expect(found).toHaveLength(x * y * Math.max(1, z));
      expect(
        found.filter((owner) => owner < 0 || owner >= threads),
        `${x} × ${y} × ${z}`,
      ).toEqual([]);
    }
  });

  it.each([2, 3, 4])("have as many blocks as one another, %i of them", (threads) => {
    const found = counts(threads, owners(threads, 7, 12));
    expect(Math.max(...found) - Math.min(...found)).toBeLessThanOrEqual(1);
  });

  it("have whole rows where these can be divided", () => {
    const found = owners(2, 4, 3);
    const rows = [0, 1, 2, 3].map((x) => new Set([0, 1, 2].map((y) => found[y * 4 + x])));
    expect(rows.map((row) => [...row])).toEqual([[0], [0], [1], [1]]);
  });

  it("share each row of many blocks, so that empty ones make no difference", () => {
    const [x, y] = [4, 64];
    const found = owners(2, x, y, 3);
    for (const row of [0, 5, 11]) {
      const own = Array.from({ length: y }, (_, column) => found[(Math.floor(row / x) * y + column) * x + (row % x)]);
      expect(counts(2, own as readonly number[])).toEqual([32, 32]);
    }
  });

  it("take turns at rows of few blocks, each z beginning with another thread", () => {
    const found = owners(2, 4, 2, 2);
    expect(found.slice(0, 4)).toEqual([0, 1, 0, 1]);
    expect(found.slice(8, 12)).toEqual([1, 0, 1, 0]);
  });
});
