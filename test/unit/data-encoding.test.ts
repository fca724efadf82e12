import { describe, expect, it } from "vitest";
import { datePart, parseDate } from "../../src/data/date.ts";
import { applyEncoding, type Dataset, encodeCsv } from "../../src/data/encode-csv.ts";
import { type Encoding, fitEncoding, parseEncoding } from "../../src/data/encoding.ts";
import { readFrame } from "../../src/data/frame.ts";
import type { DataSchema } from "../../src/data/schema.ts";
import { splitOf, TEST, TRAIN, VALIDATION } from "../../src/data/split.ts";
import { refusal, schemaOf, unwrap, writeFixture } from "./data-fixture.ts";

const SCHEMA = schemaOf({
  features: [
    { kind: "one-hot", column: "city", top: 2 },
    { kind: "numeric", column: "cost", missingFlag: true },
    { kind: "frequency", column: "city" },
  ],
  labels: [
    { kind: "top", name: "kind", column: "species", top: 2 },
    { kind: "listed", name: "action", column: "phase", classes: ["Climb", "Descent"], missingClass: "unknown" },
  ],
  ignored: [{ column: "id", why: "makes each row a different one" }],
});

const HEADER = "id,city,cost,species,phase";

/** The row with the first id that the hash sends to the split asked for. */
function rowIn(split: number, rest: string): string {
  for (let id = 0; id < 1000; id++) if (splitOf(`${id},${rest}`) === split) return `${id},${rest}`;
  throw new Error(`no id below 1000 puts ${rest} into split ${split}`);
}

const train = (...rows: readonly string[]): string[] => rows.map((row) => rowIn(TRAIN, row));

function encode(rows: readonly string[], schema: DataSchema = SCHEMA, limit?: number): Dataset {
  const path = writeFixture("encode.csv", `${HEADER}\n${rows.join("\n")}\n`);
  return unwrap(encodeCsv(path, schema, limit === undefined ? {} : { limit }));
}

function featuresOf({ features, width, rows }: Dataset): number[][] {
  return Array.from({ length: rows }, (_, row) => [...features.slice(row * width, (row + 1) * width)]);
}

const ROWS = train("B,1,crow,Climb", "A,2,gull,Descent", "B,,gull,Climb", "A,3,kite,", "C,6,crow,Climb", ",0,,Descent");

describe("an encoded row", () => {
  it("is one-hot, then standardised with missing values at the mean, then flags and frequencies", () => {
    const data = encode(ROWS);
    expect(data.featureNames).toEqual(["city=A", "city=B", "city=other", "cost", "cost missing", "city frequency"]);
    const rows = featuresOf(data);
    expect(rows.map((row) => row.slice(0, 3))).toEqual([
      [0, 1, 0],
      [1, 0, 0],
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
      [0, 0, 1],
    ]);
    // Present costs 1, 2, 3, 6, 0: mean 2.4; Σ(x − 2.4)² = 21.2 over six rows.
    const deviation = Math.sqrt(21.2 / 6);
    const costs = [-1.4, -0.4, 0, 0.6, 3.6, -2.4].map((distance) => Math.fround(distance / deviation));
    for (const [row, cost] of costs.entries()) expect(rows[row]?.[3]).toBeCloseTo(cost, 6);
    expect(rows[2]?.[3]).toBe(0);
    // One flag in six: mean 1/6, deviation √5/6.
    expect(rows[2]?.[4]).toBeCloseTo(Math.sqrt(5), 6);
    expect(rows[0]?.[4]).toBeCloseTo(-1 / Math.sqrt(5), 6);
    const frequency = data.encoding.features[2];
    expect(frequency?.kind === "standardised" && frequency.counts).toEqual([
      ["A", 2],
      ["B", 2],
      ["C", 1],
    ]);
    // ln 3, ln 3, ln 3, ln 3, ln 2 and, missing, ln 1: the order of the counts is kept.
    expect(rows[0]?.[5]).toBe(rows[1]?.[5]);
    expect(rows[0]?.[5]).toBeGreaterThan(rows[4]?.[5] ?? 0);
    expect(rows[4]?.[5]).toBeGreaterThan(rows[5]?.[5] ?? 0);
  });

  it("has the class of its label, a missing value the last one", () => {
    const [kind, action] = encode(ROWS).labels;
    expect(kind).toMatchObject({ name: "kind", classes: ["crow", "gull", "other"], counts: [2, 2, 2] });
    expect([...(kind?.values ?? [])]).toEqual([0, 1, 1, 2, 0, 2]);
    expect(action).toMatchObject({ name: "action", classes: ["Climb", "Descent", "unknown"], counts: [3, 2, 1] });
    expect([...(action?.values ?? [])]).toEqual([0, 1, 0, 2, 0, 1]);
  });

  it("takes the texts that its column declares as missing, and only there", () => {
    const schema = schemaOf({
      ...SCHEMA,
      features: [
        { kind: "numeric", column: "cost", missing: ["?"], missingFlag: true },
        { kind: "one-hot", column: "city", top: 1 },
      ],
    });
    const data = encode(train("?,?,crow,Climb", "A,5,crow,Climb", "?,7,crow,Climb"), schema);
    expect(data.featureNames).toEqual(["cost", "cost missing", "city=?", "city=other"]);
    expect(featuresOf(data).map((row) => row[0])).toEqual([0, -Math.sqrt(3 / 2), Math.sqrt(3 / 2)].map(Math.fround));
  });
});

describe("the vocabulary", () => {
  it("breaks ties by text order and not by the order of the rows", () => {
    const cities = (rows: readonly string[]): readonly string[] => encode(rows).featureNames.slice(0, 3);
    const rows = train("b,1,x,Climb", "a,1,x,Climb", "B,1,x,Climb", "é,1,x,Climb");
    expect(cities(rows)).toEqual(["city=B", "city=a", "city=other"]);
    expect(cities(rows.toReversed())).toEqual(["city=B", "city=a", "city=other"]);
  });

  it("counts a value named other as one of the rest", () => {
    const data = encode(train("other,1,other,Climb", "other,2,other,Climb", "A,3,crow,Climb"));
    expect(data.featureNames.slice(0, 3)).toEqual(["city=A", "city=(unused 2)", "city=other"]);
    expect(data.labels[0]?.classes).toEqual(["crow", "(unused 2)", "other"]);
    expect(data.labels[0]?.counts).toEqual([1, 0, 2]);
  });

  it("keeps the width where there are fewer values, and says what is empty or constant", () => {
    const data = encode(train("A,1,crow,Climb", "A,1,gull,Climb"));
    expect(data.width).toBe(6);
    expect(data.emptyClasses).toEqual([
      { label: "kind", name: "other" },
      { label: "action", name: "Descent" },
      { label: "action", name: "unknown" },
    ]);
    expect(data.warnings.map(({ code, severity, message }) => `${severity} ${code}: ${message}`)).toEqual([
      'warning TK534: no row has the class "other" of the label "kind": it can be neither learnt nor tested',
      'warning TK534: no row has the class "Descent" of the label "action": it can be neither learnt nor tested',
      'warning TK534: no row has the class "unknown" of the label "action": it can be neither learnt nor tested',
      "warning TK535: features that are constant in the training split teach nothing: " +
        "city=A, city=(unused 2), city=other, cost, cost missing, city frequency",
    ]);
    // A constant column is 0, and not 0/0.
    expect(featuresOf(data)).toEqual([
      [1, 0, 0, 0, 0, 0],
      [1, 0, 0, 0, 0, 0],
    ]);
  });
});

describe("the encoding", () => {
  it("looks at no row outside the training split", () => {
    const held = [
      rowIn(VALIDATION, "C,1000,kite,Climb"),
      rowIn(TEST, "C,-5,kite,Climb"),
      rowIn(TEST, "D,1,kite,Climb"),
    ];
    const alone = encode(ROWS);
    const both = encode([...held, ...ROWS]);
    expect(both.encoding).toEqual(alone.encoding);
    expect(featuresOf(both).slice(held.length)).toEqual(featuresOf(alone));
    expect([...both.split]).toEqual([VALIDATION, TEST, TEST, 0, 0, 0, 0, 0, 0]);
    // A value that training never saw is "other", and has frequency 0 as a missing one has.
    expect(featuresOf(both)[2]?.slice(0, 3)).toEqual([0, 0, 1]);
    expect(featuresOf(both)[2]?.[5]).toBe(featuresOf(alone)[5]?.[5]);
  });

  it("goes through JSON and gives the same bytes", () => {
    const frame = unwrap(readFrame(writeFixture("json.csv", `${HEADER}\n${ROWS.join("\n")}\n`), SCHEMA));
    const encoding = unwrap(fitEncoding(frame));
    const copy = unwrap(parseEncoding(JSON.parse(JSON.stringify(encoding)), "encoding.json"));
    expect(copy).toEqual(encoding);
    expect(applyEncoding(copy, frame).features).toEqual(encode(ROWS).features);
  });

  it("is refused when it is not one, or does not fit its own schema", () => {
    const good: Encoding = encode(ROWS).encoding;
    const read = (json: unknown): string => refusal(parseEncoding(json, "e.json")).split("\n")[0] ?? "";
    expect(read({ ...good, format: 2 })).toBe(
      "error TK536: this is not an encoding: format: Invalid input: expected 1",
    );
    expect(read(null)).toBe("error TK536: this is not an encoding: Invalid input: expected object, received null");
    const misfit = "error TK536: this is not an encoding: it does not fit its own schema";
    expect(read({ ...good, features: good.features.slice(1) })).toBe(misfit);
    expect(read({ ...good, features: good.features.toReversed() })).toBe(misfit);
    expect(read({ ...good, labels: [{ values: ["a", "b", "c", "d"] }, { values: [] }] })).toBe(misfit);
    expect(read({ ...good, features: good.features.with(0, { kind: "one-hot", values: ["a", "b", "c"] }) })).toBe(
      misfit,
    );
    const zero = { kind: "standardised", counts: [], scales: [{ mean: 0, deviation: 0 }] };
    expect(read({ ...good, features: [zero] })).toContain("features.0.scales.0.deviation: Too small");
  });

  it("is not applied to a frame of another schema", () => {
    const path = writeFixture("other.csv", `${HEADER}\n${ROWS.join("\n")}\n`);
    const frame = unwrap(readFrame(path, { ...SCHEMA, name: "another" }));
    expect(() => applyEncoding(encode(ROWS).encoding, frame)).toThrow("another schema");
  });
});

describe("the limit", () => {
  it("takes the first rows and changes nothing else", () => {
    const all = encode(ROWS);
    const two = encode(ROWS, SCHEMA, 2);
    expect(two.rows).toBe(2);
    expect(featuresOf(two)).toEqual(featuresOf(all).slice(0, 2));
    expect(two.labels.map(({ counts }) => counts)).toEqual([
      [1, 1, 0],
      [1, 1, 0],
    ]);
    expect([two.encoding, two.emptyClasses, two.warnings]).toEqual([all.encoding, [], []]);
    expect(encode(ROWS, SCHEMA, 0).features).toHaveLength(0);
    expect(encode(ROWS, SCHEMA, 99).features).toEqual(all.features);
    for (const limit of [-1, 1.5, Number.NaN])
      expect(() => encode(ROWS, SCHEMA, limit)).toThrow("not a number of rows");
  });
});

describe("the split", () => {
  it("is a function of the fields: not of quotes, line ends, a byte-order mark or the order of the rows", () => {
    const plain = encode(ROWS);
    const quoted = ROWS.map((row) =>
      row
        .split(",")
        .map((field) => `"${field}"`)
        .join(","),
    );
    const text = `\ufeff${HEADER}\r\n${quoted.join("\r\n")}`;
    const other = unwrap(encodeCsv(writeFixture("quoted.csv", text), SCHEMA));
    expect(other.features).toEqual(plain.features);
    expect(other.split).toEqual(plain.split);
    const reversed = encode(ROWS.toReversed());
    expect(featuresOf(reversed).toReversed()).toEqual(featuresOf(plain));
  });

  it("hashes a field with commas, quotes or line ends in its quoted form", () => {
    const field = 'a ""b"", c\nd';
    const path = writeFixture("field.csv", `${HEADER}\n${ROWS.join("\n")}\n7,"${field}",1,crow,Climb\n`);
    const data = unwrap(encodeCsv(path, SCHEMA));
    expect(data.split[ROWS.length]).toBe(splitOf(`7,"${field}",1,crow,Climb`));
  });

  it("is the first 32 bits of SHA-256 as a fraction, cut at 0.8 and 0.9", () => {
    // As `printf a | sha256sum` begins: ca978112 is 0.791 of 2³², cd0aa985 is 0.801, e3b98a4d is 0.8896, e7f6c011 is 0.906.
    expect(["a", "g", "t", "6"].map(splitOf)).toEqual([TRAIN, VALIDATION, VALIDATION, TEST]);
  });
});

describe("dates", () => {
  it("are read in each format, leap days and century rules included", () => {
    expect(parseDate("1970-01-01", "YYYY-MM-DD")).toBe(0);
    expect(parseDate("3/1/2000", "M/D/YYYY")).toBe(11_017);
    expect(parseDate("01.03.2000", "D.M.YYYY")).toBe(11_017);
    expect(parseDate("2000-02-29", "YYYY-MM-DD")).toBe(11_016);
    expect(parseDate("1900-02-29", "YYYY-MM-DD")).toBeUndefined();
    expect(parseDate("31.4.2001", "D.M.YYYY")).toBeUndefined();
    expect(parseDate("1969-12-31", "YYYY-MM-DD")).toBe(-1);
  });

  it("have the parts of the calendar", () => {
    const day = parseDate("2000-12-31", "YYYY-MM-DD") ?? 0; // a Sunday, the 366th day
    const parts = (["year", "month", "day-of-month", "day-of-year", "day-of-week"] as const).map((part) =>
      datePart(day, part),
    );
    expect(parts).toEqual([2000, 12, 31, 366, 6]);
    // Day 91 of 0 … 364 of its year.
    const spring = parseDate("2001-04-02", "YYYY-MM-DD") ?? 0;
    for (const k of [1, 2, 3] as const) {
      expect(datePart(spring, `year-sin-${k}`)).toBeCloseTo(Math.sin((2 * Math.PI * k * 91) / 365), 12);
      expect(datePart(spring, `year-cos-${k}`)).toBeCloseTo(Math.cos((2 * Math.PI * k * 91) / 365), 12);
      expect(datePart(day, `week-sin-${k}`)).toBeCloseTo(Math.sin((2 * Math.PI * k * 6) / 7), 12);
      expect(datePart(day, `week-cos-${k}`)).toBeCloseTo(Math.cos((2 * Math.PI * k * 6) / 7), 12);
    }
  });

  it("are at the mean and flagged where missing", () => {
    const schema = schemaOf({
      features: [{ kind: "date", column: "day", parts: ["year", "month"], missingFlag: true, format: "D.M.YYYY" }],
      ignored: [{ column: "id", why: "makes each row a different one" }],
    });
    const rows = train("1.1.2000", "3.5.2004", "");
    const data = unwrap(encodeCsv(writeFixture("days.csv", `id,day\n${rows.join("\n")}\n`), schema));
    expect(data.featureNames).toEqual(["day year", "day month", "day missing"]);
    // Two values a distance d from their mean, one missing: deviation d·√(2/3).
    const [low, high] = [-Math.sqrt(1.5), Math.sqrt(1.5)].map(Math.fround);
    const [unset, set] = [-Math.sqrt(0.5), Math.sqrt(2)].map(Math.fround);
    expect(featuresOf(data)).toEqual([
      [low, low, unset].map((value) => expect.closeTo(value ?? 0, 6)),
      [high, high, unset].map((value) => expect.closeTo(value ?? 0, 6)),
      [0, 0, expect.closeTo(set ?? 0, 6)],
    ]);
  });
});
