/** How the lines of the log look, as --log-format and --access-format say it. Apart from config.ts, for it has rules of its own. Pure. */
import { isFault } from "../log/access_fields.ts";
import { COMBINED, jsonFormat, type LogFormat, parseAccessFormat } from "../log/access_format.ts";
import type { Settings } from "./settings.ts";

/** Throws UsageError. */
export function readLogFormat(settings: Settings): LogFormat {
  const isJson = settings.choice("log-format", ["combined", "json"]) === "json";
  const text = settings.text("access-format");
  if (text === null) return isJson ? { isJson, access: jsonFormat() } : COMBINED;
  const access = parseAccessFormat(text, { isJson });
  if (isFault(access)) throw settings.refusal("access-format", access);
  return { isJson, access };
}
