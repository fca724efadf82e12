/**
 * Layout of generated text: documents whose groups stand on one line where they fit the width, else break.
 *
 * `line` is a space or a line break, `soft` nothing or a line break, `hard` always a line break. A group breaks all of its
 * own lines or none; groups inside it decide for themselves.
 */

export type Doc =
  | string
  | readonly Doc[]
  | { readonly kind: "group"; readonly content: Doc }
  | { readonly kind: "indent"; readonly by: number; readonly content: Doc }
  | { readonly kind: "line" | "soft" | "hard" };

export const LINE: Doc = { kind: "line" };
export const SOFT: Doc = { kind: "soft" };
export const HARD: Doc = { kind: "hard" };

export function group(...content: readonly Doc[]): Doc {
  return { kind: "group", content };
}

export function indent(by: number, ...content: readonly Doc[]): Doc {
  return { kind: "indent", by, content };
}

export function join(items: readonly Doc[], separator: Doc): Doc {
  return items.flatMap((item, position) => (position === 0 ? [item] : [separator, item]));
}

interface Pending {
  readonly doc: Doc;
  readonly depth: number;
  readonly flat: boolean;
}

/** Lays the document out; lines have no trailing spaces. */
export function render(doc: Doc, width: number): string {
  const lines: string[] = [];
  let line = "";
  let column = 0;
  const stack: Pending[] = [{ doc, depth: 0, flat: false }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { doc: current, depth, flat } = top;
    if (typeof current === "string") {
      line += current;
      column += current.length;
    } else if (isList(current)) {
      for (const item of [...current].reverse()) stack.push({ doc: item, depth, flat });
    } else if (current.kind === "indent") {
      stack.push({ doc: current.content, depth: depth + current.by, flat });
    } else if (current.kind === "group") {
      const flatten = flat || fits(current.content, stack, width - column);
      stack.push({ doc: current.content, depth, flat: flatten });
    } else if (flat && current.kind !== "hard") {
      const space = current.kind === "line" ? " " : "";
      line += space;
      column += space.length;
    } else {
      lines.push(line.replace(/ +$/, ""));
      line = " ".repeat(depth);
      column = depth;
    }
  }
  return [...lines, line].join("\n");
}

function isList(doc: Exclude<Doc, string>): doc is readonly Doc[] {
  return Array.isArray(doc);
}

/** Whether the content fits flat, with what follows it up to the next possible line break. */
function fits(content: Doc, following: readonly Pending[], room: number): boolean {
  let left = room;
  let next = following.length;
  const stack: Pending[] = [{ doc: content, depth: 0, flat: true }];
  for (;;) {
    let top = stack.pop();
    if (top === undefined) {
      next--;
      top = following[next];
      if (top === undefined) return true;
    }
    const { doc, depth, flat } = top;
    if (typeof doc === "string") {
      left -= doc.length;
      if (left < 0) return false;
    } else if (isList(doc)) {
      for (const item of [...doc].reverse()) stack.push({ doc: item, depth, flat });
    } else if (doc.kind === "indent" || doc.kind === "group") {
      stack.push({ doc: doc.content, depth, flat });
    } else if (doc.kind === "hard" || !flat) {
      return true;
    } else if (doc.kind === "line") {
      left--;
    }
  }
}
