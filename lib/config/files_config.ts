/**
 * The options of whoever serves files, as the one record that is handed to it. Separate from config.ts as CGI's are, and
 * because each place of a site may come to have its own. Pure.
 */
import type { Rules } from "../rules.ts";
import type { Charset } from "../static/charset.ts";
import type { FileSettings } from "../static/static_files.ts";
import type { OwnMediaType } from "../static/media_types.ts";
import { INDEX_NAME } from "../http/located.ts";
import { isSegment } from "../http/target.ts";
import { TOKEN } from "../http/grammar.ts";
import type { Settings } from "./settings.ts";

/**
 * `rules` has the charset that holds where none is given, `extensions` those that have a handler, whose index is one by itself.
 * Throws UsageError.
 */
export function readFilesConfig(
  settings: Settings,
  { rules, extensions }: {
    readonly rules: Pick<Rules, "charset" | "compression">;
    readonly extensions: readonly string[];
  },
): FileSettings {
  return {
    indexNames: readIndexNames(settings) ?? [INDEX_NAME, ...extensions.map((extension) => `index${extension}`)],
    listing: settings.flag("listing"),
    servesDotFiles: settings.flag("dot-files"),
    charset: readCharset(settings) ?? rules.charset,
    compression: settings.text("compress") === null ? rules.compression : settings.choice("compress", COMPRESSIONS),
    mediaTypes: settings.each("media-type", {
      parse: parseMediaType,
      problem: "not an extension or name and a media type",
      remedy: "give one such as .tgz=application/gzip or README=text/plain",
    }),
  };
}

const COMPRESSIONS = ["off", "static", "all"] as const;

function readIndexNames(settings: Settings): readonly string[] | null {
  const text = settings.text("index");
  if (text === null) return null;
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => isSegment(name) && !name.startsWith("."))) return names;
  throw settings.refusal("index", {
    problem: "not names of files",
    remedy: "give one or several such as index.html,index.php",
  });
}

function readCharset(settings: Settings): Charset | null {
  const text = settings.text("charset");
  if (text === null || text === "off" || text === "auto") return text;
  if (TOKEN.test(text)) return { name: text };
  throw settings.refusal("charset", { problem: "not a name", remedy: "give one such as iso-8859-1, or auto or off" });
}

/** RFC 9110 5.6.2 and 8.3.1: type "/" subtype, then parameters. */
const WORD = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const MEDIA_TYPE = `${WORD}/${WORD}(?:[ \t]*;[ \t]*${WORD}=(?:${WORD}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"))*`;
const OWN_MEDIA_TYPE = new RegExp(`^([^/=\\0]+)=(${MEDIA_TYPE})$`);

function parseMediaType(text: string): OwnMediaType | null {
  const [, key, type] = OWN_MEDIA_TYPE.exec(text) ?? [];
  // A dot alone, or at the end, is no extension of any file.
  return key === undefined || key.endsWith(".") ? null : [key, type];
}
