/** The book as text: each point with what each host does, and why lisod does what it does. Pure. */
import type { Point, Program } from "./point.ts";
import { visible } from "./tell.ts";

/** A host as the book names it. */
export interface NamedHost {
  readonly name: string;
  readonly title: string;
  readonly version: string;
}

/** Longest line. */
export const MAX_LINE = 160;

/** One point with what each host did, by its name. */
export interface Entry {
  readonly point: Point;
  readonly findings: ReadonlyMap<string, string>;
}

/** The whole text. */
export function renderBook(hosts: readonly NamedHost[], entries: readonly Entry[]): string {
  const width = Math.max(...hosts.map(({ name }) => name.length));
  return [
    ...INTRODUCTION,
    ...hosts.map(({ name, title, version }) => `  ${name.padEnd(width)}  ${title}: ${version}`),
    ...entries.flatMap((entry, at) => ["", ...renderEntry(at + 1, entry)]),
    "",
  ].join("\n");
}

const INTRODUCTION: readonly string[] = [
  "What CGI hosts do where RFC 3875 is loose or they disagree. Written by `deno task hosts`, which starts each of them on this",
  "machine and asks it. What a program prints and gets is shown with \\n for a line end and \\xHH for a byte that is no printable",
  "ASCII; /cgi/ is where the programs are, SITE the folder with everything, PORT the port of the host. Without other words the",
  'request is a GET and the program one that shows what it was given. Each is asked eight times: "- or -" stands between what it',
  "did at one time and at another (Apache's lengths depend on how output comes out of pipes, mini-httpd answers a POST or not).",
  "",
];

/** The lines of one point: hosts that do the same stand together, those with lisod first. */
export function renderEntry(number: number, { point, findings }: Entry): string[] {
  const groups = new Map<string, string[]>();
  for (const [host, text] of findings) groups.set(text, [...groups.get(text) ?? [], host]);
  return [
    `${String(number).padStart(3)} ${point.name} (${point.section})`,
    ...labelled("program", programText(point.program)),
    ...labelled("request", requestText(point)),
    ...Array.from(groups, ([text, names]) => wrap(`${names.join(", ")}: ${text}`, "  - ")).flat(),
    ...labelled("why", point.why),
  ];
}

function labelled(label: string, text: string): string[] {
  return text === "" ? [] : wrap(text, `    ${label.padEnd(9)}`);
}

/** Lines of at most MAX_LINE characters; the first begins with `start`, the others are as far in. */
export function wrap(text: string, start: string): string[] {
  const lines: string[] = [];
  let words: string[] = [];
  let length = start.length;
  for (const word of text.split(" ")) {
    if (words.length > 0 && length + word.length > MAX_LINE) {
      lines.push(words.join(" "));
      [words, length] = [[], start.length];
    }
    words.push(word);
    length += word.length + 1;
  }
  return [...lines, words.join(" ")].map((line, at) => (at === 0 ? start : " ".repeat(start.length)) + line);
}

function programText(program: Program): string {
  if (program === "probe") return "";
  if ("prints" in program) return `prints ${visible(program.prints)}`;
  const text = "shell" in program ? program.shell : program.file;
  return visible(text.trimEnd().replaceAll("{{notes}}", "SITE/notes"));
}

function requestText(point: Point): string {
  if ("does" in point) return point.does;
  const { method = "GET", path = "", fields = [], version = "1.1", body, host } = point.ask ?? {};
  if (point.ask === undefined) return "";
  return [
    `${method} PROGRAM${path} HTTP/${version}`,
    ...(host === undefined ? [] : [`Host: ${host}`]),
    ...fields,
    ...(body === undefined ? [] : ["", body.length > 60 ? `(${body.length} bytes)` : body]),
  ].map(visible).join("\\n");
}
