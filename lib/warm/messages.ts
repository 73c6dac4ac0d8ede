/**
 * What is said between the server and a zygote (zygote.ts), as bytes: fields that end with NUL. Separate from who says it,
 * because the other halves are written in Python and Perl. Pure.
 */
import { encodeByteText } from "../http/byte_text.ts";

/** What a zygote says. */
export type ZygoteMessage =
  | { readonly kind: "ready"; readonly count: number; readonly ms: number; readonly skipped: number }
  /** It cannot be: for ever, or because something has changed since it began. */
  | { readonly kind: "refuse" | "stale"; readonly reason: string }
  /** It cannot be one that imports that module: each child does so itself. */
  | { readonly kind: "leave"; readonly module: string; readonly reason: string }
  | { readonly kind: "started"; readonly id: number; readonly pid: number }
  /** That request was not begun. */
  | { readonly kind: "no"; readonly id: number; readonly reason: string }
  /** `status` as waitpid(2) has it. */
  | { readonly kind: "ended"; readonly pid: number; readonly status: number }
  /** What a child has imported that was not there, in order: see `Learned`. */
  | { readonly kind: "learned"; readonly lines: readonly string[] };

/** One request for a zygote. */
export interface ZygoteRequest {
  readonly id: number;
  readonly hasInput: boolean;
  readonly folder: string;
  /** The script, and its arguments. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Digits of an id: that part of a request is read before there is a process of its own, and has always the same length. */
const ID_DIGITS = 10;
/** Lines of "load" go in parts of about this many bytes. */
const MOST_PART_BYTES = 16_384;

/** Throws TypeError for a text that has a NUL in it. */
export function encodeRequest({ id, hasInput, folder, words, environment }: ZygoteRequest): Uint8Array<ArrayBuffer> {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const fields = [folder, String(words.length), ...words, ...variables];
  if (fields.some((field) => field.includes("\0"))) {
    throw new TypeError("A word or variable of a script has a NUL in it");
  }
  return encode(["run", String(id).padStart(ID_DIGITS, "0"), hasInput ? "1" : "0", ...fields]);
}

/** What a zygote is to import, and that it may begin: `go` has what the language needs. */
export function encodeStart(lines: readonly string[], go: readonly string[]): readonly Uint8Array<ArrayBuffer>[] {
  const parts: string[][] = [];
  let size = Infinity;
  for (const line of lines) {
    if (size + line.length > MOST_PART_BYTES) {
      parts.push(["load"]);
      size = 0;
    }
    parts[parts.length - 1].push(line);
    size += line.length + 1;
  }
  return [...parts, ["go", ...go]].map(encode);
}

/** Throws plain Error for what no zygote says. */
export function decodeMessage(bytes: Uint8Array): ZygoteMessage {
  const [kind, ...fields] = DECODER.decode(bytes).split("\0");
  const [first = "", second = "", third = ""] = fields;
  switch (kind) {
    case "ready":
      return { kind, count: Number(first), ms: Number(second), skipped: Number(third) };
    case "refuse":
    case "stale":
      return { kind, reason: first };
    case "leave":
      return { kind, module: first, reason: second };
    case "started":
      return { kind, id: Number(first), pid: Number(second) };
    case "no":
      return { kind, id: Number(first), reason: second };
    case "ended":
      return { kind, pid: Number(first), status: Number(second) };
    case "learned":
      return { kind, lines: fields };
    default:
      throw new Error(`A zygote says "${kind.slice(0, 40)}"`);
  }
}

const DECODER = new TextDecoder();

function encode(fields: readonly string[]): Uint8Array<ArrayBuffer> {
  const text = fields.join("\0");
  const bytes = new Uint8Array(3 * text.length);
  return bytes.subarray(0, encodeByteText(text, bytes));
}
