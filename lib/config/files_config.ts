/**
 * The options of whoever serves files, as the one record that is handed to it. Separate from config.ts as CGI's are, and
 * because each place of a site may come to have its own. Pure.
 */
import type { Rules } from "../rules.ts";
import type { Charset } from "../static/charset.ts";
import type { FileSettings } from "../static/static_files.ts";
import type { OwnMediaType } from "../static/media_types.ts";
import { TOKEN } from "../http/grammar.ts";
import type { Settings } from "./settings.ts";

/** `rules` has the charset that holds where none is given. Throws UsageError. */
export function readFilesConfig(settings: Settings, rules: Pick<Rules, "charset">): FileSettings {
  return {
    listing: settings.flag("listing"),
    servesDotFiles: settings.flag("dot-files"),
    charset: readCharset(settings) ?? rules.charset,
    mediaTypes: settings.each("media-type", {
      parse: parseMediaType,
      problem: "not an extension or name and a media type",
      remedy: "give one such as .tgz=application/gzip or README=text/plain",
    }),
  };
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
