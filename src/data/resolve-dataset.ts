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
  /** Finds the main module of the package: the only module that it exports. */
  readonly main: () => string;
  /** The CSV file, relative to the folder of the main module. */
  readonly csv: string;
  /** Relative to the folder data/ of this project. */
  readonly schema: string;
}

const require = createRequire(import.meta.url);

const DATASETS: ReadonlyMap<string, Entry> = new Map([
  [
    "birdstrikes",
    {
      package: "vega-datasets",
      main: () => require.resolve("vega-datasets"),
      csv: "../data/birdstrikes.csv",
      schema: "birdstrikes.schema.json",
    },
  ],
]);

/**
 * Finds a dataset. Refuses an unknown name (TK544) and a package that is not installed (TK545).
 *
 * @param find how the package is looked for: replaced in tests
 */
export function resolveDataset(
  name: string,
  find: (entry: Entry) => string = ({ main }) => main(),
): Result<DatasetPaths> {
  const entry = DATASETS.get(name);
  if (!entry) {
    const known = [...DATASETS.keys()].join(", ");
    const fix = `use ${known}, or give a CSV file and a schema`;
    return refuse(error("TK544", undefined, `there is no dataset "${name}"`, fix));
  }
  let main: string;
  try {
    main = find(entry);
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
