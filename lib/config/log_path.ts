/** Where a log goes, as its option says: a file, a stream, or nowhere. Apart from config.ts because places have logs too. Pure. */
import type { Given } from "../start_error.ts";
import type { Settings } from "./settings.ts";

/** `-` is what logs are written to where programs follow each other: messages to standard error, access lines to standard output. */
const DASH = { log: "/dev/stderr", "access-log": "/dev/stdout" } as const;

/** `--access-log off` names no file. */
export function logPath(settings: Settings, name: "log" | "access-log" | "lock"): Given | null {
  if (name !== "lock" && settings.text(name) === "-") return { argument: settings.label(name), value: DASH[name] };
  return name === "access-log" && settings.text(name) === "off" ? null : settings.path(name);
}
