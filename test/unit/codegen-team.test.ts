/** Which thread runs a block of a kernel for vector units: each block has one, and the threads have as many as one another. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emitHeader } from "../../src/compiler/codegen/header.ts";
import { SUPPORT_PATH, supportHeader } from "../../src/compiler/codegen/support-header.ts";

/**
 * Reads `threads grid_x grid_y grid_z` from its arguments, 0 for a grid without z, and also without y for one that threads have in
 * stretches; prints the thread of each block, or −1.
 */
const PROGRAM = `
#include "team.h"
#include "${SUPPORT_PATH}"
#include <cstdio>
int main(int, char **given) {
  const int64_t threads = atoll(given[1]), gx = atoll(given[2]), gy = atoll(given[3]), gz = atoll(given[4]);
  for (int64_t x = 0; x < (gy == 0 ? gx : 0); ++x) {
    int64_t owner = -1;
    for (int64_t thread = 0; thread < threads; ++thread) {
      const tok_team team = {thread, threads};
      const bool inside = team.first(gx) <= x && x < team.end(gx);
      if (inside != team.runs(x, gx)) return 1;
      if (inside) owner = owner == -1 ? thread : -2;
    }
    printf("%d\\n", (int)owner);
  }
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

/**
 * Shares many launches of few blocks, within a program and outside of one; after each, all blocks have run once. Prints how many
 * launches had more than one thread, of each kind, and the statuses of two programs.
 */
const LAUNCHES = `
#define TOK_LAUNCHERS
#include "team.h"
#include "${SUPPORT_PATH}"
#include <cstdio>
static int64_t cells[8];
static std::atomic<int64_t> members;
static void add(const tok_launch &launch, const tok_team &own) {
  ++members;
  for (int64_t block = own.first((int64_t)launch.grid[0]); block < own.end((int64_t)launch.grid[0]); ++block) {
    cells[block] += launch.grid[1];
  }
}
static int64_t shared_of(int launches, double elements) {
  int64_t shared = 0;
  for (int i = 0; i < launches; ++i) {
    tok_launch launch = {};
    launch.grid[0] = 1 + i % 8;
    launch.grid[1] = i;
    const int64_t before = members;
    std::fill(cells, cells + 8, 0);
    tok_share(launch.grid[0] > 1, elements, launch, add);
    for (int block = 0; block < 8; ++block) {
      if (cells[block] != (block < 1 + i % 8 ? i : 0)) exit(1);
    }
    shared += members - before > 1;
  }
  return shared;
}
int main() {
  int64_t inside = 0, small = 0;
  const tok_status good = tok::with_crew(1 << 20, [&]() -> tok_status {
    inside = shared_of(4000, 1e6);
    small = shared_of(80, 1.0);
    return TOK_OK;
  });
  const tok_status bad = tok::with_crew(1 << 20, [] { return TOK_SHAPE; });
  const int64_t outside = shared_of(400, 1e6);
  printf("%d %d %d %d %d\\n", (int)inside, (int)small, (int)outside, good == TOK_OK, bad == TOK_SHAPE);
}
`;

const folder = mkdtempSync(join(tmpdir(), "tokitai-team-"));
beforeAll(() => {
  writeFileSync(join(folder, SUPPORT_PATH), supportHeader([]));
  writeFileSync(join(folder, "team.h"), emitHeader({ name: "team", kernels: [], plans: [] }).text);
  writeFileSync(join(folder, "team.cpp"), PROGRAM);
  writeFileSync(join(folder, "launches.cpp"), LAUNCHES);
  for (const name of ["team", "launches"]) {
    execFileSync("g++", ["-std=c++17", "-O1", "-fopenmp", `${name}.cpp`, "-o", name], { cwd: folder });
  }
  execFileSync("g++", ["-std=c++17", "-O1", "launches.cpp", "-o", "alone"], { cwd: folder });
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

  it.each([1, 2, 3, 7, 8])("have stretches of a row of blocks, %i of them", (threads) => {
    for (const x of [1, 2, 5, 8, 100]) {
      const found = owners(threads, x, 0);
      expect(found).toHaveLength(x);
      expect(found).toEqual([...found].sort((a, b) => a - b));
      const own = counts(threads, found);
      expect(own.reduce((sum, count) => sum + count, 0)).toBe(x);
      expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(1);
    }
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

describe("threads that share launches", () => {
  const run = (program: string, threads: number): string =>
    execFileSync(join(folder, program), {
      encoding: "utf8",
      env: { ...process.env, OMP_NUM_THREADS: String(threads), TOKITAI_WAKE_ELEMENTS: "32768" },
    });

  // More threads than cores have to give them up to one another.
  it.each([2, 3, 5])("run each block once, and are done when the launch is, %i of them", (threads) => {
    expect(run("launches", threads)).toBe("3500 0 350 1 1\n");
  });

  it("are one where there is one, or no OpenMP", () => {
    expect(run("launches", 1)).toBe("0 0 0 1 1\n");
    expect(run("alone", 2)).toBe("0 0 0 1 1\n");
  });
});
