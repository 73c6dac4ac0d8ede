/**
 * File name -> Content-Type. The table comes from outside (a package that follows the IANA register); here stand only
 * the rules: which names win, and what a text type is followed by. RFC 9110 8.3.
 */
import type { Rules } from "../rules.ts";

/** Media types with the extensions (no dot, lower case) that mean them; a leading "*" marks a second choice. */
export type RegisteredTypes = Readonly<Record<string, readonly string[]>>;

/** Extension (no dot, lower case) -> the whole value of Content-Type. */
export type MediaTypes = ReadonlyMap<string, string>;

/** RFC 9110 8.3: a file of unknown type; the client may look into it or save it. */
const UNKNOWN_TYPE = "application/octet-stream";

/** The table for `mediaType`: of several `registers`, the first that knows an extension decides. */
export function createMediaTypes(
  registers: readonly RegisteredTypes[],
  rules: Pick<Rules, "textTypeSuffix">,
): MediaTypes {
  const types = new Map<string, string>();
  for (const register of [OVERRIDES, ...registers]) {
    for (const [type, extensions] of Object.entries(register)) {
      for (const extension of extensions) {
        if (extension.startsWith("*") || types.has(extension)) continue;
        types.set(extension, withSuffix(type, rules.textTypeSuffix));
      }
    }
  }
  return types;
}

/** The value of Content-Type for a file of that name (with or without its folders); never empty. */
export function mediaType(fileName: string, types: MediaTypes): string {
  const dot = fileName.lastIndexOf(".");
  // A dot that opens the name makes it a dot file, not an extension.
  if (dot <= fileName.lastIndexOf("/") + 1) return UNKNOWN_TYPE;
  return types.get(fileName.slice(dot + 1).toLowerCase()) ?? UNKNOWN_TYPE;
}

/**
 * Where browsers, or people who look at source files, want something other than the register says. RFC 9239: scripts
 * are text/javascript. `.ts` stays video/mp2t, as registered: players of streams need it.
 */
const OVERRIDES: RegisteredTypes = {
  "text/javascript": ["js", "mjs", "cjs"],
  "text/markdown": ["md", "markdown"],
  "text/plain": [
    ...["txt", "log", "conf", "ini", "diff", "patch"],
    ...["c", "h", "cc", "cpp", "hpp", "rs", "go", "java", "kt", "swift", "cs", "py", "rb", "pl", "lua", "sql"],
    ...["sh", "bash", "mts", "cts", "tsx"],
  ],
  "image/x-icon": ["ico"],
  "application/gzip": ["gz"],
  "application/zstd": ["zst"],
};

/**
 * Only text/* needs to be told its charset: JSON is UTF-8 by RFC 8259 8.1 and has no such parameter, and XML (also
 * image/svg+xml) names its own.
 */
function withSuffix(type: string, suffix: Rules["textTypeSuffix"]): string {
  return type.startsWith("text/") ? type + suffix : type;
}
