/**
 * A process for the test that kills it: writes builds A and B in turn to the folder named on the command line, for ever.
 * Says `ready` after the first.
 */

import { writeBuild } from "../../src/compiler/build/write-build.ts";
import { sampleBody, sampleFiles } from "./build-sample.ts";

const [, , folder] = process.argv;
if (folder === undefined) throw new Error("the folder is missing");

async function writeForEver(outDir: string): Promise<never> {
  for (let round = 0; ; round++) {
    const variant = round % 2 === 0 ? "A" : "B";
    const written = await writeBuild(outDir, sampleFiles(variant), sampleBody(variant));
    if (!written.ok) throw new Error(written.diagnostics.map(({ message }) => message).join("; "));
    if (round === 0) process.stdout.write("ready\n");
  }
}

await writeForEver(folder);
