/**
 * `npm run mutants [-- [--json] [--sample N] [files…]]`: makes every kernel wrong in every way that the operators know,
 * and asks the verifier. Default: all of kernels/.
 *
 * Exit code 0 when every mutant is refuted or reviewed; 1 when one survives or is undecided, when an entry of a list is
 * stale, or when a kernel itself is not certified: then its mutants say nothing.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isClean, reportJson, reportOf, reportText } from "./report.ts";
import { judgeAll, populationOf, sampleOf } from "./run.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, sample: { type: "string" } },
});

const files =
  positionals.length > 0
    ? positionals
    : readdirSync("kernels", { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .sort()
        .map((name) => join("kernels", name));

const { originals, mutants, reviewed } = populationOf(files, process.cwd());
for (const { mutant, verdict, by, reason } of await judgeAll(originals)) {
  if (verdict === "certified") continue;
  process.stderr.write(`${mutant.id} itself is ${verdict} (${by?.id}${reason === undefined ? "" : `: ${reason}`})\n`);
  process.exit(1);
}
const chosen = values.sample === undefined ? mutants : sampleOf(mutants, Number(values.sample));
const judgements = await judgeAll(chosen, ({ mutant, verdict }, done) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${done} of ${chosen.length}: ${mutant.id} ${verdict}`);
});
if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
const report = reportOf(judgements, reviewed, chosen.length === mutants.length);
process.stdout.write(`${values.json ? reportJson(report) : reportText(report)}\n`);
process.exitCode = isClean(report) ? 0 : 1;
