/** `--data`, `--schema` and `--labels`: the rows that a model is trained on, or was. */

import { extname } from "node:path";
import type { Command } from "commander";
import type { MoeConfig } from "../moe/sizes.ts";
import type { TrainingData } from "../moe/train/data.ts";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";

export interface DataOptions {
  readonly data: string;
  readonly schema?: string;
  readonly labels?: string;
}

export function addDataOptions(command: Command): Command {
  const names = "birdstrikes, a CSV file (with --schema), a .npy file (with --labels), or safetensors";
  return command
    .option("--data <name>", names, "birdstrikes")
    .option("--schema <file>", "the schema of the CSV file")
    .option("--labels <file>", "a .npy file of classes, [rows, 2], of the .npy file");
}

export interface ReadData {
  readonly data: TrainingData;
  readonly warnings: readonly Diagnostic[];
}

/** TK582: a CSV file without a schema; and what the readers refuse. */
export async function readTrainingData(options: DataOptions, config: MoeConfig): Promise<Result<ReadData>> {
  const { dataOf, isArrayFile, readArrays } = await import("../moe/train/data.ts");
  if (isArrayFile(options.data)) {
    const arrays = readArrays(options.data, options.labels, config);
    return arrays.ok ? ok({ data: arrays.value, warnings: [] }) : arrays;
  }
  const [{ encodeCsv }, { readSchema }, { resolveDataset }] = await Promise.all([
    import("../data/encode-csv.ts"),
    import("../data/schema.ts"),
    import("../data/resolve-dataset.ts"),
  ]);
  if (options.schema === undefined && extname(options.data) === ".csv") {
    return refuse(error("TK582", undefined, `${options.data} has no schema`, "give one with --schema"));
  }
  const files =
    options.schema === undefined
      ? resolveDataset(options.data)
      : ok({ csvPath: options.data, schemaPath: options.schema });
  if (!files.ok) return files;
  const schema = readSchema(files.value.schemaPath);
  if (!schema.ok) return schema;
  const dataset = encodeCsv(files.value.csvPath, schema.value);
  if (!dataset.ok) return dataset;
  const data = dataOf(dataset.value, config);
  return data.ok ? ok({ data: data.value, warnings: dataset.value.warnings }) : data;
}
