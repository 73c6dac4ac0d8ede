/**
 * What Content-Type says of the characters of a text. Pure, and separate because it wins over what a page says of itself: a
 * guess that stands there breaks each page that is right. RFC 9110 8.3.2, HTML 13.2.3.2, CSS Syntax 3.2.
 */

/** "off": nothing is said; "auto": UTF-8, where the text is that and says nothing else of itself; or one for all texts. */
export type Charset = "off" | "auto" | { readonly name: string };

/** The first bytes of a text. */
export interface TextStart {
  readonly bytes: Uint8Array;
  /** Nothing follows them. */
  readonly isWhole: boolean;
}

/** How much of a text is looked at: all of most. A longer one may hold something else further on. */
export const MAX_START_BYTES = 65_536;

/** Whether `contentType` has to look into the text. */
export function needsStart(type: string, charset: Charset): boolean {
  return charset === "auto" && isOpen(type);
}

/**
 * The value of Content-Type for a text of that media type; one of another type, or with a charset of its own, stays as it
 * is. `start` null: nobody has looked, so "auto" says nothing.
 */
export function contentType(
  type: string,
  { charset, start }: { readonly charset: Charset; readonly start: TextStart | null },
): string {
  if (charset === "off" || !isOpen(type)) return type;
  if (charset !== "auto") return `${type}; charset=${charset.name}`;
  return start !== null && isUtf8(start) && namesNoOther(type, start.bytes) ? `${type}; charset=utf-8` : type;
}

/**
 * Only text/* needs to be told its charset: JSON is UTF-8 by RFC 8259 8.1 and has no such parameter, and XML (also
 * image/svg+xml) names its own.
 */
function isOpen(type: string): boolean {
  return type.startsWith("text/") && !/;[ \t]*charset=/i.test(type);
}

function isUtf8({ bytes, isWhole }: TextStart): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !isWhole });
    return true;
  } catch {
    return false;
  }
}

/** HTML 13.2.3.2: browsers look for a name within the first 1024 bytes. */
const PRESCAN_BYTES = 1024;
const NAMED = {
  "text/html": /<meta\s[^>]*charset\s*=\s*["']?\s*([^\s"'/>;]+)/i,
  "text/css": /^@charset "([^"]*)";/,
};

/** Whether the text names no charset of its own, or that one. */
function namesNoOther(type: string, bytes: Uint8Array): boolean {
  const pattern = type === "text/html" || type === "text/css" ? NAMED[type] : null;
  const named = pattern?.exec(new TextDecoder("latin1").decode(bytes.subarray(0, PRESCAN_BYTES)))?.[1];
  return named === undefined || /^utf-?8$/i.test(named);
}
