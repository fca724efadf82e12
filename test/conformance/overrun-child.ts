/**
 * A process that passes a buffer of four numbers to a function of a library: `overrun-child.ts <library> <function> <count>`.
 * The function is told that there are `count` of them.
 */

import koffi from "koffi";
import { allocate } from "./case-run.ts";

const [, , path, name, count] = process.argv;
if (path === undefined || name === undefined || count === undefined) throw new Error("an argument is missing");
const call = koffi.load(path).func(`float ${name}(const float *x, int32_t count)`);
process.stdout.write(`${call(allocate([4]), Number(count))}\n`);
