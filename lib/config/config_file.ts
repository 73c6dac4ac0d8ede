/**
 * The configuration file: one `option = value` a line, with the long names of the option table. Separate from config.ts
 * because it only reads what is written; what a value means is asked where the command line's values are. Pure.
 */
import { dirname } from "@std/path";
import { findOption, type Option } from "./options.ts";
import { type Setting, valueMissing } from "./settings.ts";
import { UsageError } from "../start_error.ts";

/** What --config named. */
export interface ConfigFile {
  /** Absolute; relative paths in the file start in its folder. */
  readonly path: string;
  readonly text: string;
}

/** Options that ask for something at once, or would lead to another file. */
const COMMAND_LINE_ONLY: readonly string[] = ["config", "check", "help", "version"];

const FLAG_VALUES: ReadonlyMap<string | undefined, string> = new Map([
  [undefined, "true"],
  ["on", "true"],
  ["off", "false"],
]);

/**
 * What the file sets, by the names of the option table and in the order of the file; the label of each names file and
 * line. Empty lines and lines that begin with `#` say nothing; a flag is `on`, `off`, or alone for on. Throws UsageError
 * for the first line that is not right.
 */
export function parseConfigFile({ path, text }: ConfigFile): ReadonlyMap<string, readonly Setting[]> {
  const settingsByName = new Map<string, readonly Setting[]>();
  text.split("\n").forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    const where = `${path}:${index + 1}`;
    const [, name, value] = /^([^=\s]+)\s*(?:=\s*(.*))?$/s.exec(trimmed) ?? [];
    if (name === undefined) throw notASetting(trimmed, where);
    const option = findFileOption(name, where);
    const label = `${where}: ${option.name}`;
    const setting = { label, text: readValue(option, { label, value }), folder: dirname(path) };
    settingsByName.set(option.name, [...settingsByName.get(option.name) ?? [], setting]);
  });
  return settingsByName;
}

function notASetting(line: string, where: string): UsageError {
  return new UsageError({ argument: where, value: line, problem: "not a setting", remedy: "write option = value" });
}

function findFileOption(name: string, where: string): Option {
  const option = findOption(name);
  if (option !== undefined && !COMMAND_LINE_ONLY.includes(option.name)) return option;
  if (option !== undefined) {
    const remedy = `give --${name} on the command line`;
    throw new UsageError({ argument: where, value: name, problem: "not an option for a file", remedy });
  }
  const plain = name.replace(/^-+/, "");
  const remedy = findOption(plain) === undefined ? "see lisod --help" : `give ${plain} without dashes`;
  throw new UsageError({ argument: where, value: name, problem: "unknown option", remedy });
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
