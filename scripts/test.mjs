/**
 * `npm test [-- arguments of vitest]`: sets up, runs the tests, and ends with one line of counts, alone and last.
 * Fails when a test fails, and when none ran.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./lib/run.mjs";

function runNode(args, env = {}) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  return status ?? 1;
}

const setUp = runNode([join(ROOT, "scripts", "setup.mjs")]);
if (setUp !== 0) process.exit(setUp);

// Most tests start from proved kernels: all of them are proved here once, by the compiled program and without other work
// beside it, and tests find the answers in the cache. A kernel that is not proved fails the tests that need it.
if (process.argv.length === 2) {
  for (const inputs of [["kernels", "kernels-hip"], ["moe"]]) {
    runNode([join(ROOT, "bin", "tokitai.js"), "verify", ...inputs, "--quiet"], {
      TOKITAI_CACHE: join(ROOT, ".tokitai", "cache"),
    });
  }
}

const folder = mkdtempSync(join(tmpdir(), "tokitai-test-"));
const file = join(folder, "counts.json");
const status = runNode(["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)], {
  TOKITAI_TEST_COUNTS: file,
});
const complete = existsSync(file);
const { passed, failed, skipped } = complete
  ? JSON.parse(readFileSync(file, "utf8"))
  : { passed: 0, failed: 0, skipped: 0 };
rmSync(folder, { recursive: true });

if (!complete) console.log("the test runner ended before it had counted");
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(status !== 0 ? status : failed > 0 || passed === 0 ? 1 : 0);
