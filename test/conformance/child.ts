/**
 * A process that runs the whole table on one library: `child.ts <build folder>`. It prints one line of JSON, a `ChildReport`.
 *
 * The process is what differs from run to run: a number of threads, or a sanitizer's runtime loaded before all else.
 */

import { createHash } from "node:crypto";
import { openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { callCase, faultOfCall, tensorsOf } from "./case-run.ts";
import { CASES, VECTOR_CASES } from "./cases.ts";
import type { ChildReport } from "./child-report.ts";
import { lacksUnit } from "./vector-units.ts";

const RUN = [...CASES, ...VECTOR_CASES].filter(({ kernel }) => !lacksUnit(kernel));

function runTable(folder: string): ChildReport {
  const library = openCpuLibrary(folder);
  if (!library.ok) throw new Error(library.diagnostics.map(({ message }) => message).join("\n"));
  const hash = createHash("sha256");
  const faults = RUN.flatMap((one) => {
    const data = callCase(library.value, one);
    for (const { name, role } of tensorsOf(library.value.abi, one)) {
      if (role === "output") hash.update(new Uint8Array(data.get(name)?.buffer ?? new ArrayBuffer(0)));
    }
    return faultOfCall(library.value, one, data) ?? [];
  });
  return { cases: RUN.length, faults, outputs: hash.digest("hex") };
}

const [, , folder] = process.argv;
if (folder === undefined) throw new Error("the build folder is missing");
process.stdout.write(`${JSON.stringify(runTable(folder))}\n`);
