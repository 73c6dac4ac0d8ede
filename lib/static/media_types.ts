/**
 * File name -> media type. The table comes from outside (a package that follows the IANA register) and from the operator;
 * here stand only the rules which name wins; charset.ts has what a text type is followed by. RFC 9110 8.3.
 */
/** Media types with the extensions (no dot, lower case) that mean them; a leading "*" marks a second choice. */
export type RegisteredTypes = Readonly<Record<string, readonly string[]>>;

/**
 * `.extension` or a whole name, both in lower case -> the media type. An extension begins with a dot, a
 * name does not, so one table holds both.
 */
export type MediaTypes = ReadonlyMap<string, string>;

/** A row of that table as an operator gives it, the key in any case. */
export type OwnMediaType = readonly [key: string, type: string];

/** RFC 9110 8.3: a file of unknown type; the client may look into it or save it. */
const UNKNOWN_TYPE = "application/octet-stream";

/**
 * The table for `mediaType`: of several `registers`, the first that knows an extension decides. What the operator's `own`
 * rows say wins over all of them, and the last over those before it.
 */
export function createMediaTypes(
  registers: readonly RegisteredTypes[],
  own: readonly OwnMediaType[] = [],
): MediaTypes {
  const types = new Map<string, string>(own.map(([key, type]) => [key.toLowerCase(), type]));
  const addFirst = (key: string, type: string) => {
    if (!types.has(key)) types.set(key, type);
  };
  for (const register of [EXTENSIONS, ...registers]) {
    for (const [type, extensions] of Object.entries(register)) {
      for (const extension of extensions) if (!extension.startsWith("*")) addFirst(`.${extension}`, type);
    }
  }
  for (const [type, names] of Object.entries(NAMES)) names.forEach((name) => addFirst(name, type));
  return types;
}

/**
 * The media type of a file of that name (with or without its folders); never empty. The whole name decides
 * before its extension, and the longest extension (`.tar.gz`) before a shorter one.
 */
export function mediaType(fileName: string, types: MediaTypes): string {
  const name = fileName.slice(fileName.lastIndexOf("/") + 1).toLowerCase();
  // A dot that opens the name makes it a dot file, not an extension.
  const whole = name.startsWith(".") ? undefined : types.get(name);
  if (whole !== undefined) return whole;
  for (let dot = name.indexOf(".", 1); dot > 0; dot = name.indexOf(".", dot + 1)) {
    const type = types.get(name.slice(dot));
    if (type !== undefined) return type;
  }
  return UNKNOWN_TYPE;
}

/**
 * Where browsers, or people who look at source files, want something other than the register says, or it says nothing. RFC
 * 9239: scripts are text/javascript. `.ts` stays video/mp2t, as registered: players of streams need it. Pages that a server
 * makes (.jsp, .asp) and secrets (.env) have no type: they are to be saved, if they are served at all.
 */
const EXTENSIONS: RegisteredTypes = {
  "text/javascript": ["js", "mjs", "cjs"],
  "text/markdown": ["md", "markdown"],
  "text/plain": [
    ...["txt", "log", "conf", "cfg", "ini", "properties", "diff", "patch", "md5", "sha1", "sha256", "sha512", "sum"],
    ...[
      "c",
      "h",
      "cc",
      "cpp",
      "hpp",
      "rs",
      "go",
      "java",
      "kt",
      "kts",
      "swift",
      "cs",
      "py",
      "rb",
      "pl",
      "lua",
      "sql",
      "r",
    ],
    ...["sh", "bash", "mts", "cts", "tsx", "vue", "svelte", "hs", "ml", "ex", "exs", "erl", "clj", "scala", "groovy"],
    ...[
      "gradle",
      "zig",
      "nim",
      "jl",
      "lisp",
      "el",
      "vim",
      "awk",
      "sed",
      "ps1",
      "cmd",
      "cmake",
      "mk",
      "proto",
      "graphql",
    ],
    ...["rst", "adoc", "bib", "po", "lock", "wat"],
  ],
  "image/x-icon": ["ico"],
  "audio/flac": ["flac"],
  "application/json": ["json", "map", "har"],
  "application/x-ndjson": ["ndjson"],
  "application/jsonl": ["jsonl"],
  "application/gzip": ["gz", "tgz"],
  "application/x-bzip2": ["bz2", "tbz", "tbz2"],
  "application/x-xz": ["xz", "txz"],
  "application/zstd": ["zst", "tzst"],
  "application/vnd.debian.binary-package": ["deb"],
  "application/vnd.apache.parquet": ["parquet"],
  "application/vnd.sqlite3": ["sqlite", "sqlite3"],
  "application/x-zsync": ["zsync"],
};

/** Files that have no extension; names in lower case. Those of RFC 8615's register have the types of their specifications. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "text/plain": [
    ...["readme", "license", "licence", "copying", "copyright", "notice", "authors", "contributors", "maintainers"],
    ...["thanks", "credits", "changelog", "changes", "news", "history", "install", "todo", "bugs", "version"],
    ...["makefile", "dockerfile", "containerfile", "gemfile", "rakefile", "procfile", "jenkinsfile", "vagrantfile"],
    ...["md5sums", "sha1sums", "sha256sums", "sha512sums"],
  ],
  "application/json": [
    ...["apple-app-site-association", "openid-configuration", "oauth-authorization-server", "nodeinfo"],
  ],
  "application/xrd+xml": ["host-meta"],
};
