/**
 * Python packages, in a virtual environment of their own: .tokitai/python. Those of the tests, and hip-python for running
 * on a GPU, where there is HIP. Made again when the list of packages changes. What could not be installed is said once; `--again` tries again, and so does `--ci`.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hipPythonFor, installedHip } from "./hip-python.mjs";
import { fail, findProgram, ROOT, report, run, sha256 } from "./run.mjs";

const REQUIREMENTS = join(ROOT, "scripts", "lib", "python-requirements.txt");
const FOLDER = join(ROOT, ".tokitai", "python");
const STAMP = join(ROOT, ".tokitai", "python.json");

/** With `ci`, or where CI is set, a failure ends the process. */
export function installPython({ ci, again }) {
  const needed = ci || (process.env.CI ?? "") !== "";
  const hipPython = hipPythonFor(installedHip());
  const wanted = sha256(readFileSync(REQUIREMENTS, "utf8"), hipPython ?? "");
  const stamp = (installed) => `${JSON.stringify({ installed, requirements: wanted })}\n`;
  const before = existsSync(STAMP) ? readFileSync(STAMP, "utf8") : "";
  if (before === stamp(true) && existsSync(join(FOLDER, "bin", "python"))) return;
  if (before === stamp(false) && !needed && !again) return;

  report(`installing Python packages: numpy, safetensors${hipPython === undefined ? "" : ", hip-python"}`);
  const failure = makeEnvironment(hipPython === undefined ? [] : [`hip-python==${hipPython}`]);
  if (failure !== undefined) {
    rmSync(FOLDER, { recursive: true, force: true });
    if (needed) fail("the Python packages of the tests are needed here", failure);
    report(
      `missing: Python packages, which enable running on a GPU, and tests against numpy and safetensors: ${failure}`,
    );
    report("going on without; try again with npm run setup -- --again");
  }
  mkdirSync(join(ROOT, ".tokitai"), { recursive: true });
  writeFileSync(STAMP, stamp(failure === undefined));
}

/** The last line of what went wrong; `undefined` where nothing did. */
function makeEnvironment(packages) {
  const python = findProgram("python3");
  if (python === undefined) return "there is no python3";
  const steps = [
    () => run(python, ["-m", "venv", "--clear", FOLDER]),
    () =>
      run(join(FOLDER, "bin", "python"), [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"],
        ...["--requirement", REQUIREMENTS, ...packages],
      ]),
  ];
  for (const step of steps) {
    const { ok, output } = step();
    if (!ok) return output.trim().split("\n").at(-1) ?? "no output";
  }
  return undefined;
}
