/**
 * Prints the manual page lisod(8), or with the argument 5 lisod.conf(5), in the macros of man(7). The options come from the table
 * that --help is made of; what else an operator must know stands here. scripts/install and scripts/package put the pages where man
 * finds them.
 */
import { VERSION } from "../lib/version.ts";
import { type Option, OPTIONS, POSITIONS, type Section } from "../lib/config/options.ts";

/** The whole page; ends in a line feed. */
export function manPage(): string {
  const sections = [...new Set(OPTIONS.map((option) => option.section))];
  return [
    `.TH LISOD 8 "" "lisod ${VERSION}" "System administration"`,
    ...HEAD,
    ".SH OPTIONS",
    ...sections.flatMap(optionSection),
    ...TAIL,
  ].join("\n") + "\n";
}

/** The page of the configuration file. */
export function configPage(): string {
  const options = OPTIONS.filter(({ scope }) => scope !== "command");
  const sections = [...new Set(options.map(({ section }) => section))];
  return [
    `.TH LISOD.CONF 5 "" "lisod ${VERSION}" "File formats"`,
    ...CONFIG_HEAD,
    ".SH OPTIONS",
    ...paragraph("What each default is, and more about each, stands in lisod(8)."),
    ...sections.flatMap((section) => [
      `.SS ${section}`,
      ...options.filter((option) => option.section === section).flatMap(configLines),
    ]),
    ...CONFIG_TAIL,
  ].join("\n") + "\n";
}

/** A line of the file, what it does, and where it may stand. */
function configLines({ name, value, meaning, scope = "server" }: Option): readonly string[] {
  const written = value ?? "on|off";
  return [
    ".TP",
    `\\fB${escape(name)} =\\fR \\fI${escape(written.replaceAll('"', ""))}\\fR`,
    textLine(`${meaning.replaceAll('"', "")}. ${PLACES[scope]}`),
  ];
}

/** Where an option may stand. */
const PLACES: Readonly<Record<NonNullable<Option["scope"]>, string>> = {
  command: "",
  file: "Anywhere.",
  server: "At the top.",
  site: "At the top, or in the section of hosts.",
  place: "At the top, or in any section.",
};

function optionSection(section: Section): readonly string[] {
  const options = OPTIONS.filter((option) => option.section === section);
  return [`.SS ${section}`, ...options.flatMap(optionLines)];
}

/** A tag, what the option does and its default. */
function optionLines({ name, value, meaning, default: standard }: Option): readonly string[] {
  const placeholder = value === null ? "" : ` \\fI${escape(value)}\\fR`;
  return [".TP", `\\fB${escape(`--${name}`)}\\fR${placeholder}`, textLine(`${meaning}. Default: ${standard}.`)];
}

/** A line of running text: one that began with a dot or a quote would be a request. */
function textLine(text: string): string {
  return /^[.']/.test(text) ? `\\&${escape(text)}` : escape(text);
}

/** Backslashes are for roff, and a plain "-" is a hyphen that nobody can copy into a shell. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("~", "\\(ti").replaceAll("^", "\\(ha")
    .replaceAll("`", "\\(ga");
}

/** A paragraph. */
function paragraph(...sentences: readonly string[]): readonly string[] {
  return [".PP", ...sentences.map(textLine)];
}

/** A tag in bold, and what it means. */
function item(tag: string, ...sentences: readonly string[]): readonly string[] {
  return [".TP", `\\fB${escape(tag)}\\fR`, ...sentences.map(textLine)];
}

/** Lines of a terminal or a file, as they are. */
function example(...lines: readonly string[]): readonly string[] {
  return [".PP", ".RS 4", ".nf", ...lines.map(textLine), ".fi", ".RE"];
}

const HEAD: readonly string[] = [
  ".SH NAME",
  "lisod \\- web server for files and CGI programs",
  ".SH SYNOPSIS",
  ".B lisod",
  ".I folder",
  ".RI [ option ...]",
  ".br",
  ".B lisod \\-\\-config",
  ".I file",
  ".RI [ option ...]",
  ".br",
  ".B lisod",
  ...POSITIONS.map(({ label }) => `.I ${escape(`"${label}"`)}`),
  ".RI [ option ...]",
  ".SH DESCRIPTION",
  ".B lisod",
  "serves a folder and its CGI programs over HTTP and HTTPS.",
  ...paragraph(
    "With options alone it stays in the foreground unless --daemon says otherwise.",
    "With the eight arguments, of which each stands for the option that its name tells, it keeps the rules of the " +
      "networking course it was written for, and becomes a daemon unless --foreground or LISOD_FOREGROUND=1 keeps it.",
  ),
  ...paragraph(
    "The command that starts a daemon returns when the daemon listens on all ports and holds the lock file, with 0; " +
      "otherwise it says in one line what kept the daemon from that, and nothing is left running.",
    "The daemon has a session of its own and no terminal, works in /, and makes files for its owner and group alone.",
  ),
  ...paragraph(
    "Started as root with --user, lisod opens ports, log, lock file and private key, and then becomes that user for good, " +
      "without supplementary groups.",
    "The one right that it keeps at hand is to listen again on a port of HTTPS below 1024, for a new certificate.",
    "To be renewed without a restart, key and certificate must be for the user's group to read.",
    "The folder of the log should belong to root: a user who may write there could lead root's first line elsewhere.",
  ),
];

const TAIL: readonly string[] = [
  ".SH CONFIGURATION FILE",
  ...paragraph(
    "The file that --config names has one option a line, as lisod.conf(5) says.",
    "What the command line gives replaces what the file says.",
  ),
  ...example("# the site", "http = 80", "root = /srv/www", "log = /var/log/lisod/lisod.log", "listing = on"),
  ".SH SIGNALS",
  ...item(
    "SIGTERM, SIGINT",
    "Stop: what has been accepted is served, for --drain-ms at most; idle connections are closed.",
    "A second one stops at once.",
  ),
  ...item(
    "SIGHUP",
    "Reopen the log and read configuration, certificates, error pages and password files again.",
    "No connection is lost. What cannot be read, or is wrong, is told in the log, and stays as it was.",
  ),
  ...item("SIGUSR1", "Reopen the log, after a rename."),
  ...item("SIGURG", "Share the ports with the server that asks so for the place of this one; --upgrade sends it."),
  ".SH ENVIRONMENT",
  ...item("LISOD_FOREGROUND", "1 does what --foreground does."),
  ...item(
    "DENO_TOKIO_EVENT_INTERVAL",
    "How many turns its loop may make before it looks at its sockets again; 1 serves files over HTTPS soonest beside many CGI programs.",
    "A daemon and the service have 8, the runtime's default is 61.",
  ),
  ...item("PATH, LANG, TZ", "Are passed on to CGI programs."),
  ...item("TMPDIR", "Where the command and its daemon meet for a moment; /tmp where it is not set."),
  ".SH EXIT STATUS",
  ...item("0", "Stopped in order; of a daemon's command, that the daemon serves."),
  ...item("1", "The machine lacks what the arguments name, or a second signal ended the server at once."),
  ...item("2", "The arguments or the configuration file are wrong in themselves."),
  ".SH FILES",
  ...item("/etc/lisod.conf", "The configuration that the service starts with."),
  ...item("/run/lisod/lisod.pid", "Its lock file, which holds the process id. The text alone locks nothing."),
  ...item("/var/log/lisod/lisod.log", "Its log."),
  ".SH EXAMPLES",
  ...paragraph("Serve a folder on port 8080, with the log on standard error:"),
  ...example("lisod --root www"),
  ...paragraph("See what is wrong with a configuration, and start nothing:"),
  ...example("lisod --config /etc/lisod.conf --check"),
  ...paragraph("Serve both ports as a daemon that was root:"),
  ...example(
    "lisod --http 80 --https 443 --key site.key --certificate site.crt \\",
    "    --root /srv/www --user www-data --daemon --log /var/log/lisod/lisod.log",
  ),
  ".SH SEE ALSO",
  ".BR lisod.conf (5),",
  ".BR systemctl (1),",
  ".BR htpasswd (1),",
  ".BR logrotate (8),",
  ".BR capabilities (7)",
];

const CONFIG_HEAD: readonly string[] = [
  ".SH NAME",
  "lisod.conf \\- configuration of the web server lisod",
  ".SH SYNOPSIS",
  ".I /etc/lisod.conf",
  ".SH DESCRIPTION",
  ...paragraph(
    "One option a line: its long name without dashes, an equals sign and the value.",
    "A flag is on or off, or stands alone for on.",
    "Empty lines and lines that begin with # say nothing; a # within a line belongs to the value.",
    "An option that may be repeated has a line for each value.",
    "Relative paths start in the folder of the file.",
  ),
  ...paragraph(
    "What stands before the first section holds for all of the server. A section holds for some hosts, for what is below a " +
      "prefix, or for both, and for nothing else:",
  ),
  ...example(
    "root = /srv/www",
    "http = 80",
    "",
    "[example.org www.example.org]",
    "root = /srv/example",
    "",
    "[/icons/]",
    "root = /usr/share/icons",
    "",
    "[example.org /private/]",
    "deny = 0.0.0.0/0",
    "deny = ::/0",
  ),
  ...paragraph(
    "The first section of hosts also answers for hosts that nobody names; *.example.net stands for all hosts below.",
    "A prefix is of whole segments, and the longest decides.",
    "What a section does not say holds as in those around it.",
  ),
  ...paragraph(
    "SIGHUP reads a changed file again; what takes a restart is named in the log. With --check lisod says what is wrong with it " +
      "and starts nothing; with --explain URL, which lines say what one URL gets.",
  ),
];

const CONFIG_TAIL: readonly string[] = [".SH SEE ALSO", ".BR lisod (8)"];

if (import.meta.main) {
  const page = Deno.args[0] === "5" ? configPage() : manPage();
  Deno.stdout.writeSync(new TextEncoder().encode(page));
}
