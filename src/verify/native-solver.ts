/**
 * A native SMT solver as a process: SMT-LIB text in, `sat`, `unsat` or `unknown` out.
 *
 * One process answers many queries, one at a time, with `(reset)` between them: starting one for each would take longer
 * than solving. After each query the solver echoes a marker with the query's number, and only what stands between two
 * markers is its answer: exactly one line `sat` or `unsat` and nothing else. An error message, a crash, silence beyond
 * the limit or a line too many is `unknown`, and the next query gets a fresh process.
 */

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";

export const NATIVE_SOLVERS = ["z3", "cvc5"] as const;
export type NativeSolverName = (typeof NATIVE_SOLVERS)[number];

export type NativeAnswer = "sat" | "unsat" | "unknown";

/** Reading SMT-LIB from the standard input, without a limit of their own: `(reset)` would lift it. */
const ARGUMENTS: Readonly<Record<NativeSolverName, readonly string[]>> = {
  z3: ["-in", "-smt2"],
  cvc5: ["--lang=smt2", "--incremental", "--quiet"],
};

/** `4.8.12`, or `undefined` where there is no such program. */
export function nativeVersion(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 ? /(\d+(?:\.\d+)+)/.exec(stdout)?.[1] : undefined;
}

interface Question {
  readonly marker: string;
  readonly settle: (answer: NativeAnswer) => void;
  readonly timer: NodeJS.Timeout;
  readonly lines: string[];
}

/** Owns a process: call `close` when done. `program` may be another path than the solver's name. */
export class NativeSolver {
  readonly #program: string;
  readonly #args: readonly string[];
  #child: ChildProcessWithoutNullStreams | undefined;
  #question: Question | undefined;
  #asked = 0;

  constructor(name: NativeSolverName, program: string = name) {
    this.#program = program;
    this.#args = ARGUMENTS[name];
  }

  /** `text` declares and asserts; one question at a time. */
  ask(text: string, timeoutMs: number): Promise<NativeAnswer> {
    return new Promise((settle) => {
      const child = this.#child ?? this.#start();
      const marker = `answered ${++this.#asked}`;
      const timer = setTimeout(() => this.#drop(child), timeoutMs);
      this.#question = { marker, settle, timer, lines: [] };
      child.stdin.write(`(reset)\n(set-logic ALL)\n${text}\n(check-sat)\n(echo "${marker}")\n`);
    });
  }

  close(): void {
    if (this.#child !== undefined) this.#drop(this.#child);
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn(this.#program, this.#args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#read(child, line.trim());
    });
    // What a solver writes there makes its answer doubtful.
    child.stderr.on("data", () => this.#drop(child));
    child.on("error", () => this.#drop(child));
    child.on("close", () => this.#drop(child));
    // Writing to a process that has just ended; `close` follows.
    child.stdin.on("error", () => this.#drop(child));
    return child;
  }

  #read(child: ChildProcessWithoutNullStreams, line: string): void {
    const question = this.#question;
    if (child !== this.#child || question === undefined) return;
    if (line !== question.marker && line !== `"${question.marker}"`) {
      question.lines.push(line);
      return;
    }
    const [answer] = question.lines;
    const plain = question.lines.length === 1 && (answer === "sat" || answer === "unsat" || answer === "unknown");
    if (plain) this.#settle(answer);
    else this.#drop(child);
  }

  /** Ends the process; the open question, if it is this process's, is `unknown`. */
  #drop(child: ChildProcessWithoutNullStreams): void {
    child.kill("SIGKILL");
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#settle("unknown");
  }

  #settle(answer: NativeAnswer): void {
    const question = this.#question;
    if (question === undefined) return;
    this.#question = undefined;
    clearTimeout(question.timer);
    question.settle(answer);
  }
}
