/** Chromium, which `npm run setup` installs where it can. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Its path; where CI is set it counts as there, so that tests fail and are not left out. */
export function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
  return found ?? ((process.env["CI"] ?? "") === "" ? undefined : "chromium");
}
