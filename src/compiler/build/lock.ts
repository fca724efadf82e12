/**
 * One process at a time: a name in, the right to do what it stands for out.
 *
 * A lock is an abstract Unix socket. The kernel gives it up when the process ends, in whatever way, so that a killed build leaves
 * no lock behind.
 */

import { realpathSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { sha256 } from "../../support/hash.ts";
import { errorCode } from "./run-tool.ts";

const RETRY_MS = 50;

/** Runs `work` as the folder's only writer; `undefined` when another process still writes it after `timeoutMs`. */
export function withFolderLock<T>(folder: string, timeoutMs: number, work: () => Promise<T>): Promise<T | undefined> {
  return withLock(realpathSync(folder), timeoutMs, work);
}

/** Runs `work` while nobody else has the lock of this name; `undefined` when another still has it after `timeoutMs`. */
export async function withLock<T>(of: string, timeoutMs: number, work: () => Promise<T>): Promise<T | undefined> {
  const name = `\0tokitai-${sha256(of)}`;
  const deadline = performance.now() + timeoutMs;
  let server = await listen(name);
  while (server === undefined && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    server = await listen(name);
  }
  if (server === undefined) return undefined;
  try {
    return await work();
  } finally {
    server.close();
  }
}

/** The listening socket, or `undefined` when the name is taken; rejects on any other error. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (cause) => (errorCode(cause) === "EADDRINUSE" ? resolve(undefined) : reject(cause)));
    server.listen({ path, exclusive: true }, () => resolve(server));
  });
}
