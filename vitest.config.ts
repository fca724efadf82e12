import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Some tests run a compiler or a solver, on a machine that other work may share.
    testTimeout: 300_000,
    hookTimeout: 600_000,
    reporters: ["default", "./test/vitest-counts.ts"],
    env: {
      // Compiled libraries are kept between runs, and out of the user's own cache.
      TOKITAI_CACHE: `${root}.tokitai/cache`,
      // The smallest launch wakes all threads.
      TOKITAI_WAKE_ELEMENTS: "0",
      // Two test files run side by side, each with a thread per core: whoever waits for the others leaves the core to them.
      OMP_WAIT_POLICY: "passive",
    },
  },
});
