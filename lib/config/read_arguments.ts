/**
 * From arguments to settings: options are told from the rest, and the eight arguments become the options that they stand for.
 * Separate from config.ts, which knows what settings mean. Pure.
 */
import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../start_error.ts";
import { nearestName } from "./nearest_name.ts";
import { findOption, type Form, OPTIONS, POSITIONS } from "./options.ts";
import { type Setting, valueMissing } from "./settings.ts";

/** What was given, by the names of the option table; the eight arguments are added. */
export type GivenSettings = Map<string, readonly Setting[]>;

/**
 * Splits arguments into options and the rest. parseArgs guesses where it can, so each guess is closed: `_` and every
 * option with a value are strings (else `08` becomes 8), all are collected (else the last of two wins), and what begins
 * with a dash was checked before. Relative paths in values start at `cwd`. Throws UsageError.
 */
export function readArguments(
  args: readonly string[],
  cwd: string,
): { positionals: readonly string[]; settingsByName: GivenSettings } {
  checkSpelling(args.slice(0, args.includes("--") ? args.indexOf("--") : args.length));
  const parsed = parseArgs(joinDashes(args), {
    string: ["_", ...OPTIONS.filter((option) => option.value !== null).map((option) => option.name)],
    boolean: OPTIONS.filter((option) => option.value === null).map((option) => option.name),
    collect: OPTIONS.map((option) => option.name),
    alias: SHORT_NAMES,
  });
  const settingsByName: GivenSettings = new Map();
  for (const { name } of OPTIONS) {
    const settings = [parsed[name] ?? []].flat().map((value) => ({
      label: `--${name}`,
      text: String(value),
      folder: cwd,
    }));
    if (settings.length > 0) settingsByName.set(name, settings);
  }
  return { positionals: parsed._.map(String), settingsByName };
}

function isLog(argument: string): boolean {
  return argument === "--log" || argument === "--access-log";
}

/** `--log -` as one argument, for parseArgs takes a dash for no value. */
function joinDashes(args: readonly string[]): readonly string[] {
  return args.flatMap((argument, index) => {
    if (argument === "-" && isLog(args[index - 1] ?? "")) return [];
    return isLog(argument) && args[index + 1] === "-" ? [`${argument}=-`] : [argument];
  });
}

const SHORT_NAMES = { h: "help", V: "version" } as const;

/**
 * Refuses what parseArgs would take for something else: `--no-log=x` sets `log`, `--listing=no` means yes, `--_` breaks
 * it, and the value that `--log -x` lacks is "". A value that begins with a dash needs "=".
 */
function checkSpelling(args: readonly string[]): void {
  args.forEach((argument, index) => {
    if (!argument.startsWith("-") || argument === "-" || Object.keys(SHORT_NAMES).includes(argument.slice(1))) return;
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    const option = findOption(name ?? "");
    if (option === undefined) throw unknownOption(argument);
    if (option.value !== null) {
      const given = value ?? args[index + 1] ?? "";
      const isMissing = given.startsWith("-") && !(given === "-" && isLog(argument));
      if (given === "" || (value === undefined && isMissing)) throw valueMissing(`--${name}`, option.value);
    } else if (value !== undefined && value !== "true" && value !== "false") {
      throw new UsageError({ argument: `--${name}`, value, problem: "takes no value", remedy: `give --${name} alone` });
    }
  });
}

function unknownOption(argument: string): UsageError {
  const [, name] = /^--?([^=]*)/.exec(argument) ?? [];
  const near = nearestName(name, OPTIONS.filter(({ scope }) => scope !== "file").map((option) => option.name));
  const guess = near === null ? "" : `did you mean --${near}? Else `;
  return new UsageError({
    argument: "option",
    value: argument,
    problem: "unknown",
    remedy: `${guess}see lisod --help; a value that begins with - is given as --option=VALUE`,
  });
}

/**
 * Adds the eight arguments, or the one that is a folder, as the options that they stand for. Throws UsageError for any other number
 * of them.
 */
export function addPositionals(
  positionals: readonly string[],
  { settingsByName, cwd }: { readonly settingsByName: GivenSettings; readonly cwd: string },
): Form {
  const addPositional = ({ name, label }: { readonly name: string; readonly label: string }, text: string) =>
    settingsByName.set(name, [{ label, text, folder: cwd }, ...settingsByName.get(name) ?? []]);
  if (positionals.length === 0) return "named";
  if (positionals.length === 1) {
    addPositional({ name: "root", label: "<folder>" }, positionals[0]);
    return "named";
  }
  const given = `${positionals.length} arguments`;
  if (positionals.length !== POSITIONS.length) {
    const missing = POSITIONS[positionals.length];
    throw new UsageError({
      argument: "argument",
      value: positionals[Math.min(positionals.length - 1, POSITIONS.length)],
      problem: missing === undefined ? `${given}, not eight` : `${given}, and no ${missing.label} follows`,
      remedy: "give all eight, one folder, or options alone (see lisod --help)",
    });
  }
  POSITIONS.forEach((position, index) => addPositional(position, positionals[index]));
  return "positional";
}
