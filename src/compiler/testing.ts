/**
 * What tests of kernels import as `tokitai/testing`: counterexamples that are run again on a kernel as its file stands.
 *
 * `tokitai verify --playback FOLDER` writes such tests (`verify/playback.ts`).
 */

import { fileURLToPath } from "node:url";
import type { Fault } from "../ir/kernel/interpret.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import { renderDiagnostics } from "../support/diagnostic.ts";
import { formatPlace } from "../support/span.ts";
import { type ReplayRecord, runRecord, showsFault } from "../verify/replay-record.ts";
import { dataCheck } from "./data-check.ts";
import { readKernels } from "./frontend/read.ts";

export interface PlaybackSource {
  /** The kernel file: a file URL or a path. */
  readonly file: URL | string;
  /** The kernel's name, with the values of its `params` as reports show it. */
  readonly kernel: string;
}

/**
 * Reads the kernel from its file, runs it in the reference interpreter as the record says, and gives the faults that the
 * record is about, each as `file:line:column: what happened`. Empty when there are none, also when the kernel's `requires`
 * refuse the record's sizes or data, since such a launch never runs.
 *
 * Throws an `Error` where nothing can be said: the file or the kernel is not there or is refused, the kernel has a
 * parameter that the record does not know, or the run does not come to its end.
 */
export function playback(source: PlaybackSource, record: ReplayRecord): readonly string[] {
  const kernel = readKernel(source);
  const unset = [
    ...kernel.dims.filter((name) => !Object.hasOwn(record.dims, name)),
    ...kernel.params
      .filter(({ kind, name }) => !Object.hasOwn(kind === "scalar" ? record.scalars : record.tensors, name))
      .map(({ name }) => name),
  ];
  if (unset.length > 0) {
    throw new Error(`the record says nothing of ${unset.join(", ")} of ${kernel.name}: run tokitai verify again`);
  }
  const { faults, complete } = runRecord(kernel, record);
  const shown = faults.filter((fault) => showsFault(record.fault, fault));
  // Conditions at the end of a run are looked at only where nothing else went wrong.
  const decided = complete && (faults.length === 0 || !record.fault.kinds.includes("ensures"));
  if (shown.length > 0 || decided || faults.some(({ kind }) => kind === "requires")) return shown.map(faultText);
  // With the witness's iterations alone, a run may end early without a fault.
  if (faults.length === 0 && record.iterations !== undefined) return [];
  const [first] = faults;
  const why = first === undefined ? `took more than ${record.maxSteps} steps` : faultText(first);
  throw new Error(`the run of ${kernel.name} did not come to its end, so that the fault may still be there: ${why}`);
}

function readKernel({ file, kernel: name }: PlaybackSource): Kernel {
  const path = typeof file === "string" ? file : fileURLToPath(file);
  const { kernels, diagnostics, sources } = readKernels([path], { cwd: process.cwd() });
  if (diagnostics.length > 0) throw new Error(`the kernel file is refused\n${renderDiagnostics(diagnostics, sources)}`);
  const found = [...kernels, ...kernels.flatMap((kernel) => dataCheck(kernel)?.kernel ?? [])].find(
    (kernel) => kernel.name === name,
  );
  if (found === undefined) throw new Error(`there is no kernel ${name} in ${path}: run tokitai verify again`);
  return found;
}

function faultText({ span, message, block, thread }: Fault): string {
  return `${formatPlace(span)}: block (${block.join(", ")}), thread (${thread.join(", ")}) ${message}`;
}
