/**
 * `npm run bench:gemm [-- --arch gfx1101,gfx90a FILE…]`: what the static model says of every product of matrices of the MoE's
 * sizes, as Markdown for docs/benchmarks.md.
 *
 * The kernels are those of FILE…, or of kernels/ and kernels-hip/, that claim a linear layer and depend on no data; all of them are proved and built.
 * Each shape [B, N, K] is that of a layer at 256 or 1,024 rows; for each of them and each architecture the kernel with the shortest
 * predicted time stands in the table.
 */

import { parseArgs } from "node:util";
import { cacheDirectory, proofDirectory } from "../src/compiler/build/cache-folder.ts";
import { buildHip } from "../src/compiler/build/compile.ts";
import { type MachineCode, readMachineCode } from "../src/compiler/build/machine-code.ts";
import { readResources } from "../src/compiler/build/resources.ts";
import { architecturesOf, findToolchain } from "../src/compiler/build/toolchain.ts";
import { emitHip } from "../src/compiler/codegen/hip.ts";
import { instanceName } from "../src/compiler/codegen/hip-kernel.ts";
import { launchOf, MODEL_VERSION, type Prediction, predict } from "../src/compiler/predict.ts";
import { prove, readSources, withChecks } from "../src/compiler/prove.ts";
import { hasMatrixUnit, TARGETS, type Target } from "../src/compiler/targets.ts";
import type { Expr } from "../src/ir/kernel/expr.ts";
import { MOE_SIZE_NAMES, MOE_SIZES } from "../src/moe/sizes.ts";
import type { Result } from "../src/support/result.ts";
import type { ProvedKernel } from "../src/verify/certificate.ts";
import { SolverPool } from "../src/verify/pool.ts";
import { openProofCache } from "../src/verify/proof-cache.ts";

/** Claims with inputs [B, K] and [N, K], whatever is added to their product or done to it. */
const LINEAR = ["linear", "linear_gelu", "linear_gelu_tanh", "matmul"];
const ROWS = [256, 1024];

interface Shape {
  readonly what: string;
  readonly B: number;
  readonly N: number;
  readonly K: number;
}

function shapes(): readonly Shape[] {
  const layers = MOE_SIZE_NAMES.flatMap((size) => {
    const { inputs, hidden, experts, outcomes, actions } = MOE_SIZES[size];
    return [
      { what: `${size} router`, N: experts, K: inputs },
      { what: `${size} first layer`, N: hidden, K: inputs },
      { what: `${size} hidden layer`, N: hidden, K: hidden },
      { what: `${size} heads`, N: outcomes + actions, K: hidden },
    ];
  });
  const all = ROWS.flatMap((B) => layers.map((layer) => ({ ...layer, B })));
  const square = { what: "the aim's", B: 1024, N: 2048, K: 2048 };
  // Sizes that share a layer's shape share a line.
  const seen = new Map<string, Shape>();
  for (const shape of [square, ...all]) {
    const key = `${shape.B} ${shape.N} ${shape.K}`;
    const before = seen.get(key);
    seen.set(key, before === undefined ? shape : { ...before, what: `${before.what}, ${shape.what}` });
  }
  return [...seen.values()].toSorted((a, b) => a.B - b.B || a.N - b.N || a.K - b.K);
}

interface Choice {
  readonly kernel: string;
  readonly code: MachineCode;
  readonly prediction: Prediction;
}

function bestOf(proved: readonly ProvedKernel[], code: readonly MachineCode[], target: Target, shape: Shape) {
  const choices = proved.flatMap(({ kernel, widths }): readonly Choice[] => {
    const [left, right] = kernel.params.flatMap((param) => (param.kind === "tensor" ? [param.shape] : []));
    const extents = [left?.[0], right?.[0], left?.[1]].map(nameOf);
    const [b, n, k] = extents;
    const symbol = instanceName(kernel.name, widths[0] ?? 64);
    const own = code.find((one) => one.kernel === symbol && one.architecture === target.architecture);
    if (b === undefined || n === undefined || k === undefined || own === undefined) return [];
    // A size that is no multiple of what the kernel takes is rounded up, as its caller would.
    const sizes = [
      [b, shape.B],
      [n, shape.N],
      [k, shape.K],
    ] as const;
    const launch = launchOf(
      kernel,
      Object.fromEntries(sizes.map(([extent, size]) => [extent.name, Math.ceil(size / extent.factor)])),
    );
    const prediction = launch && predict(launch, own, target);
    return prediction === undefined ? [] : [{ kernel: kernel.name, code: own, prediction }];
  });
  return choices.toSorted((a, b) => a.prediction.seconds - b.prediction.seconds)[0];
}

/** `K` and `8*K`; others are not asked for. */
function nameOf(extent: Expr | undefined): { readonly name: string; readonly factor: number } | undefined {
  if (extent?.kind === "dim") return { name: extent.name, factor: 1 };
  if (extent?.kind !== "int-op" || extent.op !== "mul") return undefined;
  const parts = [extent.left, extent.right];
  const name = parts.flatMap((part) => (part.kind === "dim" ? [part.name] : []))[0];
  const factor = parts.flatMap((part) => (part.kind === "int" ? [Number(part.value)] : []))[0];
  return name === undefined || factor === undefined ? undefined : { name, factor };
}

function row({ what, B, N, K }: Shape, { kernel, code: { loop, occupancy }, prediction }: Choice): string {
  if (loop === undefined) throw new Error(`${kernel} has no loop`);
  const { mix, ldsBytes, flops } = loop;
  const all = Object.values(mix).reduce((sum, count) => sum + count, 0);
  const cells = [
    `[${B}, ${N}, ${K}]`,
    what,
    kernel,
    `${mix.matrix} of ${all}`,
    (ldsBytes / flops).toFixed(3),
    occupancy.waves,
    `${(100 * prediction.loopShare).toFixed(1)} %`,
    `${(100 * prediction.balance).toFixed(0)} %`,
    `${(100 * prediction.share).toFixed(1)} %`,
    prediction.bound,
    Number((1e6 * prediction.seconds).toPrecision(3)).toLocaleString("en-US"),
  ];
  return `| ${cells.join(" | ")} |`;
}

function need<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.map(({ message, fix }) => `${message}: ${fix}`).join("\n"));
}

const { values, positionals } = parseArgs({
  options: { arch: { type: "string" } },
  allowPositionals: true,
});
const toolchain = await findToolchain(process.env);
const available = architecturesOf(toolchain).map(({ name }) => name);
const wanted = values.arch?.split(",") ?? TARGETS.map(({ architecture }) => architecture);
const targets = TARGETS.filter(({ architecture }) => wanted.includes(architecture) && available.includes(architecture));
const inputs = positionals.length > 0 ? positionals : ["kernels", "kernels-hip"];
const sources = await readSources({ inputs, cwd: process.cwd(), config: undefined });
if (sources.diagnostics.length > 0) throw new Error(sources.diagnostics.map(({ message }) => message).join("\n"));
const kernels = sources.kernels.filter(
  (kernel) => LINEAR.includes(kernel.computes ?? "") && withChecks([kernel]).length === 1,
);
const pool = new SolverPool();
const proof = await prove({ ...sources, kernels }, pool, openProofCache(proofDirectory(process.env))).finally(() =>
  pool.close(),
);
const proved = proof.kernels.flatMap(({ certificate }) => certificate ?? []);
if (proved.length === 0) throw new Error("no kernel that claims a linear layer is proved");
/** The machine code of the kernels that this architecture has the matrix unit for. */
async function codeFor({ architecture }: Target): Promise<readonly MachineCode[]> {
  const kernels = proved.filter(({ kernel: { matrix } }) => hasMatrixUnit(architecture, matrix));
  const sources = emitHip({ name: "products", kernels, plans: [] }).map(({ path, text }) => ({ name: path, text }));
  const built = need(
    await buildHip({ toolchain, cache: cacheDirectory(process.env), architectures: [architecture], sources }),
  );
  return need(await readMachineCode(built.path, need(await readResources(built.path, toolchain)), toolchain));
}

const HEAD = [
  ...["[B, N, K]", "layer", "kernel", "matrix instructions of the loop's", "LDS bytes per FLOP", "waves/SIMD"],
  ...["loop's share", "balance", "share of peak", "bound", "µs"],
];
for (const target of targets) {
  console.log(`\n### ${target.architecture}: ${target.product.name}, model ${MODEL_VERSION}\n`);
  console.log(`| ${HEAD.join(" | ")} |\n|${" --- |".repeat(HEAD.length)}`);
  const code = await codeFor(target);
  for (const shape of shapes()) {
    const choice = bestOf(proved, code, target, shape);
    if (choice !== undefined) console.log(row(shape, choice));
  }
}
