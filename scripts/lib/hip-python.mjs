/** Which hip-python fits the HIP that is installed: its version follows ROCm's. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const FOLDERS = [
  ...[process.env.ROCM_PATH, "/opt/rocm"]
    .filter((path) => path !== undefined && path !== "")
    .map((path) => join(path, "lib")),
  ...["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"],
];

/** The releases on PyPI, oldest first, one per minor version of ROCm. There is none for a ROCm before 6.2. */
const RELEASES = [
  "6.2.0.499.16",
  "6.3.3.540.31",
  "6.4.4.555.40",
  "7.0.2.555.40",
  "7.1.1.562.43",
  "7.2.2.562.43",
  "10.0.0.0.1.2",
];

/** The newest release that is not newer than the installed HIP, or else the oldest; `undefined` without HIP. */
export function hipPythonFor(version) {
  if (version === undefined) return undefined;
  const rank = (text) => {
    const [major = 0, minor = 0] = text.split(".").map(Number);
    return major * 1000 + minor;
  };
  return RELEASES.findLast((release) => rank(release) <= rank(version)) ?? RELEASES[0];
}

/** `libamdhip64.so.5.2.21153` → `5.2.21153`. */
export function installedHip() {
  const names = FOLDERS.flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  return names
    .flatMap((name) => /^libamdhip64\.so\.(\d+\.\d+\.\d+)/.exec(name)?.[1] ?? [])
    .sort()
    .at(-1);
}
