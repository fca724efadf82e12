#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  console.error("tokitai is not built yet: run `npm run setup` in its folder");
  process.exit(4);
}
// A reader that has seen enough, such as `head`, closes the pipe: that is no error.
process.stdout.on("error", (cause) => process.exit(cause.code === "EPIPE" ? 0 : 1));

const { run } = await import(main.href);
process.exitCode = await run(process.argv.slice(2));
