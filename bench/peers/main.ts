/**
 * `npm run bench:peers`: installs what `npm run bench` compares with and Debian has no package of: onnxruntime-node, and in a virtual
 * environment PyTorch, JAX and what they need to train and to export. Some gigabytes, in `.tokitai/peers` or TOKITAI_PEERS.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const folder = process.env["TOKITAI_PEERS"] ?? join(ROOT, ".tokitai/peers");
const PYTHON = ["numpy", "torch", "jax", "optax", "onnx", "onnxscript"];

function run(program: string, args: readonly string[]): void {
  process.stdout.write(`${[program, ...args].join(" ")}\n`);
  execFileSync(program, args, { cwd: folder, stdio: "inherit" });
}

mkdirSync(folder, { recursive: true });
if (!existsSync(join(folder, "package.json"))) writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
run("npm", ["install", "--ignore-scripts", "onnxruntime-node"]);
if (!existsSync(join(folder, "venv"))) run("python3", ["-m", "venv", "venv"]);
run(join(folder, "venv/bin/pip"), ["install", "--quiet", ...PYTHON]);
process.stdout.write("Debian has the others: apt-get install libopenblas0-pthread libblis4-pthread\n");
