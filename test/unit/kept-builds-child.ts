/** Keeps one build after the other under one key until it is killed; says so when the first has been kept. */

import { keepBuild } from "../../src/compiler/build/kept-builds.ts";
import { sealBuild } from "../../src/compiler/build/write-build.ts";
import { sampleBody, sampleFiles } from "./build-sample.ts";

const [cache = "", key = ""] = process.argv.slice(2);
for (let round = 0; ; round++) {
  const variant = round % 2 === 0 ? "A" : "B";
  const build = sealBuild(sampleFiles(variant), sampleBody(variant));
  const failed = await keepBuild(cache, key, [], { build, report: "", remarks: "" });
  if (failed !== undefined) throw new Error(failed);
  if (round === 0) process.stdout.write("kept\n");
}
