import { openDeviceLibrary } from "./dist/runtime/hip/library.js"; import { findToolchain } from "./dist/compiler/build/toolchain.js"; import { floatsToHalves, halvesToFloats } from "./dist/support/float16.js"; import { bridgePython } from "./dist/runtime/hip/python.js";
const [folder, arch, kernel, B, K, N] = process.argv.slice(2);
const tc = await findToolchain(process.env);
const lib = await openDeviceLibrary(folder, tc, { device: { kind: "emulator", tinygrad: "/work/tinygrad", order: "shuffled", seed: 1 }, python: bridgePython(process.env), env: process.env, architecture: arch });
if (!lib.ok) { console.log(lib.diagnostics); process.exit(1); }
const [b, k, n] = [B, K, N].map(Number);
const rnd = (c) => Float32Array.from({ length: c }, () => Math.round((Math.random() - 0.5) * 64) / 16);
const X = rnd(b * k), W = rnd(n * k), bias = rnd(n), y = new Float32Array(b * n).fill(-7);
const t = Date.now();
await lib.value.call(kernel, { tensors: { x: floatsToHalves(X), w: floatsToHalves(W), bias, y }, dims: { B: b, K: k, N: n }, scalars: {} });
let worst = 0; for (let i = 0; i < b; i++) for (let j = 0; j < n; j++) { let s = bias[j]; for (let q = 0; q < k; q++) s += X[i * k + q] * W[j * k + q]; worst = Math.max(worst, Math.abs(s - y[i * n + j])); }
console.log(arch, kernel, B, K, N, "worst", worst, Date.now() - t, "ms"); lib.value.close();
