/**
 * The configuration file: one `option = value` a line, with the long names of the option table, in sections. Separate from
 * config.ts because it only reads what is written; what a value means is asked where the command line's values are. Pure.
 */
import { dirname, resolve } from "@std/path";
import { UsageError } from "../start_error.ts";
import { nearestName } from "./nearest_name.ts";
import { findOption, type Option, OPTIONS, type Scope } from "./options.ts";
import { parseHeader, scopeOf, type Section, sectionKey } from "./sections.ts";
import { type Setting, valueMissing } from "./settings.ts";

/** What --config or include named. */
export interface ConfigFile {
  /** Absolute; relative paths in the file start in its folder. */
  readonly path: string;
  readonly text: string;
}

/** How files that a file includes are found and read. */
export interface ConfigFiles {
  /** Reads the file of an absolute path, which `argument` named. Throws StartError. */
  load(path: string, argument: string): ConfigFile;
  /**
   * The absolute paths that an absolute path with `*` or `?` in its last part means, in the order of their names; `argument` gave
   * it. Throws StartError.
   */
  find(pattern: string, argument: string): readonly string[];
}

/**
 * The sections of the file in its order; the first is what stands before any of them, for all of the server. The label of each
 * setting names file and line. Empty lines and lines that begin with `#` say nothing; a flag is `on`, `off`, or alone for on.
 * A file that another one includes goes on in the section that `include` stands in, and its own sections end with it. Throws
 * UsageError for the first line that is not right, and what `files` throws.
 */
export function parseConfigFile(file: ConfigFile, files: ConfigFiles): readonly Section[] {
  const reader = new SectionsReader(files);
  reader.read(file, reader.top);
  return reader.sections;
}

/** Of files that include each other: more is a loop. */
const MAX_DEPTH = 8;

class OpenSection implements Section {
  readonly settings = new Map<string, Setting[]>();

  constructor(
    readonly label: string,
    readonly hosts: Section["hosts"],
    readonly prefix: Section["prefix"],
  ) {}
}

class SectionsReader {
  readonly top = new OpenSection("", [], null);
  readonly #files: ConfigFiles;
  readonly #byKey = new Map<string, OpenSection>([[sectionKey(this.top), this.top]]);

  constructor(files: ConfigFiles) {
    this.#files = files;
  }

  get sections(): readonly Section[] {
    return [...this.#byKey.values()];
  }

  read({ path, text }: ConfigFile, outer: OpenSection, depth = 0): void {
    let section = outer;
    text.split("\n").forEach((line, index) => {
      const trimmed = line.trim();
      if (trimmed === "" || trimmed.startsWith("#")) return;
      const where = `${path}:${index + 1}`;
      if (trimmed.startsWith("[")) {
        section = this.#begin(trimmed, { where, outer });
        return;
      }
      const [, name, value] = /^([^=\s]+)\s*(?:=\s*(.*))?$/s.exec(trimmed) ?? [];
      if (name === undefined) throw notASetting(trimmed, where);
      const option = findFileOption(name, where, scopeOf(section));
      const label = `${where}: ${option.name}`;
      const setting = { label, text: readValue(option, { label, value }), folder: dirname(path) };
      if (option.name === "include") return this.#include(setting, section, depth);
      const given = section.settings.get(option.name);
      if (given === undefined) section.settings.set(option.name, [setting]);
      else given.push(setting);
    });
  }

  /** A prefix in a file that a section of hosts includes is one of these hosts. */
  #begin(line: string, { where, outer }: { readonly where: string; readonly outer: OpenSection }): OpenSection {
    const { hosts: named, prefix } = parseHeader(line, where);
    const hosts = named.length === 0 ? outer.hosts : named;
    const section = new OpenSection(`${where}: ${line}`, hosts, prefix);
    const key = sectionKey(section);
    const first = this.#byKey.get(key);
    if (first !== undefined) {
      const problem = `already begun as ${first.label}`;
      throw new UsageError({ argument: where, value: line, problem, remedy: "write all of it in one section" });
    }
    this.#byKey.set(key, section);
    return section;
  }

  #include({ label, text, folder }: Setting, section: OpenSection, depth: number): void {
    if (depth === MAX_DEPTH) {
      const problem = "files include each other";
      throw new UsageError({ argument: label, value: text, problem, remedy: "let none include one that includes it" });
    }
    if (/[*?].*\//.test(text)) {
      const problem = "a folder is named by * or ?";
      throw new UsageError({ argument: label, value: text, problem, remedy: "use them in the last part alone" });
    }
    const pattern = resolve(folder, text);
    const paths = /[*?]/.test(text) ? this.#files.find(pattern, label) : [pattern];
    for (const path of paths) this.read(this.#files.load(path, label), section, depth + 1);
  }
}

function notASetting(line: string, where: string): UsageError {
  return new UsageError({ argument: where, value: line, problem: "not a setting", remedy: "write option = value" });
}

/** Where what may stand in a part of the server may stand. */
const PLACES_OF: Readonly<Record<Scope, readonly Scope[]>> = {
  command: [],
  file: ["server", "site", "place"],
  server: ["server"],
  site: ["server", "site"],
  place: ["server", "site", "place"],
};

function findFileOption(name: string, where: string, scope: Scope): Option {
  const option = findOption(name);
  if (option !== undefined) {
    const own = option.scope ?? "server";
    if (PLACES_OF[own].includes(scope)) return option;
    throw new UsageError({ argument: where, value: name, ...misplaced(name, own, scope) });
  }
  const plain = name.replace(/^-+/, "");
  const near = nearestName(plain, OPTIONS.filter(({ scope }) => scope !== "command").map((option) => option.name));
  const guess = near === null ? "" : `did you mean ${near}? Else `;
  const remedy = findOption(plain) === undefined ? `${guess}see lisod --help` : `give ${plain} without dashes`;
  throw new UsageError({ argument: where, value: name, problem: "unknown option", remedy });
}

function misplaced(name: string, own: Scope, scope: Scope): { readonly problem: string; readonly remedy: string } {
  if (own === "command") {
    return { problem: "not an option for a file", remedy: `give --${name} on the command line` };
  }
  const remedy = own === "site"
    ? "write it before the first section, or in one of a host alone"
    : "write it before the first section";
  return { problem: `not an option of a ${scope}`, remedy };
}

/** As the command line would have it. */
function readValue(option: Option, { label, value }: { readonly label: string; readonly value?: string }): string {
  if (option.value !== null) {
    if (value === undefined || value === "") throw valueMissing(label, option.value);
    return value;
  }
  const flag = FLAG_VALUES.get(value);
  if (flag !== undefined) return flag;
  throw new UsageError({
    argument: label,
    value: value ?? "",
    problem: "neither on nor off",
    remedy: "give on or off",
  });
}

const FLAG_VALUES: ReadonlyMap<string | undefined, string> = new Map([
  [undefined, "true"],
  ["on", "true"],
  ["off", "false"],
]);
