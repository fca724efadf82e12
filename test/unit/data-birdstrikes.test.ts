import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { applyEncoding, encodeCsv } from "../../src/data/encode-csv.ts";
import { fitEncoding } from "../../src/data/encoding.ts";
import { readFrame } from "../../src/data/frame.ts";
import { type Leakage, measureLeakage } from "../../src/data/leakage.ts";
import { schemaWidths } from "../../src/data/schema.ts";
import { TRAIN } from "../../src/data/split.ts";
import { sha256 } from "../../src/support/hash.ts";
import { birdstrikes, unwrap, writeFixture } from "./data-fixture.ts";

const { csvPath, schema } = birdstrikes();
const frame = unwrap(readFrame(csvPath, schema));
const data = applyEncoding(unwrap(fitEncoding(frame)), frame);

const DOCS = readFileSync(new URL("../../docs/data.md", import.meta.url), "utf8");

function column(index: number, split: number): number[] {
  const values: number[] = [];
  for (let row = 0; row < data.rows; row++) {
    if (data.split[row] === split) values.push(data.features[row * data.width + index] ?? Number.NaN);
  }
  return values;
}

describe("the encoded bird strikes", () => {
  it("have 96 features: 74 one-hot and 22 numeric", () => {
    expect(schemaWidths(schema)).toEqual({ oneHot: 74, numeric: 22 });
    expect([data.rows, data.width, data.features.length]).toEqual([10_000, 96, 960_000]);
    expect(new Set(data.featureNames).size).toBe(96);
  });

  it("have one 1 per one-hot group and row, and zeros beside it", () => {
    const groups = schema.features.flatMap((feature) => (feature.kind === "one-hot" ? [feature.top + 1] : []));
    for (let row = 0; row < data.rows; row++) {
      let at = row * data.width;
      for (const size of groups) {
        const group = data.features.slice(at, at + size);
        if (
          group.filter((value) => value === 1).length !== 1 ||
          group.filter((value) => value === 0).length !== size - 1
        )
          throw new Error(`row ${row} has ${group}`);
        at += size;
      }
    }
    expect(groups.reduce((sum, size) => sum + size, 0)).toBe(74);
  });

  it("have mean 0 and variance 1 in each numeric column of the training rows", () => {
    for (let index = 74; index < 96; index++) {
      const values = column(index, TRAIN);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      // Rounding to f32 moves a value by at most |x|·2⁻²⁴, with |x| ≤ 40: 2.4e-6 for the mean, twice 40² · 2⁻²⁴ for a square.
      expect(Math.abs(mean), data.featureNames[index]).toBeLessThan(2.4e-6);
      expect(Math.abs(variance - 1), data.featureNames[index]).toBeLessThan(2e-4);
    }
    expect(data.features.every((value) => Number.isFinite(value) && Math.abs(value) < 40)).toBe(true);
  });

  it("have no column that is constant in training", () => {
    expect(data.encoding.constant).toEqual([]);
  });

  it("have 12 outcomes and 8 actions, the last action without a row, and a warning that says so", () => {
    const [outcome, action] = data.labels;
    expect(outcome).toMatchObject({
      name: "outcome",
      classes: [
        "Unknown bird - small",
        "Unknown bird - medium",
        "Unknown bird or bat",
        "Unknown bird - large",
        "European starling",
        "Rock pigeon",
        "Mourning dove",
        "Canada goose",
        "Red-tailed hawk",
        "Ring-billed gull",
        "American kestrel",
        "other",
      ],
      counts: [3572, 3372, 629, 436, 319, 232, 217, 190, 100, 87, 83, 763],
    });
    expect(action).toMatchObject({
      name: "action",
      classes: ["Parked", "Taxi", "Take-off run", "Climb", "Descent", "Approach", "Landing Roll", "unknown"],
      counts: [11, 18, 1592, 1956, 399, 4619, 1405, 0],
    });
    expect(data.emptyClasses).toEqual([{ label: "action", name: "unknown" }]);
    expect(data.warnings.map(({ message }) => message)).toEqual([
      'no row has the class "unknown" of the label "action": it can be neither learnt nor tested',
    ]);
  });

  it("are split into 8,034, 1,014 and 952 rows, equal rows on one side", () => {
    const counts = [0, 0, 0];
    for (const part of data.split) counts[part] = (counts[part] ?? 0) + 1;
    expect(counts).toEqual([8034, 1014, 952]);
    const sides = new Map<string, number>();
    for (const [row, cells] of frame.table.rows.entries()) {
      const text = cells.join(",");
      expect(sides.get(text) ?? data.split[row]).toBe(data.split[row]);
      sides.set(text, data.split[row] ?? -1);
    }
    expect(sides.size).toBe(9976);
  });

  it("are the same bytes in every run", () => {
    const bytes = (array: Float32Array | Int32Array | Uint8Array): Uint8Array =>
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    expect(
      [data.features, ...data.labels.map(({ values }) => values), data.split].map((array) => sha256(bytes(array))),
    ).toEqual([
      "6a98cb46fb76bc1dec598ca5797831530916d7d40e5ef5263d98eefa0ce59185",
      "803a84e8ffde616e68160b739ab4da6bfdfd79c10f2870047763c0883abf7bd1",
      "358c60800cccb6981328bf4a6145fbda66aa73d665eb4e59243d6d52c476845f",
      "218ac3ec16c3991cd4edcec282b308f1b83b99da163f98358e8fef9f3c319f2f",
    ]);
  });

  it("do not depend on the order of the rows, nor on the limit", () => {
    const [header, ...rows] = readFileSync(csvPath, "utf8").trimEnd().split("\r\n");
    const turned = writeFixture("turned.csv", `${[header, ...rows.toReversed()].join("\n")}\n`);
    const other = unwrap(encodeCsv(turned, schema));
    expect(other.encoding).toEqual(data.encoding);
    expect(other.split.toReversed()).toEqual(data.split);
    expect(other.labels.map(({ values }) => values.toReversed())).toEqual(data.labels.map(({ values }) => values));
    for (let row = 0; row < data.rows; row++) {
      const from = (data.rows - 1 - row) * data.width;
      const there = other.features.subarray(from, from + data.width);
      const here = data.features.subarray(row * data.width, (row + 1) * data.width);
      if (!here.every((value, index) => value === there[index])) throw new Error(`row ${row} differs`);
    }
    const few = unwrap(encodeCsv(csvPath, schema, { limit: 1000 }));
    expect(few.features).toEqual(data.features.slice(0, 1000 * data.width));
    expect(few.emptyClasses).toEqual(data.emptyClasses);
  });
});

describe("leakage", () => {
  const found = measureLeakage(frame, data);
  const told = ({ bits, baseBits }: Leakage): number => 1 - bits / baseBits;
  const used = new Set(schema.features.map((feature) => feature.column));

  it("is below a quarter of each label's bits in every column that is a feature", () => {
    for (const leak of found)
      if (used.has(leak.column)) expect(told(leak), `${leak.column} → ${leak.label}`).toBeLessThan(0.25);
  });

  it("is above it in the columns that are kept out, for the label that they give away", () => {
    const above = found.filter((leak) => told(leak) >= 0.25).map(({ column: name, label }) => `${name} → ${label}`);
    expect(above).toEqual(["Phase of flight → action", "Wildlife Size → outcome", "Wildlife Species → outcome"]);
    for (const name of ["Phase of flight", "Wildlife Size", "Wildlife Species"]) expect(used.has(name)).toBe(false);
  });

  it("is what docs/data.md says, column by column", () => {
    const rows = frame.table.header.map((name) => {
      const cells = found
        .filter((leak) => leak.column === name)
        .map(
          (leak) =>
            `${leak.bits.toFixed(3)} | ${(100 * told(leak)).toFixed(1)} % | ${(100 * leak.accuracy).toFixed(1)} %`,
        );
      return `| ${name} | ${cells.join(" | ")} |`;
    });
    for (const row of rows) expect(DOCS).toContain(row);
    const base = found
      .slice(0, 2)
      .map((leak) => `${leak.baseBits.toFixed(3)} | | ${(100 * leak.baseAccuracy).toFixed(1)} %`);
    expect(DOCS).toContain(`| (none) | ${base.join(" | ")} |`);
  });

  it("is found where a column determines a label, and not where it is noise", () => {
    const rows = Array.from({ length: 600 }, (_, id) => `${id},${id % 3},${(id * 7919) % 5},${"xyz"[id % 3]}`);
    const path = writeFixture("leak.csv", `id,copy,noise,label\n${rows.join("\n")}\n`);
    const small = {
      ...schema,
      expect: undefined,
      features: [{ kind: "one-hot" as const, column: "copy", top: 2 }],
      labels: [{ kind: "top" as const, name: "label", column: "label", top: 2 }],
      ignored: [
        { column: "id", why: "unique" },
        { column: "noise", why: "noise" },
      ],
    };
    const read = unwrap(readFrame(path, small));
    const leaks = new Map(
      measureLeakage(read, unwrap(encodeCsv(path, small))).map((leak) => [leak.column, leak] as const),
    );
    expect(leaks.get("copy")?.accuracy).toBe(1);
    expect(leaks.get("copy")?.bits).toBeLessThan(0.05);
    expect(leaks.get("noise")?.bits).toBeGreaterThan(Math.log2(3) - 0.05);
    // A value that training never saw tells nothing: the id falls back to the shares of the classes (smoothed twice).
    expect(leaks.get("id")?.bits).toBeCloseTo(leaks.get("id")?.baseBits ?? 0, 4);
    expect(leaks.get("id")?.baseBits).toBeCloseTo(Math.log2(3), 1);
  });
});
