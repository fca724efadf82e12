/**
 * `npm run quickstart`: from a fresh clone to a proved, built and running MoE model, trained for one epoch.
 *
 * Installs what is missing, compiles the Nano model for the CPU and, where hipcc is there, for gfx1101, and runs the CPU
 * library on 1,000 rows of real data against the float64 reference. Then trains it on all rows.
 */

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join("out", "nano");

/** Runs a step, showing what it prints; the quickstart ends with the first step that fails. */
function step(title, args) {
  console.log(`\n== ${title}`);
  console.log(`   $ ${["node", ...args].join(" ")}\n`);
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const setup = spawnSync(process.execPath, [join(root, "scripts", "setup.mjs")], { cwd: root, stdio: "inherit" });
if (setup.status !== 0) process.exit(setup.status ?? 1);

const doctor = spawnSync(process.execPath, ["bin/tokitai.js", "doctor", "--format", "json"], { cwd: root });
const hip = doctor.status === 0 && JSON.parse(doctor.stdout.toString()).architectures.includes("gfx1101");
if (!hip) console.log("\nhipcc for gfx1101 is not here: only the CPU library is built (`npx tokitai doctor` says why)");

const targets = hip ? ["--target", "cpu", "--target", "hip", "--offload-arch", "gfx1101"] : ["--target", "cpu"];
step("prove and compile the Nano MoE model", [
  "bin/tokitai.js",
  "compile",
  "moe",
  "--size",
  "nano",
  ...targets,
  "-o",
  out,
]);
step("run it on 1,000 rows of real data, beside the float64 reference", [
  "bin/tokitai.js",
  "run",
  out,
  "--data",
  "birdstrikes",
  "--rows",
  "1000",
]);
const run = join("out", "nano-run");
// The run of an earlier quickstart: training never overwrites one by itself.
rmSync(join(root, run), { recursive: true, force: true });
step("train it for one epoch", [
  "bin/tokitai.js",
  "train",
  ...["--data", "birdstrikes", "--size", "nano", "--epochs", "1", "--library", out, "-o", run],
]);
