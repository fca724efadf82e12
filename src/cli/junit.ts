/**
 * JUnit XML: obligations → the report that test dashboards read.
 *
 * A suite per kernel or program, a case per obligation; `failure` is refuted, `error` is unknown. Sources that were refused
 * are a suite of their own. Times are left out, since they differ from run to run.
 */

import { create } from "xmlbuilder2";
import type { Diagnostic } from "../support/diagnostic.ts";
import { formatPlace, NO_SPAN } from "../support/span.ts";
import type { ObligationResult, Verdict } from "../verify/obligation.ts";

interface Case {
  readonly name: string;
  readonly classname: string;
  readonly verdict: Verdict;
  readonly type: string;
  readonly message: string;
  readonly text: string;
}

export function junitText(obligations: readonly ObligationResult[], refused: readonly Diagnostic[]): string {
  const suites = new Map<string, Case[]>();
  for (const obligation of obligations) {
    suites.set(obligation.kernel, [...(suites.get(obligation.kernel) ?? []), obligationCase(obligation)]);
  }
  if (refused.length > 0) suites.set("sources", refused.map(refusedCase));
  const all = [...suites.values()].flat();
  const root = create({ version: "1.0", encoding: "UTF-8" }).ele("testsuites", {
    name: "tokitai verify",
    ...countsOf(all),
  });
  for (const [name, cases] of suites) {
    const suite = root.ele("testsuite", { name, ...countsOf(cases) });
    for (const { name: caseName, classname, verdict, type, message, text } of cases) {
      const element = suite.ele("testcase", { name: caseName, classname });
      if (verdict !== "proved") {
        element.ele(verdict === "refuted" ? "failure" : "error", { type, message }).txt(text);
      }
    }
  }
  return root.end({ prettyPrint: true });
}

function countsOf(cases: readonly Case[]): Record<string, string> {
  const count = (verdict: Verdict): string => String(cases.filter((one) => one.verdict === verdict).length);
  return { tests: String(cases.length), failures: count("refuted"), errors: count("unknown") };
}

function obligationCase(obligation: ObligationResult): Case {
  const { id, kind, kernel, verdict, code, failure, statement, span, witness, reason, fix } = obligation;
  const refuted = verdict === "refuted";
  const lines = [
    span === NO_SPAN ? undefined : formatPlace(span),
    witness && `witness: ${witness.text}`,
    witness && `replayed: ${witness.replayed}`,
    reason,
    fix && `fix: ${fix}`,
  ];
  return {
    name: `${id}: ${statement}`,
    classname: `${kernel}.${kind}`,
    verdict,
    type: refuted ? code : "TK399",
    message: refuted ? failure : `not proved: ${statement}`,
    text: lines.filter((line) => line !== undefined).join("\n"),
  };
}

function refusedCase({ code, message, span, fix }: Diagnostic): Case {
  const place = span === undefined ? "the input" : formatPlace(span);
  const text = [place, fix && `fix: ${fix}`].filter((line) => line !== undefined).join("\n");
  return { name: `${code} ${place}`, classname: "sources", verdict: "refuted", type: code, message, text };
}
