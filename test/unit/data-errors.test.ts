import { describe, expect, it } from "vitest";
import { encodeCsv } from "../../src/data/encode-csv.ts";
import { resolveDataset } from "../../src/data/resolve-dataset.ts";
import { splitOf, VALIDATION } from "../../src/data/split.ts";
import { FOLDER, refusal, schemaOf, writeFixture } from "./data-fixture.ts";

const SCHEMA = schemaOf({
  name: "flights",
  features: [
    { kind: "one-hot", column: "city", top: 2 },
    { kind: "numeric", column: "cost", transform: "log1p" },
    { kind: "date", column: "day", parts: ["year"] },
  ],
  labels: [{ kind: "listed", name: "action", column: "phase", classes: ["Climb", "Descent"] }],
});

const HEADER = "city,cost,day,phase";

let files = 0;
const refused = (content: string | Uint8Array): string => {
  files++;
  return refusal(encodeCsv(writeFixture(`f${files}.csv`, content), SCHEMA)).replaceAll(`f${files}.csv`, "f.csv");
};

describe("a data file is refused", () => {
  it("when it does not exist or is a folder", () => {
    expect(refusal(encodeCsv(`${FOLDER}/none.csv`, SCHEMA))).toMatchInlineSnapshot(`
      "error TK520: the file cannot be read: there is no such file
        none.csv:1:1
        fix       check the path"
    `);
    expect(refusal(encodeCsv(FOLDER, SCHEMA)).replaceAll(FOLDER, "folder")).toMatchInlineSnapshot(`
      "error TK520: the file cannot be read: it is a folder
        folder:1:1
        fix       check the path"
    `);
  });

  it("when it is empty, or has nothing but a byte-order mark, line ends or a header", () => {
    const empty = refused("");
    expect(empty).toMatchInlineSnapshot(`
      "error TK523: the file is empty
        f.csv:1:1
        1 | 
          | ^
        fix       give a CSV file with a header line and at least one row"
    `);
    expect(refused("\ufeff")).toBe(empty);
    expect(refused("\r\n\n").split("\n")[0]).toBe(empty.split("\n")[0]);
    expect(refused(`${HEADER}\r\n`)).toMatchInlineSnapshot(`
      "error TK523: the file has a header but no rows
        f.csv:1:1
        1 | city,cost,day,phase
          | ^^^^^^^^^^^^^^^^^^^
        fix       give a CSV file with a header line and at least one row"
    `);
  });

  it("when it is not UTF-8, at the byte", () => {
    const latin1 = Buffer.from(`${HEADER}\nZürich é,1,2000-01-01,Climb\n`, "utf8");
    const at = latin1.indexOf("é");
    const broken = Buffer.concat([latin1.subarray(0, at), Buffer.from([0xe9]), latin1.subarray(at + 2)]);
    expect(refused(broken)).toMatchInlineSnapshot(`
      "error TK521: the file is not UTF-8: byte 0xe9
        f.csv:2:8
        2 | Zürich �,1,2000-01-01,Climb
          |        ^
        fix       save the file as UTF-8"
    `);
    expect(refused(Buffer.from(`\ufeff${HEADER}`, "utf16le"))).toContain("byte 0xff");
  });

  it("when its quotes do not match", () => {
    expect(
      refused(`${HEADER}\nA,1,2000-01-01,Climb\nB,"1,2000-01-01,Climb\nC,1,2000-01-01,Climb\n`),
    ).toMatchInlineSnapshot(`
      "error TK522: the quote that opens this field is never closed
        f.csv:3:3
        3 | B,"1,2000-01-01,Climb
          |   ^^^^^^^^^^^^^^^^^^^
        fix       close the field with ""
    `);
    expect(refused(`${HEADER}\r\n\r\n"A"x,1,2000-01-01,Climb\r\n`)).toMatchInlineSnapshot(`
      "error TK522: text follows the closing quote of this field
        f.csv:3:1
        3 | "A"x,1,2000-01-01,Climb
          | ^^^^^^^^^^^^^^^^^^^^^^^
        fix       write a quote inside a quoted field twice: """
    `);
    expect(refused(`${HEADER}\nA,1,2000-01-01,Cli"mb\n`)).toMatchInlineSnapshot(`
      "error TK522: a quote stands inside a field that is not quoted
        f.csv:2:16
        2 | A,1,2000-01-01,Cli"mb
          |                ^^^^^^
        fix       quote the whole field and write the quote twice: """
    `);
    expect(refused(`\ufeff"${HEADER}\n`)).toContain("f.csv:1:1");
  });

  it("when its header is wrong, all of it at once", () => {
    expect(refused("city,,city,phase\nA,1,2000-01-01,Climb\n")).toMatchInlineSnapshot(`
      "error TK525: a column has no name
        f.csv:1:6
        1 | city,,city,phase
          |      ^
        fix       name it

      error TK525: the column "city" stands twice in the header (fields 1 and 3)
        f.csv:1:7
        1 | city,,city,phase
          |       ^^^^
        fix       rename one of them"
    `);
    expect(refused("city,price,date,phase\nA,1,2000-01-01,Climb\n")).toMatchInlineSnapshot(`
      "error TK526: the file has no column "cost", which the schema "flights" names
        f.csv:1:1
        1 | city,price,date,phase
          | ^^^^^^^^^^^^^^^^^^^^^
        fix       name one of the file's columns: city, price, date, phase

      error TK526: the file has no column "day", which the schema "flights" names
        f.csv:1:1
        1 | city,price,date,phase
          | ^^^^^^^^^^^^^^^^^^^^^
        fix       name one of the file's columns: city, price, date, phase

      error TK527: the schema "flights" does not know the column "price"
        f.csv:1:6
        1 | city,price,date,phase
          |      ^^^^^
        fix       add it to the schema's "features" or "labels", or to "ignored" with the reason

      error TK527: the schema "flights" does not know the column "date"
        f.csv:1:12
        1 | city,price,date,phase
          |            ^^^^
        fix       add it to the schema's "features" or "labels", or to "ignored" with the reason"
    `);
  });

  it("when a row is ragged", () => {
    expect(
      refused(`${HEADER}\nA,1,2000-01-01,Climb\nA, B,1,2000-01-01,Climb\nA,1,2000-01-01\n\nA\n`),
    ).toMatchInlineSnapshot(`
      "error TK524: the row has 5 fields, the header has 4
        f.csv:3:19
        3 | A, B,1,2000-01-01,Climb
          |                   ^^^^^
        fix       quote a field that contains a comma: "a, b"

      error TK524: the row has 3 fields, the header has 4
        f.csv:4:1
        4 | A,1,2000-01-01
          | ^^^^^^^^^^^^^^
        fix       add the missing field, empty if unknown

      error TK524: the row has 1 field, the header has 4
        f.csv:6:1
        6 | A
          | ^
        fix       add the missing 3 fields, empty if unknown"
    `);
  });

  it("when a number is none, or is outside its transform", () => {
    expect(refused(`${HEADER}\n"A, B",abc,2000-01-01,Climb\nA,-3,2000-01-01,Climb\n`)).toMatchInlineSnapshot(`
      "error TK528: "abc" in "cost" is not a number
        f.csv:2:8
        2 | "A, B",abc,2000-01-01,Climb
          |        ^^^
        fix       write digits with a decimal point and no separators, or list the text under "missing" in the schema

      error TK532: -3 in "cost" is negative, and log1p takes numbers ≥ 0
        f.csv:3:3
        3 | A,-3,2000-01-01,Climb
          |   ^^
        fix       correct the value, or use the transform "none" in the schema"
    `);
    for (const text of ["0x10", " 1", "1 ", "1e999", "NaN", "Infinity", "--1", ".", "1_000", '"1,000"', "١"]) {
      expect(refused(`${HEADER}\nA,${text},2000-01-01,Climb\n`), text).toContain("error TK528");
    }
  });

  it("when a date is none", () => {
    expect(refused(`${HEADER}\nA,1,2001-02-29,Climb\n`)).toMatchInlineSnapshot(`
      "error TK529: "2001-02-29" in "day" is not a date
        f.csv:2:5
        2 | A,1,2001-02-29,Climb
          |     ^^^^^^^^^^
        fix       write a day of the calendar as YYYY-MM-DD, or change "format" in the schema"
    `);
    for (const text of [
      "2000-1-1",
      "2000-13-01",
      "2000-00-10",
      "2000-01-32",
      "01/02/2000",
      "2000-01-01T00:00",
      "0050-01-01",
    ]) {
      expect(refused(`${HEADER}\nA,1,${text},Climb\n`), text).toContain("error TK529");
    }
  });

  it("when a class is not listed, or a value that must be there is missing", () => {
    expect(refused(`${HEADER}\nA,1,2000-01-01,Cruise\nA,,,\n`)).toMatchInlineSnapshot(`
      "error TK530: "Cruise" is not a class of the label "action"
        f.csv:2:16
        2 | A,1,2000-01-01,Cruise
          |                ^^^^^^
        fix       use one of Climb, Descent, or list it under "classes" in the schema

      error TK531: "cost" is missing
        f.csv:3:3
        3 | A,,,
          |   ^
        fix       give a value, or set "missingFlag": true for this column in the schema

      error TK531: "day" is missing
        f.csv:3:4
        3 | A,,,
          |    ^
        fix       give a value, or set "missingFlag": true for this column in the schema

      error TK531: the label "action" is missing
        f.csv:3:5
        3 | A,,,
          |     ^
        fix       give a value, or name a "missingClass" for this label in the schema"
    `);
  });

  it("when the hash leaves no row for training", () => {
    // The hash of the row falls into the validation part.
    const row = "A,10,2000-01-01,Climb";
    expect(splitOf(row)).toBe(VALIDATION);
    expect(refused(`${HEADER}\n${row}\n${row}\n`)).toMatchInlineSnapshot(`
      "error TK533: none of the 2 rows falls into the training split, which is fixed by their hash
        f.csv:1:1
        1 | city,cost,day,phase
          | ^
        fix       give more rows, or apply an encoding fitted before"
    `);
  });

  it("once for a cell that two features read", () => {
    const cost = { kind: "numeric", column: "cost" };
    const schema = schemaOf({ features: [cost, { kind: "date", column: "cost", parts: ["year"] }] });
    const result = encodeCsv(writeFixture("cost.csv", "cost\nx\n2000-01-01\n5\n"), schema);
    expect(result.ok ? [] : result.diagnostics.map(({ code, span }) => [code, span?.line])).toEqual([
      ["TK528", 2],
      ["TK528", 3],
      ["TK529", 4],
    ]);
  });

  it("with all its mistakes in file order, 20 of them in full and the rest as a number", () => {
    const rows = Array.from({ length: 25 }, (_, index) => `A,x${index},${index % 2 ? "?" : "2000-01-01"},Climb`);
    const result = encodeCsv(writeFixture("many.csv", `${HEADER}\n${rows.join("\n")}\n`), SCHEMA);
    const diagnostics = result.ok ? [] : result.diagnostics;
    expect(diagnostics).toHaveLength(21);
    expect(diagnostics.slice(0, 4).map(({ code, span }) => [code, span?.line, span?.column])).toEqual([
      ["TK528", 2, 3],
      ["TK528", 3, 3],
      ["TK529", 3, 6],
      ["TK528", 4, 3],
    ]);
    // 25 numbers and 12 dates are wrong.
    expect(diagnostics.at(-1)).toMatchObject({ code: "TK549", message: "and 17 more", span: diagnostics.at(-2)?.span });
  });

  it("with exactly 20 mistakes, without a note on more", () => {
    const rows = Array.from({ length: 20 }, () => "A,x,2000-01-01,Climb");
    const result = encodeCsv(writeFixture("twenty.csv", `${HEADER}\n${rows.join("\n")}\n`), SCHEMA);
    expect(result.ok ? [] : result.diagnostics.map(({ code }) => code)).toEqual(new Array(20).fill("TK528"));
  });
});

describe("a cell in a message", () => {
  it("is on one line, and cut after 40 characters", () => {
    const heading = refused(`${HEADER}\nA,"1\n${"2".repeat(200_000)}",2000-01-01,Climb\n`).split("\n")[0];
    expect(heading).toBe(`error TK528: "1\\n${"2".repeat(38)}…" in "cost" is not a number`);
  });
});

describe("the place of a mistake", () => {
  const place = (content: string): string | undefined => /f\.csv:(\d+:\d+)/.exec(refused(content))?.[1];

  it("counts lines inside quoted fields, with LF and CRLF and a mix of both", () => {
    expect(place(`${HEADER}\n"two\nlines",x,2000-01-01,Climb\n`)).toBe("3:8");
    expect(place(`${HEADER}\r\n"two\r\nlines",1,2000-01-01,Climb\r\nA,x,2000-01-01,Climb`)).toBe("4:3");
    expect(place(`${HEADER}\r\nA,1,2000-01-01,Climb\nA,x,2000-01-01,Climb\r\n`)).toBe("3:3");
  });

  it("counts characters and not bytes, and no byte-order mark", () => {
    expect(place(`${HEADER}\nZürich,x,2000-01-01,Climb\n`)).toBe("2:8");
    expect(place("\ufeffcost,cost\n1,1\n")).toBe("1:6");
  });

  it("covers empty lines, escaped quotes, and the last field of a file without a line end", () => {
    expect(place(`\n\n${HEADER}\n\nA,x,2000-01-01,Climb\n`)).toBe("5:3");
    expect(place(`${HEADER}\n"a ""b"", c",x,2000-01-01,Climb\n`)).toBe("2:14");
    expect(place(`${HEADER}\nA,1,2000-01-01,Cruise`)).toBe("2:16");
  });
});

describe("a dataset is refused", () => {
  it("when its name is unknown", () => {
    expect(refusal(resolveDataset("iris"))).toMatchInlineSnapshot(`
      "error TK544: there is no dataset "iris"
        fix       use birdstrikes, or give a CSV file and a schema"
    `);
  });

  it("when its package is not installed", () => {
    const missing = (): string => {
      throw Object.assign(new Error("gone"), { code: "MODULE_NOT_FOUND" });
    };
    expect(refusal(resolveDataset("birdstrikes", missing))).toMatchInlineSnapshot(`
      "error TK545: the npm package vega-datasets, which holds the dataset "birdstrikes", is not installed
        fix       run npm install"
    `);
    const broken = (): string => {
      throw new TypeError("a defect");
    };
    expect(() => resolveDataset("birdstrikes", broken)).toThrow("a defect");
  });
});
