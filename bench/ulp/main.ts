/**
 * `npm run bench:ulp [-- --stride 1]`: errors of the vector functions, as Markdown for docs/benchmarks.md.
 *
 * Over all f32 unless a stride takes every n-th input only: so many inputs take long.
 */

import { parseArgs } from "node:util";
import { SIMD_UNITS } from "../../src/ir/kernel/simd.ts";
import { MEASURED, measureErrors } from "./measure.ts";

const { values } = parseArgs({ options: { stride: { type: "string", default: "1" } } });
const stride = Number(values.stride);
if (!Number.isInteger(stride) || stride < 1) throw new Error("--stride is a whole number, at least 1");

process.stdout.write("| function | unit | inputs | largest error, ulp | at | special values wrong |\n");
process.stdout.write("| --- | --- | --- | --- | --- | --- |\n");
for (const unit of SIMD_UNITS) {
  for (const [name, { inputs, ulps, at, special }] of measureErrors(unit, MEASURED, stride)) {
    process.stdout.write(`| ${name} | ${unit} | ${inputs} | ${ulps.toFixed(3)} | ${at} | ${special} |\n`);
  }
}
