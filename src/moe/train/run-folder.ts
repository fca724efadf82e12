/** The folder of a training run: what lies where, and whether one lies there already. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileSpan } from "../../data/source-file.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";

export const METRICS_FILE = "metrics.jsonl";
export const CHECKPOINT_FOLDER = "checkpoints";
/** The weights of the best epoch. */
export const MODEL_FILE = "model.safetensors";
/** How the rows of a CSV file were encoded. */
export const ENCODING_FILE = "encoding.json";

/** TK587: the folder holds a run, which a new one would overwrite. */
export function refuseOldRun(folder: string): Diagnostic | undefined {
  if (!existsSync(join(folder, METRICS_FILE)) && newestCheckpoint(folder) === undefined) return undefined;
  const fix = "go on with it by --resume, or give another folder with -o";
  return error("TK587", fileSpan(folder), "the folder holds a training run", fix);
}

/** The path of the newest checkpoint, whole or not. */
export function newestCheckpoint(folder: string): string | undefined {
  const checkpoints = join(folder, CHECKPOINT_FOLDER);
  if (statSync(checkpoints, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const newest = readdirSync(checkpoints)
    .filter((name) => name.startsWith("step-"))
    .sort()
    .at(-1);
  return newest === undefined ? undefined : join(checkpoints, newest);
}
