/** Exit codes, and which one wins where several apply. */

export const EXIT = {
  done: 0,
  usage: 1,
  sourceRefused: 2,
  runRefused: 3,
  toolFailed: 4,
  unknown: 5,
  internal: 6,
  refuted: 10,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const PRECEDENCE: readonly ExitCode[] = [
  EXIT.internal,
  EXIT.refuted,
  EXIT.unknown,
  EXIT.toolFailed,
  EXIT.runRefused,
  EXIT.sourceRefused,
  EXIT.usage,
];

export function worst(codes: readonly ExitCode[]): ExitCode {
  return PRECEDENCE.find((code) => codes.includes(code)) ?? EXIT.done;
}

/** The exit code of a diagnostic, by the group of its code. */
export function exitCodeOf(code: string): ExitCode {
  if (code.startsWith("TK0")) return EXIT.usage;
  if (code === "TK399") return EXIT.unknown;
  if (/^TK[12]|^TK41/.test(code)) return EXIT.sourceRefused;
  if (code.startsWith("TK3")) return EXIT.refuted;
  if (code.startsWith("TK4")) return EXIT.toolFailed;
  if (code.startsWith("TK5")) return EXIT.runRefused;
  return EXIT.internal;
}
