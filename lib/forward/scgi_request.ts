/**
 * The head of an SCGI request: its variables, each name and value ended by a NUL, as one netstring. Separate from the connection,
 * so that it is tested by itself. Pure. https://python.ca/scgi/protocol.txt
 */
import { encodeByteText } from "../http/byte_text.ts";

/**
 * What stands before the content. Values are text as lib/http/byte_text.ts writes bytes, and hold no NUL: neither a field nor
 * a target can have one. CONTENT_LENGTH comes first and is always there; `variables` has it where there is content.
 */
export function scgiHead(variables: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const { CONTENT_LENGTH = "0", ...others } = variables;
  const text = Object.entries({ CONTENT_LENGTH, SCGI: "1", ...others })
    .filter(([name, value]) => !name.includes("\0") && !value.includes("\0"))
    .map(([name, value]) => `${name}\0${value}\0`).join("");
  const bytes = new Uint8Array(3 * text.length);
  const length = encodeByteText(text, bytes);
  const start = new TextEncoder().encode(`${length}:`);
  const head = new Uint8Array(start.length + length + 1);
  head.set(start);
  head.set(bytes.subarray(0, length), start.length);
  head[head.length - 1] = COMMA;
  return head;
}

const COMMA = 0x2c;
