/**
 * The table of options. Parsing, `--help`, and whatever else must know every option (the man page, the configuration
 * file) read this one table; the limits are added to it from lib/limits.ts. Pure.
 */
import { type Limit, type LimitName, LIMITS } from "../limits.ts";
import { formatCount, formatSize, formatTime } from "./quantity.ts";

export type Section = "Serving" | "Access" | "CGI" | "Log" | "Running" | "Limits";

/**
 * The narrowest part of a configuration that an option may stand in: all of the server, one site, one place. What may stand in a
 * place may also stand in a site, and both at the top. "command" is for the command line alone, "file" for files alone.
 */
export type Scope = "command" | "file" | "server" | "site" | "place";

export interface Option {
  /** The long name without its dashes. */
  readonly name: string;
  /** Placeholder of the value; null for a flag. */
  readonly value: string | null;
  /** What holds without the option, as `--help` shows it; where the option is a number or a choice, as it is written. */
  readonly default: string;
  /** What it does, in a sentence without full stop. */
  readonly meaning: string;
  readonly section: Section;
  /** It may be given more than once. */
  readonly isRepeatable?: boolean;
  /** The server where it is left out. */
  readonly scope?: Scope;
}

const FORM_OPTIONS = [
  {
    name: "http",
    value: "PORT",
    default: "8080",
    meaning: "Port for HTTP, 0 for any free one; with --https alone there is no HTTP",
    section: "Serving",
  },
  {
    name: "https",
    value: "PORT",
    default: "none",
    meaning: "Port for HTTPS, 0 for any free one; needs --key and --certificate",
    section: "Serving",
  },
  {
    name: "listen",
    value: "WHERE",
    default: ":: (IPv6 and IPv4), else 0.0.0.0",
    meaning:
      "Where to listen: ADDRESS, for the ports of --http and --https; [https:]ADDRESS:PORT, for that port (*: all " +
      "addresses); unix:PATH[:MODE[:OWNER[:GROUP]]], for clients of the machine (0660); may be repeated",
    section: "Serving",
    isRepeatable: true,
  },
  {
    name: "root",
    value: "FOLDER",
    default: "none, required",
    meaning: "Folder with the site; in a section of a prefix: with what is below that",
    section: "Serving",
    scope: "place",
  },
  {
    name: "key",
    value: "FILE",
    default: "none",
    meaning: "Private key for HTTPS, PEM; of several sites each may have its own, with its certificate",
    section: "Serving",
    scope: "site",
  },
  {
    name: "certificate",
    value: "FILE",
    default: "none",
    meaning: "Certificate for HTTPS and the chain above it, PEM",
    section: "Serving",
    scope: "site",
  },
  {
    name: "key-passphrase",
    value: "FILE",
    default: "none",
    meaning: "File whose first line decrypts the private key",
    section: "Serving",
    scope: "site",
  },
  {
    name: "unknown-host",
    value: "first|refuse",
    default: "first",
    meaning: "What answers for hosts that no section of the file names: the first site, or nothing (404; 421 over TLS)",
    section: "Serving",
  },
  {
    name: "http2",
    value: "on|off",
    default: "on; off with --rules course",
    meaning:
      "Speak HTTP/2 beside HTTP/1: over TLS with clients that negotiate it, over HTTP with those that begin with it; CGI programs see HTTP/2.0 as SERVER_PROTOCOL",
    section: "Serving",
  },
  {
    name: "https-redirect",
    value: null,
    default: "off",
    meaning:
      "Send clients of the HTTP port to the HTTPS port (308; 421 for a host that the certificate does not name), but answer " +
      "below /.well-known/acme-challenge/",
    section: "Serving",
  },
  {
    name: "hsts",
    value: "SECONDS",
    default: "none",
    meaning: "Tell browsers to use HTTPS alone for so long; cannot be taken back before",
    section: "Serving",
    scope: "place",
  },
  {
    name: "rules",
    value: "course|standard",
    default: "standard; course with the eight arguments",
    meaning: "Which rules hold where the course and the RFCs differ",
    section: "Serving",
  },
  {
    name: "listing",
    value: null,
    default: "off",
    meaning: "Show the content of folders that have no index (else 403)",
    section: "Serving",
    scope: "place",
  },
  {
    name: "index",
    value: "NAMES",
    default: "index.html, then index with each extension of --cgi-handler",
    meaning: "What a folder is answered with: the first of these names that is there, with commas between them",
    section: "Serving",
    scope: "place",
  },
  {
    name: "alias",
    value: "PREFIX=PATH",
    default: "none",
    meaning: "Serve the files of another folder below that prefix, or one file by that path; may be repeated",
    section: "Serving",
    scope: "site",
    isRepeatable: true,
  },
  {
    name: "fallback",
    value: "PATH",
    default: "none",
    meaning:
      "Answer what is neither file nor folder by this path of the site, such as /index.php or /doku.php?id={path} " +
      "({path}: what was asked for)",
    section: "Serving",
    scope: "place",
  },
  {
    name: "redirect",
    value: '"PREFIX=[STATUS ]TARGET"',
    default: "none",
    meaning:
      "Send clients from a prefix to another path or URL, with the rest of the path and the query (301, or 302, " +
      "303, 307, 308); may be repeated",
    section: "Serving",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "status",
    value: "PREFIX",
    default: "none",
    meaning:
      "Show the state of the server below that prefix: a page, PREFIX/json and PREFIX/metrics (Prometheus); to clients of the machine itself, " +
      "unless --allow or --deny of that very prefix say otherwise; in a section of a prefix: on",
    section: "Serving",
    scope: "place",
  },
  {
    name: "rewrite",
    value: '"PATTERN=[STATUS ]TARGET"',
    default: "none",
    meaning: "Answer paths of that pattern (URLPattern) by another path of the site, such as " +
      '/wiki/:page=/wiki/doku.php?id={page}, or send clients there, as by "/=302 /app/"; the first that fits holds; may ' +
      "be repeated, at most 10 times",
    section: "Serving",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "encoded-slash",
    value: "refuse|pass",
    default: "refuse",
    meaning:
      "What becomes of paths with %2F: 404, or part of a name that no file has and programs get as %2F in PATH_INFO",
    section: "Serving",
    scope: "place",
  },
  {
    name: "links",
    value: "inside|owner|all",
    default: "inside",
    meaning:
      "Where symbolic links in folders of files and programs may lead (else 403): into the same folder, to what " +
      "belongs to the owner of the link, or anywhere; with the last two the server may read all that its user may",
    section: "Serving",
    scope: "place",
  },
  {
    name: "methods",
    value: "NAMES|all",
    default: "all",
    meaning: "Methods that may be used, with commas between them (405 with Allow for all others); HEAD goes with GET",
    section: "Serving",
    scope: "place",
  },
  {
    name: "dot-files",
    value: null,
    default: "off",
    meaning: "Serve files whose name begins with a dot (else 404; .well-known is always served)",
    section: "Serving",
    scope: "place",
  },
  {
    name: "charset",
    value: "NAME|auto|off",
    default: "auto; off with the course's rules",
    meaning:
      "What Content-Type says of the characters of texts; auto: utf-8 where a text is that and names nothing else",
    section: "Serving",
    scope: "place",
  },
  {
    name: "compress",
    value: "off|static|all",
    default: "static; off with the course's rules",
    meaning:
      "Compress texts for clients that ask for it (br, zstd, gzip): files, once and into memory; or also what programs and upstreams " +
      "answer, as it passes (see BREACH in vulnerabilities.txt)",
    section: "Serving",
    scope: "place",
  },
  {
    name: "media-type",
    value: ".EXT=TYPE",
    default: "by the IANA register",
    meaning: "Type of the files with that extension, or of that name (README=text/plain); may be repeated",
    section: "Serving",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "error-pages",
    value: "FOLDER",
    default: "built-in pages",
    meaning: "Folder with 404.html and the like; 4xx.html, 5xx.html, then error.html stand in for missing ones",
    section: "Serving",
    scope: "place",
  },
  {
    name: "header",
    value: '"[always ]NAME: VALUE"',
    default: "X-Content-Type-Options: nosniff",
    meaning:
      "Field for every answer below 400 that has none of that name, such as Cache-Control; after the word always for all " +
      "answers, and in place of a program's own; may be repeated",
    section: "Access",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "allow",
    value: "ADDRESS/BITS[:PREFIX]",
    default: "all",
    meaning:
      "Only these addresses may have what is below the prefix (403); of several rules the longest prefix holds, " +
      "then the narrowest range; may be repeated",
    section: "Access",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "deny",
    value: "ADDRESS/BITS[:PREFIX]",
    default: "none",
    meaning: "All but these addresses may have what is below the prefix; goes before an equal --allow; may be repeated",
    section: "Access",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "auth",
    value: "REALM:HTPASSWD[:PREFIX]",
    default: "none",
    meaning: "Only the users of a file that htpasswd -B, -5, -2 or -m made may have what is below the prefix; may be " +
      "repeated",
    section: "Access",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "require",
    value: '"user|group NAME...[:PREFIX]"',
    default: "all users of --auth",
    meaning:
      "Only these users, or members of these groups, of the users that --auth asks for may have what is below the " +
      "prefix (else 401); valid-user: all of them; of several the longest prefix holds; may be repeated",
    section: "Access",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "auth-groups",
    value: "FILE",
    default: "none",
    meaning: "File with the groups of users for --require, a line for each: GROUP: USER USER",
    section: "Access",
    scope: "site",
  },
  {
    name: "proxy",
    value: "ADDRESS/BITS|unix",
    default: "none",
    meaning: "Believe X-Forwarded-For, -Proto, -Port and the header of the PROXY protocol (HTTP port alone) from " +
      "these addresses, or from clients of Unix sockets; may be repeated",
    section: "Access",
    isRepeatable: true,
  },
  {
    name: "cgi",
    value: "PATH",
    default: "none",
    meaning: "CGI program for all of /cgi/, or folder of CGI programs; in a section of a prefix: for that",
    section: "CGI",
    scope: "place",
  },
  {
    name: "cgi-prefix",
    value: "PATH",
    default: "/cgi/",
    meaning: "What the paths of CGI programs begin with",
    section: "CGI",
    scope: "site",
  },
  {
    name: "cgi-handler",
    value: ".EXT=PROGRAM",
    default: "none",
    meaning:
      "Run files with that extension, below the prefix and in the root, by an interpreter, or have an upstream run them " +
      "(see --forward); off: none of those named around; may be repeated",
    section: "CGI",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "script-alias",
    value: "PREFIX=PATH",
    default: "none",
    meaning: "Run another program, or the programs of another folder, below that prefix; may be repeated",
    section: "CGI",
    scope: "site",
    isRepeatable: true,
  },
  {
    name: "forward",
    value: "PREFIX=UPSTREAM",
    default: "none",
    meaning:
      "Hand requests below that prefix on to fastcgi:unix:PATH or fastcgi:HOST:PORT, the same with scgi, or http://HOST:PORT/BASE/; / for all of a site; " +
      "several with commas between them, backup: before one that waits, and words behind: balance=least|round|client, host=client|upstream, " +
      "check=/PATH, proxy=v2; may be repeated",
    section: "CGI",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "websocket",
    value: '"PREFIX=[binary ][any-origin ]PATH"',
    default: "none",
    meaning:
      "Talk with WebSocket clients below that prefix by a program for each: lines of text both ways, or binary messages behind " +
      "four bytes of length; any-origin: also with pages of other sites; may be repeated",
    section: "CGI",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "cgi-pass-auth",
    value: null,
    default: "off",
    meaning: "Let CGI programs see the Authorization field",
    section: "CGI",
    scope: "place",
  },
  {
    name: "cgi-env",
    value: "NAME=VALUE",
    default: "PATH, LANG and TZ of the server",
    meaning: "Variable for CGI programs; may be repeated",
    section: "CGI",
    scope: "place",
    isRepeatable: true,
  },
  {
    name: "cgi-max",
    value: "N",
    default: "32",
    meaning: "CGI programs that run at once",
    section: "CGI",
  },
  {
    name: "cgi-queue",
    value: "N",
    default: "256",
    meaning: "Requests for CGI programs that wait beyond those (503 beyond)",
    section: "CGI",
  },
  {
    name: "cgi-spool",
    value: "FOLDER",
    default: "/tmp",
    meaning: "Folder for the content of chunked requests while it comes",
    section: "CGI",
  },
  {
    name: "cgi-user",
    value: "NAME",
    default: "as the server",
    meaning: "User that CGI programs run as, with the user's own group alone; needs root",
    section: "CGI",
    scope: "place",
  },
  {
    name: "cgi-warm",
    value: "on|off",
    default: "off",
    meaning:
      "Answer by forks of an interpreter that has imported what the program imports: Python 3 and Perl, others as always",
    section: "CGI",
    scope: "place",
  },
  {
    name: "cgi-limit-cpu",
    value: "SECONDS",
    default: "none",
    meaning: "Processor time of a CGI program (SIGXCPU beyond)",
    section: "CGI",
    scope: "place",
  },
  {
    name: "cgi-limit-memory",
    value: "SIZE",
    default: "none",
    meaning: "Address space of a CGI program",
    section: "CGI",
    scope: "place",
  },
  {
    name: "cgi-limit-files",
    value: "N",
    default: "as the server",
    meaning: "Open files of a CGI program",
    section: "CGI",
    scope: "place",
  },
  {
    name: "cgi-limit-processes",
    value: "N",
    default: "as the server",
    meaning: "Processes of the user that CGI programs run as, all of them counted",
    section: "CGI",
    scope: "place",
  },
  {
    name: "log",
    value: "FILE",
    default: "standard error",
    meaning: "File to which messages and access lines are appended",
    section: "Log",
  },
  {
    name: "access-log",
    value: "FILE|off",
    default: "as --log",
    meaning: "File for the access lines alone, or none of them",
    section: "Log",
    scope: "place",
  },
  {
    name: "log-format",
    value: "combined|json",
    default: "combined",
    meaning: "Access lines in Combined Log Format and messages as text, or one JSON object a line for both",
    section: "Log",
  },
  {
    name: "access-format",
    value: '"FORMAT"',
    default: "as --log-format",
    meaning:
      "What an access line says: text with {time}, {client}, {target}, {status}, {duration}, {request_id}, {field:NAME} and " +
      "others ({{ is a brace); with --log-format json the members of the object",
    section: "Log",
  },
  {
    name: "log-level",
    value: "debug|info|warn|error",
    default: "info",
    meaning: "Least severe message to log",
    section: "Log",
  },
  {
    name: "lock",
    value: "FILE",
    default: "none",
    meaning: "File that holds the process id and keeps a second instance from starting",
    section: "Running",
  },
  {
    name: "workers",
    value: "N",
    default: "1",
    meaning: "Threads that serve, one for each processor at best; of every limit each has its share, at least 1",
    section: "Running",
  },
  {
    name: "native",
    value: "on|off",
    default: "on",
    meaning:
      "Reach clients and programs by calls of the C library; off, and where there is no glibc: by the runtime alone, " +
      "with what that cannot do told in the log",
    section: "Running",
  },
  {
    name: "user",
    value: "NAME",
    default: "as started",
    meaning: "User to become once everything is open (root only)",
    section: "Running",
  },
  {
    name: "group",
    value: "NAME",
    default: "that of --user",
    meaning: "Group to become, with --user",
    section: "Running",
  },
  {
    name: "daemon",
    value: null,
    default: "on with the eight arguments",
    meaning: "Go into the background once everything listens",
    section: "Running",
  },
  {
    name: "upgrade",
    value: null,
    default: "off",
    meaning: "Take the place of the server that holds --lock, which ends in order: no client is refused meanwhile",
    section: "Running",
    scope: "command",
  },
  {
    name: "foreground",
    value: null,
    default: "off with the eight arguments",
    meaning: "Stay in the foreground",
    section: "Running",
  },
  {
    name: "config",
    value: "FILE",
    default: "none",
    meaning:
      'File with further options, one "option = value" a line, in sections of hosts and prefixes; the command line wins',
    section: "Running",
    scope: "command",
  },
  {
    name: "include",
    value: "FILE",
    default: "none",
    meaning: "In the file of --config: read that file there too, or all that a name with * or ? means; may be repeated",
    section: "Running",
    scope: "file",
    isRepeatable: true,
  },
  {
    name: "reload-folders",
    value: "FOLDER",
    default: "none",
    meaning:
      "Folder below which a configuration that SIGHUP reads again may name files and programs that it did not name at the " +
      "start; may be repeated",
    section: "Running",
    isRepeatable: true,
  },
  {
    name: "check",
    value: null,
    default: "off",
    meaning: "Check all of the above, say what is wrong, and start nothing",
    section: "Running",
    scope: "command",
  },
  {
    name: "verbose",
    value: null,
    default: "off",
    meaning: "With --check: show all sites and places, what answers for each, and who may have it",
    section: "Running",
    scope: "command",
  },
  {
    name: "explain",
    value: "URL",
    default: "none",
    meaning:
      "Say what would be answered for that URL: by which site, place, file or program, for whom; and start nothing",
    section: "Running",
    scope: "command",
  },
  { name: "help", value: null, default: "off", meaning: "Show this page", section: "Running", scope: "command" },
  {
    name: "version",
    value: null,
    default: "off",
    meaning: "Show the versions of lisod, Deno and V8",
    section: "Running",
    scope: "command",
  },
] as const satisfies readonly Option[];

type FormOption = (typeof FORM_OPTIONS)[number];
export type FlagName = Extract<FormOption, { value: null }>["name"];
/** Options that take a value, the limits aside. */
export type ValueName = Exclude<FormOption, { value: null }>["name"];

/** A limit as an option. */
export interface LimitOption extends Option {
  readonly limit: LimitName;
}

export const LIMIT_OPTIONS: readonly LimitOption[] = (Object.keys(LIMITS) as LimitName[]).map((limit) => {
  const { unit, value, meaning, isOfPlace = false }: Limit = LIMITS[limit];
  return {
    name: limit.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`),
    value: { bytes: "SIZE", ms: "TIME", count: "N" }[unit],
    default: { bytes: formatSize, ms: formatTime, count: formatCount }[unit](value),
    meaning,
    section: "Limits",
    scope: isOfPlace ? "place" : "server",
    limit,
  };
});

/** Every option, in the order of `--help`. */
export const OPTIONS: readonly Option[] = [...FORM_OPTIONS, ...LIMIT_OPTIONS];

/** The option of that long name; undefined where there is none. */
export function findOption(name: string): Option | undefined {
  return OPTIONS.find((option) => option.name === name);
}

/** The eight arguments of the positional form in their order: each stands for an option. */
export const POSITIONS = [
  { name: "http", label: "<HTTP port>" },
  { name: "https", label: "<HTTPS port>" },
  { name: "log", label: "<log file>" },
  { name: "lock", label: "<lock file>" },
  { name: "root", label: "<www folder>" },
  { name: "cgi", label: "<CGI script path>" },
  { name: "key", label: "<private key file>" },
  { name: "certificate", label: "<certificate file>" },
] as const satisfies readonly { readonly name: ValueName; readonly label: string }[];

export type Form = "positional" | "named";
