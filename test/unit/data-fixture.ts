/** Temporary CSV and schema files for the tests of the data encoder, and refusals as the text a user reads. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { resolveDataset } from "../../src/data/resolve-dataset.ts";
import { type DataSchema, readSchema, SCHEMA_FORM } from "../../src/data/schema.ts";
import { renderDiagnostics } from "../../src/support/diagnostic.ts";
import type { Result } from "../../src/support/result.ts";

export const FOLDER: string = mkdtempSync(join(tmpdir(), "tokitai-data-"));

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

export function writeFixture(name: string, content: string | Uint8Array): string {
  const path = join(FOLDER, name);
  writeFileSync(path, content);
  return path;
}

export function schemaOf(form: object): DataSchema {
  return SCHEMA_FORM.parse({ format: 1, name: "test", features: [], labels: [], ...form });
}

export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics, () => undefined));
  return result.value;
}

/** The refusal as text, with the temporary folder left out of its places. */
export function refusal(result: Result<unknown>): string {
  if (result.ok) throw new Error("expected a refusal");
  const text = renderDiagnostics(result.diagnostics, (file) => {
    try {
      return readFileSync(file, "utf8").replace(/^\ufeff/, "");
    } catch {
      return undefined;
    }
  });
  return text.replaceAll(`${FOLDER}/`, "");
}

export function birdstrikes(): { readonly csvPath: string; readonly schema: DataSchema } {
  const { csvPath, schemaPath } = unwrap(resolveDataset("birdstrikes"));
  return { csvPath, schema: unwrap(readSchema(schemaPath)) };
}
