/**
 * Values of options: what the user typed → checked values, and how a wrong command line is refused.
 *
 * Commander calls the parsers; what they throw, and what it finds itself (an unknown option, a missing argument), comes
 * back as its one-paragraph message, which `usageDiagnostic` turns into a diagnostic.
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { type Diagnostic, error } from "../support/diagnostic.ts";

export type Format = "text" | "json";

export function formatOption(): Option {
  return new Option("--format <format>", "how the result is printed").choices(["text", "json"]).default("text");
}

/** A whole number of `min` to `max`, in decimal digits. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Give a whole number ${range}.`);
  };
}

/** `--seed <n>`, 7 by default, with the text of that default: JSON, in which help writes values, has no bigint. */
export function seedOption(description: string): Option {
  return new Option("--seed <n>", `${description}, a 64-bit number`).argParser(seedNumber).default(7n, "7");
}

/** A seed: an unsigned 64-bit number. */
function seedNumber(text: string): bigint {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value < 2n ** 64n) return value;
  throw new InvalidArgumentError("Give a whole number from 0 to 2^64 - 1.");
}

/** For an option that may be repeated and takes comma-separated names: all names so far, each once, in order. */
export function namesOf<T extends string>(
  choices: readonly T[],
): (text: string, before?: readonly T[]) => readonly T[] {
  return (text, before = []) => {
    const names = text.split(",").map((name) => {
      const known = choices.find((choice) => choice === name.trim());
      if (known === undefined) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
      return known;
    });
    return [...new Set([...before, ...names])];
  };
}

/** As `namesOf`, for names that are checked later. */
export function anyNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("A name is empty.");
  return [...new Set([...before, ...names])];
}

/** TK001: a command line that says two things, or too little. */
export function usageError(message: string, fix: string): Diagnostic {
  return error("TK001", undefined, message, fix);
}

/** TK001, from commander's text: `error: fact. Advice.` or `error: fact⏎(advice)`. */
export function usageDiagnostic(text: string, command: Command): Diagnostic {
  const [first = "", ...rest] = text
    .replace(/^error: /, "")
    .trim()
    .split(/(?<=\.) (?=[A-Z])|\n/);
  const advice = rest.join(" ").replace(/^\(|[.)?]+$/g, "");
  const help = `${commandPath(command)} --help shows how`;
  const fix = advice === "" ? help : `${advice.slice(0, 1).toLowerCase()}${advice.slice(1)}`;
  return usageError(first.replace(/\.$/, ""), fix);
}

function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}
