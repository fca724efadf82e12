import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  // Tests run the program that users run: what tsc has built, loaded by Node itself.
  resolve: { alias: [{ find: /^(?:\.\.\/)+src\/(.*)\.ts$/, replacement: `${root}dist/$1.js` }] },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["scripts/test-setup.mjs"],
    server: { deps: { external: [/\/dist\//] } },
    pool: "forks",
    execArgv: ["--enable-source-maps"],
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
