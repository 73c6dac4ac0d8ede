/**
 * What is worth compressing: texts, and formats that are made of text. Pure. What is left out is compressed already (pictures, sound,
 * archives, WOFF), and would cost time for nothing.
 */

/** RFC 6839 4.2 and RFC 7303 8: what ends so is JSON or XML. */
const TEXT_SUFFIX = /\+(?:json|xml|yaml)$/;

const OTHER_TEXTS: ReadonlySet<string> = new Set([
  ...[
    "application/json",
    "application/jsonl",
    "application/x-ndjson",
    "application/javascript",
    "application/ecmascript",
  ],
  ...["application/xml", "application/xml-dtd", "application/yaml", "application/toml", "application/sql"],
  ...["application/rtf", "application/postscript", "application/x-sh", "application/x-perl", "application/x-tex"],
  ...[
    "application/wasm",
    "font/ttf",
    "font/otf",
    "font/sfnt",
    "application/vnd.ms-fontobject",
    "image/bmp",
    "image/x-icon",
  ],
  ...["image/vnd.microsoft.icon", "model/obj", "model/stl"],
]);

/** Content shorter than that fits into one or two segments as it is. Bytes. */
export const LEAST_BYTES = 1024;

/** `type` is a media type, perhaps with parameters. */
export function isCompressible(type: string): boolean {
  const end = type.indexOf(";");
  const essence = (end === -1 ? type : type.slice(0, end)).trim().toLowerCase();
  return essence.startsWith("text/") || OTHER_TEXTS.has(essence) || TEXT_SUFFIX.test(essence);
}
