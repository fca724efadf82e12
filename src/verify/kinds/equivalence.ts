/**
 * Equivalence: each output of a kernel that claims to compute an operation is what the operation's definition says, over
 * the reals and at a set of small shapes.
 *
 * No solver is asked: a worker thread executes the kernel symbolically (`equivalence/`). What is proved is kept in the
 * proof cache under the kernel's text without places, so that comments and other kernels of the file do not matter.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import { debug } from "../../support/debug.ts";
import { sha256 } from "../../support/hash.ts";
import { parseJson } from "../../support/json.ts";
import { sourceHash } from "../../support/source-hash.ts";
import type { OutputVerdict } from "../equivalence/equivalence.ts";
import { bindSignature } from "../equivalence/signature.ts";
import type { WorkerAnswer } from "../equivalence/worker.ts";
import { checkInWorker } from "../equivalence/workers.ts";
import type { ObligationResult } from "../obligation.ts";
import { proofKey } from "../proof-cache.ts";
import type { Session } from "../session.ts";

/** One result per output; none for a kernel that claims nothing, or whose parameters are not those of its claim. */
export async function equivalenceResults(kernel: Kernel, session: Session): Promise<readonly ObligationResult[]> {
  const bound = bindSignature(kernel);
  if (bound === undefined) return [];
  const outputs = bound.outputs.map(({ param }) => param);
  const key = proofKey("equivalence", methodHash(), textWithoutPlaces(kernel));
  const shapes = readShapes(
    session.cache?.get(key),
    outputs.map(({ name }) => name),
  );
  const answer: WorkerAnswer =
    shapes === undefined
      ? await session.counted(checkInWorker(kernel))
      : {
          kind: "verdicts",
          milliseconds: 0,
          verdicts: outputs.map(({ name, span }, i) => ({
            output: name,
            verdict: "proved",
            shapes: shapes[i] ?? "",
            span,
          })),
        };
  if (answer.kind === "failed") debug(1, () => `equivalence of ${kernel.name}: ${answer.reason}`);
  const verdicts: readonly OutputVerdict[] =
    answer.kind === "verdicts"
      ? answer.verdicts
      : outputs.map(({ name, span }) => ({ output: name, verdict: "unknown", span, reason: firstLine(answer.reason) }));
  if (shapes === undefined && verdicts.every(({ verdict }) => verdict === "proved")) {
    session.cache?.put(key, JSON.stringify(verdicts.map((verdict) => [verdict.output, verdict.shapes])));
  }
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
