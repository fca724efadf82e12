/**
 * Equivalence: each output of a kernel that claims to compute an operation is what the operation's definition says, over
 * the reals and at a set of small shapes.
 *
 * No solver is asked: a worker thread executes the kernel symbolically (`equivalence/`). What is proved is kept in the
 * proof cache under the kernel's text without places, so that comments and other kernels of the file do not matter. Of
 * kernels that differ in the formats of halves alone one is executed, and the others share what it shows.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import { debug } from "../../support/debug.ts";
import { sha256 } from "../../support/hash.ts";
import { parseJson } from "../../support/json.ts";
import { sourceHash } from "../../support/source-hash.ts";
import type { OutputVerdict } from "../equivalence/equivalence.ts";
import { type Bound, bindSignature } from "../equivalence/signature.ts";
import type { WorkerAnswer } from "../equivalence/worker.ts";
import { checkInWorker } from "../equivalence/workers.ts";
import type { ObligationResult } from "../obligation.ts";
import { proofKey } from "../proof-cache.ts";
import type { Session } from "../session.ts";

/** One result per output; none for a kernel that claims nothing, or whose parameters are not those of its claim. */
export type EquivalenceOf = (kernel: Kernel) => Promise<readonly ObligationResult[]>;

/** A kernel that claims an operation. */
interface Subject {
  readonly kernel: Kernel;
  readonly bound: Bound;
  /** Of its entry in the proof cache. */
  readonly key: string;
  /** Of each output, what the entry says it was compared at; without an entry, or one to believe, absent. */
  readonly shapes: readonly string[] | undefined;
}

/** The run of one kernel for all that are like it. */
interface Execution {
  readonly alike: readonly Kernel[];
  readonly answer: Promise<WorkerAnswer>;
}

/** For `kernels`, which are verified together. */
export function equivalenceOf(kernels: readonly Kernel[], session: Session): EquivalenceOf {
  const subjects = new Map(
    kernels.flatMap((kernel) => {
      const subject = subjectOf(kernel, session);
      return subject === undefined ? [] : [[kernel, subject]];
    }),
  );
  const open = [...subjects.values()].flatMap(({ kernel, shapes }) => (shapes === undefined ? [kernel] : []));
  const withoutFormats = new Map(open.map((kernel) => [kernel, textWithoutFormats(kernel)]));
  const executions = new Map<Kernel, Execution>();

  const execute = (kernel: Kernel): Execution => {
    const text = withoutFormats.get(kernel);
    const alike = open.filter((other) => other !== kernel && withoutFormats.get(other) === text);
    const execution = { alike, answer: checkInWorker(kernel, alike) };
    for (const one of [kernel, ...alike]) executions.set(one, execution);
    return execution;
  };
  const answerOf = async ({ kernel, bound }: Subject): Promise<WorkerAnswer> => {
    const { alike, answer } = executions.get(kernel) ?? execute(kernel);
    const given = await answer;
    const position = alike.indexOf(kernel);
    if (position < 0) return given;
    // What does not hold of all of them is looked at in the kernel itself.
    if (given.kind === "failed" || given.alike[position] !== true) return checkInWorker(kernel, []);
    return proved(
      bound,
      given.verdicts.map(({ shapes }) => shapes),
    );
  };
  return async (kernel) => {
    const subject = subjects.get(kernel);
    if (subject === undefined) return [];
    const { bound, key, shapes } = subject;
    if (shapes !== undefined) return resultsOf(subject, proved(bound, shapes));
    const answer = await session.counted(answerOf(subject));
    if (answer.kind === "failed") debug(1, () => `equivalence of ${kernel.name}: ${answer.reason}`);
    else if (answer.verdicts.every(({ verdict }) => verdict === "proved")) {
      session.cache?.put(key, JSON.stringify(answer.verdicts.map((verdict) => [verdict.output, verdict.shapes])));
    }
    return resultsOf(subject, answer);
  };
}

function subjectOf(kernel: Kernel, { cache }: Session): Subject | undefined {
  const bound = bindSignature(kernel);
  if (bound === undefined) return undefined;
  const key = proofKey("equivalence", methodHash(), textWithoutPlaces(kernel));
  const outputs = bound.outputs.map(({ param }) => param.name);
  return { kernel, bound, key, shapes: readShapes(cache?.get(key), outputs) };
}

/** What is known without executing the kernel. */
function proved({ outputs }: Bound, shapes: readonly (string | undefined)[]): WorkerAnswer {
  const verdicts = outputs.map(({ param: { name, span } }, i): OutputVerdict => {
    return { output: name, verdict: "proved", shapes: shapes[i] ?? "", span };
  });
  return { kind: "verdicts", verdicts, alike: [], milliseconds: 0 };
}

function resultsOf({ kernel, bound, key }: Subject, answer: WorkerAnswer): readonly ObligationResult[] {
  const verdicts: readonly OutputVerdict[] =
    answer.kind === "verdicts"
      ? answer.verdicts
      : bound.outputs.map(({ param: { name, span } }) => {
          return { output: name, verdict: "unknown", span, reason: firstLine(answer.reason) };
        });
  const milliseconds = answer.kind === "verdicts" ? answer.milliseconds / Math.max(1, verdicts.length) : 0;
  return verdicts.map(({ output, ...verdict }) => ({
    ...verdict,
    id: `${kernel.name}/equivalence/${output}#1`,
    kind: "equivalence",
    kernel: kernel.name,
    statement: `${output} is what ${bound.claim} computes`,
    failure: `${output} is something else than ${bound.claim} computes`,
    code: "TK313",
    solverMs: milliseconds,
    query: "",
    queryHash: sha256(key),
    expects: "unsat",
  }));
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

/** Everything of a kernel that decides what it computes. */
function textWithoutPlaces(kernel: Kernel): string {
  return JSON.stringify(kernel, (name, value: unknown) => {
    if (name === "span" || name === "doc") return undefined;
    if (typeof value === "bigint") return `${value}n`;
    // JSON has neither infinities nor −0.
    return typeof value === "number" ? `${Object.is(value, -0) ? "-0" : value}f` : value;
  });
}

/** The same of all kernels that differ in their names and in the formats of halves alone. */
function textWithoutFormats(kernel: Kernel): string {
  return textWithoutPlaces({ ...kernel, name: "" }).replace(FORMATS, '"$1":"half"');
}

/** Where an element type stands in the text, or the format of a rounding. */
const FORMATS = /"(element|to)":"(?:f16|bf16)"/g;

/** The folders of all that has a part in a verdict, below `src`. */
export const METHOD_FOLDERS = ["verify/equivalence", "verify", "ir/kernel", "ir/tensor", "support"] as const;

let method: string | undefined;

/** What decides the verdict besides the kernel: the text of everything that has a part in it. */
function methodHash(): string {
  method ??= sourceHash(METHOD_FOLDERS);
  return method;
}

/** The shapes of each output, if the entry is about these outputs. */
function readShapes(entry: string | undefined, outputs: readonly string[]): readonly string[] | undefined {
  if (entry === undefined) return undefined;
  const parsed = parseJson(entry);
  if (!Array.isArray(parsed) || parsed.length !== outputs.length) return undefined;
  const shapes = parsed.map((pair: unknown, i) => {
    if (!Array.isArray(pair) || pair[0] !== outputs[i]) return undefined;
    const text: unknown = pair[1];
    return typeof text === "string" ? text : undefined;
  });
  return shapes.every((text) => text !== undefined) ? shapes : undefined;
}
