/**
 * How access lines look, as an operator writes it: text with the names of fields in braces, or JSON. Compiled once into a list of
 * pieces, so that a line is one walk over them. What may stand unescaped in each is decided here, by what stands around it. Pure.
 */
import { type AccessField, findAccessField, type FormatFault, isFault } from "./access_fields.ts";

/** Text and the field after it. */
export interface FormatPiece {
  readonly before: Uint8Array;
  readonly field: AccessField;
  /** For each byte 1 where it may stand in the value as it is. */
  readonly safe: Readonly<Uint8Array>;
}

export interface AccessFormat {
  readonly pieces: readonly FormatPiece[];
  /** Text after the last of them. */
  readonly after: Uint8Array;
  /** Values are JSON: texts in quotes, null for what there is not. */
  readonly isJson: boolean;
  /** A field of it is asked of the notes of a request. */
  readonly isNoted: boolean;
}

/** What all lines of a log look like. */
export interface LogFormat {
  /** Messages and access lines are one JSON object each. */
  readonly isJson: boolean;
  /** Null: Combined Log Format. */
  readonly access: AccessFormat | null;
}

export const COMBINED: LogFormat = { isJson: false, access: null };

/** Bounds the memory for a line: each field may be as long as --max-log-text-bytes has it. */
const MAX_FIELD_COUNT = 32;

/** A part of a format: text, and the name of the field after it; null at the end. */
interface Part {
  readonly text: string;
  readonly name: string | null;
}

/**
 * The format, or what is wrong with it. `{NAME}` is a field, `{{` a brace. As JSON each field is a member
 * of that name, and between them may stand blanks and commas.
 */
export function parseAccessFormat(
  format: string,
  { isJson }: { readonly isJson: boolean },
): AccessFormat | FormatFault {
  // deno-lint-ignore no-control-regex
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(format)) {
    return { problem: "a control character stands in it", remedy: "give one line of text" };
  }
  const parts = cutFormat(format);
  if (isFault(parts)) return parts;
  const names = parts.flatMap(({ name }) => name ?? []);
  if (names.length === 0) return { problem: "it names no field", remedy: "give some such as {client} and {target}" };
  if (names.length > MAX_FIELD_COUNT) return { problem: "too many fields", remedy: `give ${MAX_FIELD_COUNT} at most` };
  const fields = names.map(findAccessField);
  const fault = fields.find(isFault) ?? (isJson ? faultOfJson(parts) : null);
  if (fault !== null) return fault;
  const known = fields.flatMap((field) => isFault(field) ? [] : [field]);
  return isJson ? compileJson(known) : compileText(parts, known);
}

function cutFormat(format: string): readonly Part[] | FormatFault {
  const parts: Part[] = [];
  let text = "";
  for (let at = 0; at < format.length; at++) {
    const isBrace = format[at] === "{";
    if (!isBrace || format[at + 1] === "{") {
      text += format[at];
      if (isBrace) at++;
      continue;
    }
    const end = format.indexOf("}", at);
    if (end < 0) return { problem: `"${format.slice(at, at + 20)}" has no }`, remedy: "give {{ for a brace" };
    parts.push({ text, name: format.slice(at + 1, end) });
    text = "";
    at = end;
  }
  return [...parts, { text, name: null }];
}

function faultOfJson(parts: readonly Part[]): FormatFault | null {
  const odd = parts.find(({ text }) => !/^[\s,]*$/.test(text));
  if (odd !== undefined) {
    const problem = `${JSON.stringify(odd.text.trim())} is no member of a JSON object`;
    return { problem, remedy: "give fields alone with --log-format json" };
  }
  const names = parts.flatMap(({ name }) => name ?? []);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice === undefined ? null : { problem: `{${twice}} stands there twice`, remedy: "give each once" };
}

const ENCODER = new TextEncoder();

/** RFC 8259 7: quotes, backslashes and control characters are escaped, and here all that is not ASCII, too. */
export const SAFE_IN_JSON = safeBytes((character) => character !== '"' && character !== "\\");

function compileJson(fields: readonly AccessField[]): AccessFormat {
  const pieces = fields.map((field, index): FormatPiece => ({
    before: ENCODER.encode(`${index === 0 ? "{" : ","}${JSON.stringify(field.name)}:`),
    field: field.name === "time" ? { ...field, read: (_, time) => time.iso } : field,
    safe: SAFE_IN_JSON,
  }));
  return { pieces, after: ENCODER.encode("}"), isJson: true, isNoted: fields.some(({ isNoted }) => isNoted) };
}

/**
 * A value in quotes may hold spaces, any other may not; and none holds the sign that stands after it, so that whoever reads a line
 * from its beginning finds the end of each.
 */
function compileText(parts: readonly Part[], fields: readonly AccessField[]): AccessFormat {
  let isQuoted = false;
  const pieces = fields.map((field, index): FormatPiece => {
    const { text } = parts[index];
    if ((text.split('"').length - 1) % 2 === 1) isQuoted = !isQuoted;
    const isSpaceSafe = isQuoted;
    const [end = ""] = parts[index + 1].text;
    const separator = /[A-Za-z0-9]/.test(end) ? "" : end;
    const safe = safeBytes((character) => {
      return character !== '"' && character !== "\\" && character !== separator && (character !== " " || isSpaceSafe);
    });
    // Neither the time nor a number holds what a client has chosen, and both stay as they are.
    return { before: ENCODER.encode(text), field, safe: field.name.startsWith("time") ? PRINTABLE : safe };
  });
  const after = ENCODER.encode(parts[parts.length - 1].text);
  return { pieces, after, isJson: false, isNoted: fields.some(({ isNoted }) => isNoted) };
}

const PRINTABLE = safeBytes(() => true);

/** Of printable ASCII those that pass. */
function safeBytes(passes: (character: string) => boolean): Readonly<Uint8Array> {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    return byte >= 0x20 && byte < 0x7f && passes(String.fromCharCode(byte)) ? 1 : 0;
  });
}

/** What a JSON line holds where nothing is said of it. */
const JSON_FIELDS = "{time} {client} {user} {method} {host} {target} {protocol} {tls} {status} {bytes} {duration} " +
  "{first_byte} {site} {place} {script_pid} {referer} {user_agent} {request_id}";

/** JSON with all that is known of a request. */
export function jsonFormat(): AccessFormat {
  const format = parseAccessFormat(JSON_FIELDS, { isJson: true });
  if (isFault(format)) throw new Error(format.problem);
  return format;
}
