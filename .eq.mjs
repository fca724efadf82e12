import { readKernels } from "./dist/compiler/frontend/read.js";
import { checkEquivalence } from "./dist/verify/equivalence/equivalence.js";
import { casesOf } from "./dist/verify/equivalence/sizes.js";
const r = readKernels([process.argv[2]], {cwd: process.cwd()});
const ks = r.value ?? r.kernels ?? r;
for (const k of (ks.kernels ?? ks)) { if (process.argv[3] && !k.name.includes(process.argv[3])) continue; const c = casesOf(k); console.log(k.name, c.cases.length, c.textOf(c.cases)); const t = Date.now(); if (process.argv[4]) { const v = checkEquivalence(k); console.log(v.map((x) => [x.verdict, x.reason, x.shapes, x.witness?.text]), Date.now()-t, "ms"); } }
