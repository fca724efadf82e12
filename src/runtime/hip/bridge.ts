/**
 * The bridge: a Python child process that holds a device, with one request under way at a time.
 *
 * Whatever happens to the child, a request ends in bounded time: with its answer, or with a `BridgeError` that says what the
 * child did and shows the end of what it wrote to its standard error. After such an error the child is gone.
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { z } from "zod";
import { packageRoot } from "../../compiler/inputs.ts";
import { encodeFrame, FrameReader } from "./frames.ts";

/** The child cannot go on, or refuses a request. */
export class BridgeError extends Error {
  override readonly name = "BridgeError";
}

const answerSchema = z.looseObject({ id: z.number(), ok: z.boolean(), message: z.string().optional() });
export type Answer = z.output<typeof answerSchema>;

export interface BridgeOptions {
  /** The Python interpreter. */
  readonly python: string;
  /** The child's program; the one of this package unless told. */
  readonly script?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** How much of the child's standard error an error shows. */
const SHOWN_STDERR = 600;

interface Pending {
  readonly id: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: BridgeError) => void;
}

export class Bridge {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #frames = new FrameReader();
  #pending: Pending | undefined;
  #stderr = "";
  #ended: string | undefined;
  #next = 1;

  constructor({ python, script = join(packageRoot(), "src/runtime/hip/bridge.py"), env = process.env }: BridgeOptions) {
    this.#child = spawn(python, [script], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.on("error", (cause) => this.#fail(`${python} cannot be started: ${cause.message}`));
    this.#child.on("exit", (code, signal) => {
      this.#fail(signal === null ? `the bridge ended with exit code ${code}` : `the bridge was ended by ${signal}`);
    });
    this.#child.stdin.on("error", () => this.#fail("the bridge does not read its requests"));
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = `${this.#stderr}${chunk.toString("utf8")}`.slice(-SHOWN_STDERR);
    });
    this.#child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a request and waits for its answer, at most `timeoutMs` milliseconds; rejects with a `BridgeError`. */
  request(
    op: string,
    fields: Readonly<Record<string, unknown>>,
    timeoutMs: number,
    body?: Uint8Array,
  ): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(new BridgeError(this.#ended));
    if (this.#pending !== undefined) return Promise.reject(new BridgeError("the bridge has a request under way"));
    const id = this.#next++;
    return new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(`the bridge has not answered ${op} within ${timeoutMs / 1000} s`),
        timeoutMs,
      );
      this.#pending = {
        id,
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (cause) => {
          clearTimeout(timer);
          reject(cause);
        },
      };
      this.#child.stdin.write(encodeFrame({ id, op, ...fields }, body));
    });
  }

  /** Ends the child; no process stays behind. */
  close(): void {
    this.#fail("the bridge is closed");
  }

  #receive(chunk: Buffer): void {
    let headers: readonly unknown[];
    try {
      headers = this.#frames.push(chunk);
    } catch (cause) {
      this.#fail(`the bridge has sent ${cause instanceof Error ? cause.message : String(cause)}`);
      return;
    }
    for (const header of headers) {
      const answer = answerSchema.safeParse(header);
      const pending = this.#pending;
      if (!answer.success || pending === undefined || answer.data.id !== pending.id) {
        this.#fail(`the bridge has sent what answers no request: ${JSON.stringify(header).slice(0, 120)}`);
        return;
      }
      this.#pending = undefined;
      if (answer.data.ok) pending.resolve(answer.data);
      else pending.reject(new BridgeError(answer.data.message ?? "refused without a reason"));
    }
  }

  /** The first reason counts: what a child does after it was ended says nothing. */
  #fail(why: string): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (this.#ended === undefined) {
      this.#ended = why;
      this.#child.kill("SIGKILL");
      this.#child.stdin.destroy();
    }
    const stderr = this.#stderr.trim();
    pending?.reject(new BridgeError(stderr === "" ? this.#ended : `${this.#ended}; it wrote: ${stderr}`));
  }
}
