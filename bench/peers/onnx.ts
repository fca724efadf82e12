/** onnxruntime-node from the peers' folder, on models that PyTorch has exported. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

interface Tensor {
  readonly data: unknown;
}

interface Session {
  readonly run: (feeds: Readonly<Record<string, Tensor>>) => Promise<Readonly<Record<string, Tensor>>>;
}

interface Runtime {
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    readonly create: (path: string, options: Readonly<Record<string, unknown>>) => Promise<Session>;
  };
}

export interface Onnx {
  readonly version: string;
  /** The model's output for x, and how long a call takes. */
  readonly open: (
    file: string,
    x: Float32Array,
    dims: readonly number[],
  ) => Promise<{ readonly y: Float32Array; readonly time: (seconds: number) => Promise<number> }>;
}

export function findOnnx(peers: string, threads: number): Onnx | undefined {
  const folder = join(peers, "node_modules/onnxruntime-node");
  if (!existsSync(folder)) return undefined;
  const load = createRequire(import.meta.url);
  const runtime = load(folder) as Runtime;
  const { version } = load(join(folder, "package.json")) as { readonly version: string };
  return {
    version: `onnxruntime-node ${version}`,
    open: async (file, x, dims) => {
      const session = await runtime.InferenceSession.create(file, { intraOpNumThreads: threads });
      const feeds = { x: new runtime.Tensor("float32", x, dims) };
      const { y } = await session.run(feeds);
      if (!(y?.data instanceof Float32Array)) throw new Error("the model has no output y of f32");
      const time = async (seconds: number): Promise<number> => {
        const start = performance.now();
        let calls = 0;
        let now = start;
        while (now - start < 1_000 * seconds) {
          await session.run(feeds);
          calls++;
          now = performance.now();
        }
        return (now - start) / 1_000 / calls;
      };
      return { y: Float32Array.from(y.data), time };
    },
  };
}
