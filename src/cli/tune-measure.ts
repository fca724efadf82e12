/** Measures the candidates of `tokitai tune` on this machine's GPU, through the bridge. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Toolchain } from "../compiler/build/toolchain.ts";
import { elementsOf, type Sizes } from "../compiler/operations.ts";
import type { Proof } from "../compiler/prove.ts";
import type { TuneRequest } from "../compiler/tune.ts";
import type { Kernel, TensorParam } from "../ir/kernel/types.ts";
import type { TensorData } from "../runtime/cpu/arguments.ts";
import type { SourceLookup } from "../support/diagnostic.ts";
import { InternalError, ok, type Result } from "../support/result.ts";

/** The first runs warm up caches and clocks; of the others the median counts. */
const [WARM, REPEATS] = [3, 20];

type Measuring = (of: {
  readonly proof: Proof;
  readonly lookup: SourceLookup;
  readonly toolchain: Toolchain;
}) => NonNullable<TuneRequest["measure"]>;

/** TK552: there is no GPU here. */
export async function openMeasuring(): Promise<Result<Measuring>> {
  const [{ openDevice, openDeviceLibrary }, { bridgePython }, { findGpu }] = await Promise.all([
    import("../runtime/hip/library.ts"),
    import("../runtime/hip/python.ts"),
    import("../compiler/build/toolchain.ts"),
  ]);
  const options = { python: bridgePython(process.env), env: process.env, device: { kind: "gpu" } } as const;
  const device = await openDevice(options);
  if (!device.ok) return device;
  device.value.close();
  const here = findGpu()?.architectures[0];
  return ok(({ proof, lookup, toolchain }) => async (name, architecture, shape) => {
    const report = proof.kernels.find(({ kernel }) => kernel.name === name);
    // Contents of index tensors decide what a kernel does: zeros would not be what it is tuned for.
    if (architecture !== here || report === undefined || report.kernel.dataRequires.length > 0) return undefined;
    const [{ compile, writeCompilation }, { cacheDirectory }] = await Promise.all([
      import("../compiler/compile.ts"),
      import("../compiler/build/cache-folder.ts"),
    ]);
    const folder = mkdtempSync(join(tmpdir(), "tokitai-tune-"));
    try {
      const compilation = await compile({
        name: "candidate",
        proof: { ...proof, kernels: [report], programs: [] },
        lookup,
        targets: ["hip"],
        architectures: [architecture],
        emits: ["so", "manifest"],
        toolchain,
        cache: cacheDirectory(process.env),
      });
      if (!compilation.ok || !(await writeCompilation(folder, compilation.value)).ok) return undefined;
      const library = await openDeviceLibrary(folder, toolchain, { ...options, architecture });
      if (!library.ok) return undefined;
      try {
        const times = await library.value.time(name, argumentsOf(report.kernel, shape), WARM + REPEATS);
        const sorted = times.slice(WARM).toSorted((a, b) => a - b);
        const median = sorted[Math.floor(sorted.length / 2)];
        return median === undefined ? undefined : median / 1e3;
      } finally {
        library.value.close();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

function argumentsOf(kernel: Kernel, shape: Sizes) {
  const tensors = kernel.params.flatMap((param) =>
    param.kind === "tensor" ? [[param.name, zeros(param, shape)] as const] : [],
  );
  const scalars = kernel.params.flatMap((param) => (param.kind === "scalar" ? [[param.name, 1] as const] : []));
  const dims = Object.fromEntries(kernel.dims.map((dim) => [dim, shape[dim] ?? 0]));
  return { tensors: Object.fromEntries(tensors), scalars: Object.fromEntries(scalars), dims };
}

function zeros({ element, shape }: TensorParam, sizes: Sizes): TensorData {
  const count = elementsOf(shape, sizes);
  switch (element) {
    case "f32":
      return new Float32Array(count);
    case "f16":
    case "bf16":
      return new Uint16Array(count);
    case "i32":
      return new Int32Array(count);
    case "u32":
      return new Uint32Array(count);
    case "i64":
      return new BigInt64Array(count);
    default:
      element satisfies never;
      throw new InternalError("unknown element");
  }
}
