/**
 * `npm run setup`: makes a fresh clone ready. Says in one line what it does; silent when there is nothing to do.
 *
 *   --ci      a tool that cannot be installed is an error
 *   --again   try again to install what was missing before
 */

import { buildDist } from "./lib/build.mjs";
import { checkNode, installPackages } from "./lib/packages.mjs";
import { installPython } from "./lib/python.mjs";
import { fail } from "./lib/run.mjs";
import { installTools } from "./lib/tools.mjs";

const known = ["--ci", "--again"];
const options = process.argv.slice(2);
const unknown = options.find((option) => !known.includes(option));
if (unknown !== undefined) fail(`there is no option ${unknown}; known are ${known.join(", ")}`);

checkNode();
installPackages();
const wishes = { ci: options.includes("--ci"), again: options.includes("--again") };
installTools(wishes);
installPython(wishes);
buildDist();
