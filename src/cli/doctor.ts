/** `tokitai doctor`: what is installed on this machine, and what each missing thing would enable. */

import type { Command } from "commander";
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

async function doctor(format: Format): Promise<ExitCode> {
  const [{ describeToolchain, findToolchain }, { availableArchitectures }] = await Promise.all([
    import("../compiler/build/toolchain.ts"),
    import("../compiler/build/architectures.ts"),
  ]);
  const toolchain = await findToolchain(process.env);
  const findings = describeToolchain(toolchain);
  const architectures = toolchain.hipcc
    ? availableArchitectures(toolchain.deviceLibraries?.files ?? []).map(({ name }) => name)
    : [];
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
