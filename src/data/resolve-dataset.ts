/**
 * The name of a dataset that comes with tokitai → the paths of its CSV file and schema.
 *
 * `birdstrikes`: 10,000 reports of wildlife strikes from the FAA Wildlife Strike Database (public domain), as the npm
 * package vega-datasets ships them.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";

export interface DatasetPaths {
  readonly csvPath: string;
  readonly schemaPath: string;
}

interface Entry {
  readonly package: string;
  /** The CSV file, relative to the package's main module: the package exports nothing else. */
  readonly csv: string;
  /** Relative to the folder data/ of this project. */
  readonly schema: string;
}

const DATASETS: ReadonlyMap<string, Entry> = new Map([
  ["birdstrikes", { package: "vega-datasets", csv: "../data/birdstrikes.csv", schema: "birdstrikes.schema.json" }],
]);

/** Finds a dataset. Refuses an unknown name (TK544) and a package that is not installed (TK545). */
export function resolveDataset(
  name: string,
  resolveModule: (id: string) => string = createRequire(import.meta.url).resolve,
): Result<DatasetPaths> {
  const entry = DATASETS.get(name);
  if (!entry) {
    const known = [...DATASETS.keys()].join(", ");
    const fix = `use ${known}, or give a CSV file and a schema`;
    return refuse(error("TK544", undefined, `there is no dataset "${name}"`, fix));
  }
  let main: string;
  try {
    main = resolveModule(entry.package);
  } catch (failure) {
    if (!(failure instanceof Error && "code" in failure && failure.code === "MODULE_NOT_FOUND")) throw failure;
    const message = `the npm package ${entry.package}, which holds the dataset "${name}", is not installed`;
    return refuse(error("TK545", undefined, message, "run npm install"));
  }
  return ok({
    csvPath: join(dirname(main), entry.csv),
    // src/data/ and dist/data/ are both two folders below the project's root.
    schemaPath: fileURLToPath(new URL(`../../data/${entry.schema}`, import.meta.url)),
  });
}
