import { describe, expect, it } from "vitest";
import { readJsonSource } from "../../src/data/json-source.ts";
import { readSchema, schemaWidths } from "../../src/data/schema.ts";
import { FOLDER, refusal, unwrap, writeFixture } from "./data-fixture.ts";

const refused = (text: string): string => refusal(readSchema(writeFixture("s.json", text)));

const schema = (rest: string): string => `{
  "format": 1,
  "name": "test",
  ${rest}
}
`;

const FEATURE = '"features": [{ "kind": "one-hot", "column": "a", "top": 2 }]';

describe("readSchema", () => {
  it("reads a schema and fills in what is left out", () => {
    const text = schema('"features": [{ "kind": "numeric", "column": "a" }], "labels": []');
    const read = unwrap(readSchema(writeFixture("good.json", `\ufeff${text}`)));
    expect(read).toEqual({
      format: 1,
      name: "test",
      missing: [""],
      features: [{ kind: "numeric", column: "a", transform: "none", missingFlag: false }],
      labels: [],
      ignored: [],
    });
    expect(schemaWidths(read)).toEqual({ oneHot: 0, numeric: 1 });
  });

  it("refuses a file that it cannot read", () => {
    expect(refusal(readSchema(`${FOLDER}/none.json`))).toMatchInlineSnapshot(`
      "error TK540: the file cannot be read: there is no such file
        none.json:1:1
        fix       check the path"
    `);
    expect(refused("")).toMatchInlineSnapshot(`
      "error TK541: the schema is not JSON: expected a value
        s.json:1:1
        1 | 
          | ^
        fix       correct it at this place"
    `);
    expect(refused('{ "format": 1,\n  "name": "é", x }')).toMatchInlineSnapshot(`
      "error TK541: the schema is not JSON: expected a key
        s.json:2:16
        2 |   "name": "é", x }
          |                ^
        fix       correct it at this place"
    `);
    expect(refused('{ "format": 1,\n  "format": 1 }')).toMatchInlineSnapshot(`
      "error TK541: the schema is not JSON: expected each key once, not "format" twice
        s.json:2:3
        2 |   "format": 1 }
          |   ^
        fix       correct it at this place"
    `);
  });

  it("refuses what is not of the form, all of it at once and at its place", () => {
    expect(
      refused(
        schema(
          '"features": [{ "kind": "one-hot", "column": "a", "top": 0 }, { "kind": "ordinal" }],\n  "labels": {},\n  "extra": 1',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "error TK542: features[0].top: Too small: expected number to be >=1
        s.json:4:59
        4 |   "features": [{ "kind": "one-hot", "column": "a", "top": 0 }, { "kind": "ordinal" }],
          |                                                           ^
        fix       docs/data.md describes the form of a schema

      error TK542: features[1].kind: Invalid discriminator value. Expected 'one-hot' | 'frequency' | 'numeric' | 'date'
        s.json:4:74
        4 |   "features": [{ "kind": "one-hot", "column": "a", "top": 0 }, { "kind": "ordinal" }],
          |                                                                          ^^^^^^^^^
        fix       docs/data.md describes the form of a schema

      error TK542: labels: Invalid input: expected array, received object
        s.json:5:13
        5 |   "labels": {},
          |             ^^
        fix       docs/data.md describes the form of a schema

      error TK542: the schema: Unrecognized key: "extra"
        s.json:6:12
        6 |   "extra": 1
          |            ^
        fix       docs/data.md describes the form of a schema"
    `);
    expect(refused('{ "format": 2, "name": "" }')).toMatchInlineSnapshot(`
      "error TK542: format: Invalid input: expected 1
        s.json:1:13
        1 | { "format": 2, "name": "" }
          |             ^
        fix       docs/data.md describes the form of a schema

      error TK542: name: Too small: expected string to have >=1 characters
        s.json:1:24
        1 | { "format": 2, "name": "" }
          |                        ^^
        fix       docs/data.md describes the form of a schema

      error TK542: features: Invalid input: expected array, received undefined
        s.json:1:1
        1 | { "format": 2, "name": "" }
          | ^
        fix       docs/data.md describes the form of a schema

      error TK542: labels: Invalid input: expected array, received undefined
        s.json:1:1
        1 | { "format": 2, "name": "" }
          | ^
        fix       docs/data.md describes the form of a schema"
    `);
  });

  it("refuses a label that is a feature, and a column that is both used and ignored", () => {
    const label = '"labels": [{ "kind": "top", "name": "l", "column": "a", "top": 1 }]';
    const ignored =
      '"ignored": [{ "column": "a", "why": "x" }, { "column": "b", "why": "x" }, { "column": "b", "why": "x" }]';
    expect(refused(schema(`${FEATURE},\n  ${label},\n  ${ignored}`))).toMatchInlineSnapshot(`
      "error TK543: the column "a" is a label and a feature: the label would be given away
        s.json:4:47
        4 |   "features": [{ "kind": "one-hot", "column": "a", "top": 2 }],
          |                                               ^^^
        fix       remove the feature

      error TK543: the column "a" is ignored and used
        s.json:6:27
        6 |   "ignored": [{ "column": "a", "why": "x" }, { "column": "b", "why": "x" }, { "column": "b", "why": "x" }]
          |                           ^^^
        fix       remove one of the two

      error TK543: the column "b" is ignored twice
        s.json:6:89
        6 |   "ignored": [{ "column": "a", "why": "x" }, { "column": "b", "why": "x" }, { "column": "b", "why": "x" }]
          |                                                                                         ^^^
        fix       remove one of them"
    `);
  });

  it("refuses repetitions", () => {
    const day = '{ "kind": "date", "column": "d", "parts": ["year", "month", "year"] }';
    const one = '{ "kind": "frequency", "column": "a" }';
    const label = '{ "kind": "listed", "name": "l", "column": "b", "classes": ["x", "y", "x"], "missingClass": "y" }';
    expect(
      refused(
        schema(`"features": [\n    ${day},\n    ${one},\n    ${one}],\n  "labels": [\n    ${label},\n    ${label}]`),
      ),
    ).toMatchInlineSnapshot(`
      "error TK543: the frequency feature of "a" is there twice
        s.json:7:5
        7 |     { "kind": "frequency", "column": "a" }],
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        fix       remove one of them

      error TK543: the label "l" is there twice
        s.json:10:33
        10 |     { "kind": "listed", "name": "l", "column": "b", "classes": ["x", "y", "x"], "missingClass": "y" }]
           |                                 ^^^
        fix       remove one of them

      error TK543: the part "year" is there twice
        s.json:5:65
        5 |     { "kind": "date", "column": "d", "parts": ["year", "month", "year"] },
          |                                                                 ^^^^^^
        fix       remove one of them

      error TK543: the class "x" is there twice
        s.json:9:75
        9 |     { "kind": "listed", "name": "l", "column": "b", "classes": ["x", "y", "x"], "missingClass": "y" },
          |                                                                           ^^^
        fix       remove one of them

      error TK543: the class "y" is there twice
        s.json:9:97
        9 |     { "kind": "listed", "name": "l", "column": "b", "classes": ["x", "y", "x"], "missingClass": "y" },
          |                                                                                                 ^^^
        fix       remove one of them

      error TK543: the class "x" is there twice
        s.json:10:75
        10 |     { "kind": "listed", "name": "l", "column": "b", "classes": ["x", "y", "x"], "missingClass": "y" }]
           |                                                                           ^^^
        fix       remove one of them

      error TK543: the class "y" is there twice
        s.json:10:97
        10 |     { "kind": "listed", "name": "l", "column": "b", "classes": ["x", "y", "x"], "missingClass": "y" }]
           |                                                                                                 ^^^
        fix       remove one of them"
    `);
  });

  it("refuses a width other than the one expected", () => {
    expect(
      refused(schema(`${FEATURE},\n  "labels": [], "expect": { "oneHot": 4, "numeric": 0 }`)),
    ).toMatchInlineSnapshot(`
      "error TK543: the features have 3 one-hot columns, expected are 4
        s.json:5:39
        5 |   "labels": [], "expect": { "oneHot": 4, "numeric": 0 }
          |                                       ^
        fix       change the features, or the number expected"
    `);
  });
});

describe("readJsonSource", () => {
  it("accepts what JSON.parse accepts and refuses what it refuses", () => {
    const good = ["1", " [ ] ", "{}", '{"a":[1,{"b":null}]}', '"\\u00e9\\n\u007f"', "-0.5e+3", "[[],{}]", "true"];
    const bad = [
      "",
      "[1,]",
      "{,}",
      '{"a":1,}',
      "[1 2]",
      "01",
      "'a'",
      '"\t"',
      '"\\x"',
      "nul",
      "{1:2}",
      '{"a"}',
      "[",
      "}",
      "1 1",
      "+1",
    ];
    for (const text of good) {
      const read = readJsonSource(text);
      expect(read.ok && JSON.stringify(read.value), text).toBe(JSON.stringify(JSON.parse(text)));
    }
    for (const text of bad) {
      expect(() => JSON.parse(text), text).toThrow();
      expect(readJsonSource(text).ok, text).toBe(false);
    }
  });

  it("knows where each part stands", () => {
    const text = '{"a": [1, {"b": "x"}], "c": 2}';
    const read = readJsonSource(text);
    const at = (...path: (string | number)[]): string | undefined => {
      const place = read.ok ? read.placeOf(path) : undefined;
      return text.slice(place?.start, place?.end);
    };
    expect(at("a", 1, "b")).toBe('"x"');
    expect(at("a", 1)).toBe('{"b": "x"}');
    expect(at("c")).toBe("2");
    // A part that is not there has the place of the part it is missing from, and the root that of its brace.
    expect(at("a", 1, "none")).toBe('{"b": "x"}');
    expect(at("none")).toBe("{");
  });
});
