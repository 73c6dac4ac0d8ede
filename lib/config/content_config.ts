/**
 * The options that say what the content of files is, as one record of Config. Separate from config.ts as CGI's are, and
 * because each place of a site may come to have its own. Pure.
 */
import type { OwnMediaType } from "../static/media_types.ts";
import type { Settings } from "./settings.ts";

export interface ContentConfig {
  readonly mediaTypes: readonly OwnMediaType[];
}

/** Throws UsageError. */
export function readContentConfig(settings: Settings): ContentConfig {
  return {
    mediaTypes: settings.each("media-type", {
      parse: parseMediaType,
      problem: "not an extension or name and a media type",
      remedy: "give one such as .tgz=application/gzip or README=text/plain",
    }),
  };
}

/** RFC 9110 5.6.2 and 8.3.1: type "/" subtype, then parameters. */
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const MEDIA_TYPE = `${TOKEN}/${TOKEN}(?:[ \t]*;[ \t]*${TOKEN}=(?:${TOKEN}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"))*`;
const OWN_MEDIA_TYPE = new RegExp(`^([^/=\\0]+)=(${MEDIA_TYPE})$`);

function parseMediaType(text: string): OwnMediaType | null {
  const [, key, type] = OWN_MEDIA_TYPE.exec(text) ?? [];
  // A dot alone, or at the end, is no extension of any file.
  return key === undefined || key.endsWith(".") ? null : [key, type];
}
