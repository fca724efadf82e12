/**
 * JSON text → its value and the places of its parts.
 *
 * `JSON.parse` makes the value but forgets where each part stood, and its error texts differ between versions of Node.
 * This reader walks the same grammar (RFC 8259) for the places alone. A place is a half-open range of offsets into the
 * text; a path lists the keys and indices that lead from the root to a part.
 */

export type JsonPath = readonly (string | number)[];

interface Place {
  readonly start: number;
  readonly end: number;
}

export type JsonSource =
  | { readonly ok: true; readonly value: unknown; readonly placeOf: (path: JsonPath) => Place }
  | { readonly ok: false; readonly offset: number; readonly expected: string };

/** A token of RFC 8259 after optional white space: punctuation, string, number or literal. */
const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

/** Where the text stops being JSON, and what could have stood there. */
class JsonFault extends Error {
  readonly offset: number;

  constructor(offset: number, expected: string) {
    super(expected);
    this.offset = offset;
  }
}

/** Reads JSON. A key that occurs twice in one object is refused: `JSON.parse` would drop the first without a word. */
export function readJsonSource(text: string): JsonSource {
  const places = new Map<string, Place>();
  let at = 0;

  const skipSpace = (): number => {
    while (at < text.length && " \t\r\n".includes(text.charAt(at))) at++;
    return at;
  };
  const next = (expected: string): string => {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw new JsonFault(skipSpace(), expected);
    skipSpace();
    at = TOKEN.lastIndex;
    return match[1] ?? match[2] ?? match[3] ?? "";
  };
  const fail = (token: string, expected: string): never => {
    throw new JsonFault(at - token.length, expected);
  };

  const readObject = (path: JsonPath): void => {
    const keys = new Set<string>();
    for (let token = next('a key or "}"'); token !== "}"; ) {
      if (!token.startsWith('"')) fail(token, keys.size === 0 ? 'a key or "}"' : "a key");
      const key = String(JSON.parse(token));
      if (keys.has(key)) fail(token, `each key once, not ${token} twice`);
      keys.add(key);
      const colon = next('":"');
      if (colon !== ":") fail(colon, '":"');
      readValue([...path, key]);
      const separator = next('"," or "}"');
      if (separator !== "," && separator !== "}") fail(separator, '"," or "}"');
      token = separator === "," ? next("a key") : separator;
      if (separator === "," && token === "}") fail(token, "a key");
    }
  };
  const readArray = (path: JsonPath): void => {
    const start = at;
    if (next('a value or "]"') === "]") return;
    at = start;
    for (let index = 0; ; index++) {
      readValue([...path, index]);
      const separator = next('"," or "]"');
      if (separator === "]") return;
      if (separator !== ",") fail(separator, '"," or "]"');
    }
  };
  const readValue = (path: JsonPath): void => {
    const start = skipSpace();
    const token = next("a value");
    if (token === "{") readObject(path);
    else if (token === "[") readArray(path);
    else if ("}],:".includes(token)) fail(token, "a value");
    places.set(JSON.stringify(path), { start, end: at });
  };

  try {
    readValue([]);
    if (skipSpace() < text.length) throw new JsonFault(at, "the end of the file");
  } catch (fault) {
    if (fault instanceof JsonFault) return { ok: false, offset: fault.offset, expected: fault.message };
    throw fault;
  }
  return { ok: true, value: JSON.parse(text), placeOf: (path) => closestPlace(places, path) };
}

/** The place of the part, or where it is absent (a missing key), of the closest part around it. */
function closestPlace(places: ReadonlyMap<string, Place>, path: JsonPath): Place {
  for (let length = path.length; length > 0; length--) {
    const place = places.get(JSON.stringify(path.slice(0, length)));
    if (place) return place;
  }
  return { start: 0, end: 1 };
}
