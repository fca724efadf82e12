/** The text of a file that may not be there, or may not be read. */

import { readFileSync } from "node:fs";

/** `undefined` where the system says why it cannot be read. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause) return undefined;
    throw cause;
  }
}
