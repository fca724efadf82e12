/**
 * Checkpoints: the state of a training run in a folder, one safetensors file per step, `step-00000123.safetensors`.
 *
 * A file is written under a temporary name, flushed and renamed, so that a crash or a full disk leaves it whole or
 * absent; older ones go only after that. The newest that reads whole is taken. A damaged one is reported and kept.
 */

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { encodeSafetensors, readSafetensors, type StoredTensor } from "../data/safetensors.ts";
import { fileSpan } from "../data/source-file.ts";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import { syncFolder, systemErrorCode, temporaryPath, type Write, writeDurably } from "../support/durable.ts";
import { parseJson } from "../support/json.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";

/** Where a run stands, next to its tensors. */
export interface CheckpointState {
  readonly seed: bigint;
  /** Rows of training data that were taken, counted from the start of the run. */
  readonly dataPosition: number;
  /** What the run was started with; plain values by name. */
  readonly configuration: Configuration;
}

export type Configuration = Readonly<Record<string, string | number | boolean>>;

export interface Checkpoint extends CheckpointState {
  readonly path: string;
  readonly step: number;
  readonly tensors: readonly StoredTensor[];
}

const NAME = /^step-(\d{8,16})\.safetensors$/;
const TEMPORARY = /^\.step-\d{8,16}\.safetensors\.tmp$/;
const configurationSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/**
 * Writes the checkpoint of a step and returns its path; the `keep` newest stay. One process at a time may write to a
 * folder. TK579: the system refused, and the older checkpoints are as they were.
 *
 * @param write in place of the system's, to show what happens when it fails
 */
export function writeCheckpoint(
  folder: string,
  step: number,
  tensors: readonly StoredTensor[],
  state: CheckpointState,
  keep: number,
  write?: Write,
): Result<string> {
  if (!Number.isSafeInteger(step) || step < 0) throw new InternalError(`${step} is no step`);
  if (!Number.isSafeInteger(keep) || keep < 1) throw new InternalError(`${keep} checkpoints cannot be kept`);
  const path = join(folder, `step-${String(step).padStart(8, "0")}.safetensors`);
  const metadata = new Map([
    ["step", String(step)],
    ["seed", String(state.seed)],
    ["data_position", String(state.dataPosition)],
    ["configuration", JSON.stringify(state.configuration)],
  ]);
  const pieces = encodeSafetensors(tensors, metadata);
  try {
    mkdirSync(folder, { recursive: true });
    // What a killed process left; nobody else writes here.
    for (const name of readdirSync(folder)) if (TEMPORARY.test(name)) rmSync(join(folder, name), { force: true });
    writeDurably(path, pieces, temporaryPath(path), write);
    syncFolder(folder);
    // Steps after this one belong to a run that was set back: they count as newer, and this one is never removed.
    const older = listSteps(folder).filter((entry) => entry.step < step);
    for (const { name } of older.slice(Math.max(0, keep - 1))) rmSync(join(folder, name), { force: true });
    syncFolder(folder);
  } catch (cause) {
    const reason = systemErrorCode(cause);
    const message = `the checkpoint of step ${step} cannot be written: ${reason}`;
    return refuse(error("TK579", fileSpan(path), message, "make room or give another folder; older ones are kept"));
  }
  return ok(path);
}

/**
 * The newest checkpoint of the folder that reads whole, `undefined` where there is none; and a warning (TK577) for each
 * damaged one that is newer. TK578: it is of another configuration; TK570: the folder cannot be read.
 */
export function latestCheckpoint(
  folder: string,
  configuration: Configuration,
): Result<{ readonly checkpoint: Checkpoint | undefined; readonly warnings: readonly Diagnostic[] }> {
  let entries: readonly Entry[];
  try {
    entries = listSteps(folder);
  } catch (cause) {
    const reason = systemErrorCode(cause);
    if (reason === "ENOENT") return ok({ checkpoint: undefined, warnings: [] });
    return refuse(error("TK570", fileSpan(folder), `the folder cannot be read: ${reason}`, "check the path"));
  }
  const warnings: Diagnostic[] = [];
  for (const { name, step } of entries) {
    const path = join(folder, name);
    const read = readCheckpoint(path, step);
    if (!read.ok) {
      const why = read.diagnostics.map(({ message }) => message).join("; ");
      const fix = "it is left as it is; remove it when it is of no use";
      warnings.push({
        ...error("TK577", fileSpan(path), `the checkpoint is damaged and passed over: ${why}`, fix),
        severity: "warning",
      });
      continue;
    }
    const differences = compareConfigurations(read.value.configuration, configuration);
    if (differences.length === 0) return ok({ checkpoint: read.value, warnings });
    const message = `the checkpoint is of another configuration: ${differences.join("; ")}`;
    const fix = "go on with its configuration, or give another folder";
    return refuse(error("TK578", fileSpan(path), message, fix), ...warnings);
  }
  return ok({ checkpoint: undefined, warnings });
}

interface Entry {
  readonly name: string;
  readonly step: number;
}

/** The newest first. */
function listSteps(folder: string): readonly Entry[] {
  const entries = readdirSync(folder).flatMap((name) => {
    const digits = NAME.exec(name)?.[1];
    return digits === undefined ? [] : [{ name, step: Number(digits) }];
  });
  return entries.sort((a, b) => b.step - a.step);
}

function readCheckpoint(path: string, step: number): Result<Checkpoint> {
  const read = readSafetensors(path);
  if (!read.ok) return read;
  const { tensors, metadata } = read.value;
  const no = (message: string) => refuse(error("TK577", fileSpan(path), message));
  const [seed, position] = [metadata.get("seed") ?? "", metadata.get("data_position") ?? ""];
  if (metadata.get("step") !== String(step)) return no(`its step is ${metadata.get("step") ?? "missing"}`);
  if (!/^-?\d+$/.test(seed)) return no("its seed is missing or no whole number");
  if (!/^\d+$/.test(position) || !Number.isSafeInteger(Number(position)))
    return no("its data position is missing or no whole number");
  const configuration = configurationSchema.safeParse(parseJson(metadata.get("configuration") ?? ""));
  if (!configuration.success) return no("its configuration is missing or malformed");
  const state = { seed: BigInt(seed), dataPosition: Number(position), configuration: configuration.data };
  return ok({ path, step, tensors, ...state });
}

/** One text for each field that differs, by name. */
function compareConfigurations(stored: Configuration, wanted: Configuration): readonly string[] {
  const names = [...new Set([...Object.keys(stored), ...Object.keys(wanted)])].sort();
  const show = (value: string | number | boolean | undefined): string =>
    value === undefined ? "absent" : JSON.stringify(value);
  return names
    .filter((name) => stored[name] !== wanted[name])
    .map((name) => `${name} is ${show(stored[name])} there and ${show(wanted[name])} here`);
}
