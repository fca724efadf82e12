/**
 * Frames between this process and the bridge: the header's length (4 bytes, little endian), the header (JSON), a body of as
 * many bytes as the header's `body` says. Answers have no body: tensors lie in a file that both map.
 */

/** A header that is longer than this is none: the stream is out of step, or something else has written into it. */
const MAX_HEADER = 1 << 20;

/** What the other side has sent is no frame. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

export function encodeFrame(header: Readonly<Record<string, unknown>>, body: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(JSON.stringify({ ...header, body: body.length }), "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, body]);
}

/** Gives back the headers of the frames that are complete, and keeps what is left for the next chunk. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): readonly unknown[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const found: unknown[] = [];
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32LE(0);
      if (length > MAX_HEADER) throw new MalformedFrame(`a frame of ${length} bytes: ${quote(this.#rest)}`);
      if (this.#rest.length < 4 + length) break;
      const text = this.#rest.toString("utf8", 4, 4 + length);
      this.#rest = this.#rest.subarray(4 + length);
      try {
        found.push(JSON.parse(text));
      } catch {
        throw new MalformedFrame(`a header that is no JSON: ${JSON.stringify(text.slice(0, 80))}`);
      }
    }
    return found;
  }
}

function quote(bytes: Buffer): string {
  return JSON.stringify(bytes.toString("latin1", 0, 80));
}
