import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import Ajv from "ajv-draft-04";
import addFormats from "ajv-formats";
import { afterAll, describe, expect, it } from "vitest";
import { create } from "xmlbuilder2";
import { junitText } from "../../src/cli/junit.ts";
import { sarifText } from "../../src/cli/sarif.ts";
import { error } from "../../src/support/diagnostic.ts";
import { PROOF_CODES } from "../../src/verify/codes.ts";
import type { ObligationResult } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { countVerdicts, obligationDiagnostics } from "../../src/verify/report.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const require = createRequire(import.meta.url);

/** The official schema, in the revision 2.1.0-rtm.5 that this package carries. */
const SCHEMA: object = JSON.parse(
  readFileSync(require.resolve("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"), "utf8"),
);
// Its pattern of a language has a bracket that Unicode mode forbids.
const ajv = new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats.default(ajv);
const validate = ajv.compile(SCHEMA);

const UNGUARDED = `import { block, f32, input, kernel, output, thread } from "tokitai/dsl";
export const copy = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [2] },
  ({ x, y }) => {
    y[block.x + thread.x] = x[block.x];
  },
);
`;

const pool = new SolverPool({ processes: 1 });
afterAll(() => pool.close());

async function obligationsOf(text: string): Promise<readonly ObligationResult[]> {
  const [report] = await verifyKernels([...kernelsFrom(text).values()], openSession(pool));
  if (report === undefined) throw new Error("no kernel was read");
  return report.obligations;
}

const PLACES = { cwd: "/repository/gpu", root: "/repository" };

interface SarifResult {
  readonly ruleId: string;
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation?: { readonly region: { readonly startLine: number; readonly startColumn: number } };
  }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}

function resultsOf(text: string): readonly SarifResult[] {
  const log: { readonly runs: readonly { readonly results: readonly SarifResult[] }[] } = JSON.parse(text);
  return log.runs.flatMap(({ results }) => results);
}

function sarifOf(obligations: readonly ObligationResult[]): string {
  const diagnostics = obligationDiagnostics(obligations);
  return sarifText({ diagnostics, counts: countVerdicts(obligations), exitCode: 10, ...PLACES });
}

describe("the codes of proofs", () => {
  it("are those that docs/contracts.md shows", () => {
    const text = readFileSync(join(import.meta.dirname, "../../docs/contracts.md"), "utf8");
    const rows = [...text.matchAll(/^\| (TK3\d\d) \| (.*) \|$/gm)].map(([, code, meaning]) => [code, meaning]);
    expect(rows).toEqual(Object.entries(PROOF_CODES));
  });
});

describe("SARIF", () => {
  it("validates against the official schema, with and without results", async () => {
    for (const text of [sarifOf(await obligationsOf(UNGUARDED)), sarifOf([])]) {
      expect(validate(JSON.parse(text)), JSON.stringify(validate.errors)).toBe(true);
    }
    const refused = sarifText({
      diagnostics: [error("TK108", undefined, "kernels/none.ts cannot be read", "name a file")],
      counts: countVerdicts([]),
      exitCode: 2,
      ...PLACES,
    });
    expect(validate(JSON.parse(refused)), JSON.stringify(validate.errors)).toBe(true);
  });

  it("fails the schema where a result has no message, so that the check is one", async () => {
    const log = JSON.parse(sarifOf(await obligationsOf(UNGUARDED)));
    delete log.runs[0].results[0].message;
    expect(validate(log)).toBe(false);
  });

  it("shows the witness at the store of the kernel", async () => {
    const found = resultsOf(sarifOf(await obligationsOf(UNGUARDED))).find(({ ruleId }) => ruleId === "TK301");
    expect(found?.locations[0]?.physicalLocation?.region).toMatchObject({ startLine: 6, startColumn: 5 });
    expect(found?.message.text).toContain("Witness: N = 1;");
    expect(found?.message.text).toContain("Replayed: the interpreter writes y[1] out of bounds");
  });

  it("keeps the fingerprints when lines are inserted above", async () => {
    const prints = async (text: string): Promise<readonly string[]> =>
      resultsOf(sarifOf(await obligationsOf(text))).flatMap((one) => Object.values(one.partialFingerprints));
    const before = await prints(UNGUARDED);
    expect(before.length).toBeGreaterThan(1);
    expect(new Set(before).size).toBe(before.length);
    expect(await prints(UNGUARDED.replace("export const", "\n// a comment\n\nexport const"))).toEqual(before);
  });
});

describe("JUnit", () => {
  it("has a case per obligation, and its counts", async () => {
    const obligations = await obligationsOf(UNGUARDED);
    const { refuted, unknown } = countVerdicts(obligations);
    const xml = junitText(obligations, []);
    expect(xml.match(/<testcase /g)).toHaveLength(obligations.length);
    expect(xml.match(/<failure /g)).toHaveLength(refuted);
    expect(xml).toContain(
      `<testsuites name="tokitai verify" tests="${obligations.length}" failures="${refuted}" errors="${unknown}">`,
    );
  });

  it("is XML, whatever a message holds", () => {
    const xml = junitText([], [error("TK100", undefined, `a < b && c > "d" ]]>`, "use 'e' & f")]);
    expect(xml).toContain('message="a &lt; b &amp;&amp; c &gt; &quot;d&quot; ]]&gt;"');
    expect(create(xml).root().toString()).toContain("use 'e' &amp; f");
  });
});
