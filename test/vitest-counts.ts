/**
 * A vitest reporter: prints why each skipped test was skipped, and writes the counts to the file that `TOKITAI_TEST_COUNTS`
 * names, for the closing line of `npm test`. A file that cannot be collected counts as one failure.
 */

import { writeFileSync } from "node:fs";
import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    const broken = modules.filter((module) => !module.ok() && !hasFailedTest(module)).length;
    const counts: TestCounts = {
      passed: count("passed"),
      failed: count("failed") + count("pending") + broken + unhandled.length,
      skipped: count("skipped"),
    };
    for (const test of tests.filter((candidate) => candidate.result().state === "skipped")) {
      process.stdout.write(`skipped: ${test.module.relativeModuleId}: ${test.fullName}: ${reasonOf(test)}\n`);
    }
    const file = process.env["TOKITAI_TEST_COUNTS"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  }
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests("failed")].length > 0;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  if (note !== undefined) return note;
  return test.options.mode === "run" ? "not selected by the filter" : "no reason given";
}
