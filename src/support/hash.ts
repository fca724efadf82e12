/** Identity: SHA-256 of canonical text or of bytes, in hex. */

import { createHash } from "node:crypto";

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
