/**
 * `TOKITAI_DEBUG=1..5` to stderr: 1 pass times, 2 obligations, 3 IR after each pass, 4 emitted source, 5 SMT-LIB.
 */

export type DebugLevel = 1 | 2 | 3 | 4 | 5;

/** Writes a message when the level asked for is at least `level`; the text is built only then. */
export function debug(level: DebugLevel, message: () => string): void {
  if (Number(process.env["TOKITAI_DEBUG"] ?? 0) >= level) process.stderr.write(`[tokitai:${level}] ${message()}\n`);
}
