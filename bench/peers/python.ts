/** A peer in a process of its own: `peer.py` for PyTorch and JAX, spoken to in lines of JSON. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";

const answerSchema = z.object({
  version: z.string().optional(),
  seconds: z.number().optional(),
  bytes: z.number().optional(),
  error: z.string().optional(),
});
type Answer = z.infer<typeof answerSchema>;

export type Framework = "torch" | "torch.compile" | "jax";

export interface PythonPeer {
  readonly framework: Framework;
  readonly ask: (command: Readonly<Record<string, unknown>>) => Promise<Answer>;
  readonly close: () => void;
}

/** A line of `peer.py` begins with this byte; compilers print others. */
const MARK = "\u0001";
/** Compilation by the peers' compilers takes a while. */
const TIMEOUT_MS = 300_000;

/** The interpreter of the peers' folder, where there is one. */
export function findPython(peers: string): string | undefined {
  const python = join(peers, "venv/bin/python");
  return existsSync(python) ? python : undefined;
}

export function startPeer(python: string, framework: Framework, folder: string, threads: number): PythonPeer {
  // What tokitai's runtime sets for itself is not the peers'.
  const { GOMP_SPINCOUNT: _spin, KMP_BLOCKTIME: _block, ...own } = process.env;
  const env = { ...own, OMP_NUM_THREADS: String(threads), JAX_PLATFORMS: "cpu", CUDA_VISIBLE_DEVICES: "" };
  const script = join(import.meta.dirname, "peer.py");
  const child: ChildProcessWithoutNullStreams = spawn(python, [script, framework, folder], { env });
  const waiting: ((answer: Answer) => void)[] = [];
  let last = "";
  child.stderr.on("data", (text: Buffer) => {
    last = `${last}${text.toString()}`.slice(-2_000);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith(MARK)) waiting.shift()?.(answerSchema.parse(JSON.parse(line.slice(MARK.length))));
  });
  child.on("exit", (code) => {
    for (const answer of waiting.splice(0)) answer({ error: `${framework} has ended with ${code}: ${last}` });
  });
  const ask = (command: Readonly<Record<string, unknown>>): Promise<Answer> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
      }, TIMEOUT_MS);
      waiting.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      child.stdin.write(`${JSON.stringify(command)}\n`);
    });
  return { framework, ask, close: () => child.kill() };
}
