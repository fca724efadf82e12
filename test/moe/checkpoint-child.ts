/**
 * A process for the test that kills it: writes checkpoints of rising steps to the folder named on the command line, for
 * ever. Every element of a checkpoint is its step. Says `ready` after the first.
 */

import { f32Tensor } from "../../src/data/safetensors.ts";
import { latestCheckpoint, writeCheckpoint } from "../../src/moe/checkpoint.ts";

const [, , folder] = process.argv;
if (folder === undefined) throw new Error("the folder is missing");
const configuration = { size: "nano" };

const latest = latestCheckpoint(folder, configuration);
if (!latest.ok) throw new Error(latest.diagnostics.map(({ message }) => message).join("; "));
const first = (latest.value.checkpoint?.step ?? 0) + 1;
for (let step = first; ; step++) {
  const tensors = ["a", "b", "c"].map((name) => f32Tensor(name, [100_000], new Float32Array(100_000).fill(step)));
  const written = writeCheckpoint(folder, step, tensors, { seed: 1n, dataPosition: step, configuration }, 2);
  if (!written.ok) throw new Error(written.diagnostics.map(({ message }) => message).join("; "));
  if (step === first) process.stdout.write("ready\n");
}
