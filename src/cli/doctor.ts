/** `tokitai doctor`: what is installed on this machine, and what each missing thing would enable. */

import type { Command } from "commander";
import type { ToolFinding } from "../compiler/build/toolchain.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { type Format, formatOption } from "./options.ts";
import { print } from "./output.ts";

export function addDoctor(program: Command, finish: Finish): void {
  program
    .command("doctor")
    .description("show what is installed, and what each missing thing would enable")
    .addOption(formatOption())
    .addHelpText(
      "after",
      `
Examples:
  tokitai doctor                  what is there, and how to get what is not
  tokitai doctor --format json    for machines

Exit code: 0, whatever is missing.`,
    )
    .action(async ({ format }: { readonly format: Format }) => finish(await doctor(format)));
}

/** hip-python's first numbers are those of a HIP; only what has not changed between that one and the installed one is used. */
function besideHip(version: string, installed: string | undefined): string {
  const [own, other] = [version, installed ?? version].map((text) => text.split(".").slice(0, 2).join("."));
  return own === other ? version : `${version} (made for HIP ${own}; installed is ${other})`;
}

async function doctor(format: Format): Promise<ExitCode> {
  const [{ architecturesOf, describeToolchain, findToolchain }, { findEmulator, findHipPython }] = await Promise.all([
    import("../compiler/build/toolchain.ts"),
    import("../runtime/hip/python.ts"),
  ]);
  const toolchain = await findToolchain(process.env);
  const hipPython = findHipPython(process.env);
  const emulator = findEmulator(process.env);
  const findings: readonly ToolFinding[] = [
    ...describeToolchain(toolchain),
    {
      name: "hip-python",
      ...(hipPython && {
        found: { ...hipPython, version: besideHip(hipPython.version, toolchain.hipRuntime?.version) },
      }),
      enables: "tokitai run --target hip --device gpu",
      install: "npm run setup -- --again; TOKITAI_PYTHON names another interpreter",
    },
    {
      name: "emulator",
      ...(emulator && { found: emulator }),
      enables: "tokitai run --target hip --device emulator, and the tests of machine code",
      install: "git clone https://github.com/tinygrad/tinygrad; TOKITAI_TINYGRAD names the checkout",
    },
  ];
  const architectures = architecturesOf(toolchain).map(({ name }) => name);
  if (format === "json") {
    print(JSON.stringify({ format: 1, node: process.version, findings, architectures }, undefined, 2));
    return EXIT.done;
  }
  const width = Math.max(...findings.map(({ name }) => name.length));
  print(`${"node".padEnd(width)}  found    ${process.version}`);
  for (const { name, found, enables, install } of findings) {
    const text =
      found === undefined ? `missing  enables ${enables}; ${install}` : `found    ${found.version} ${found.path}`;
    print(`${name.padEnd(width)}  ${text}`);
  }
  print(`\n--offload-arch can be: ${architectures.length === 0 ? "none without hipcc" : architectures.join(", ")}`);
  return EXIT.done;
}
