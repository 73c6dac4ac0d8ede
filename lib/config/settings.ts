/**
 * The options that were given, still as text, with where each came from, and the readers that turn one into a value.
 * Separate from config.ts because the sources of settings (the eight arguments, long options, a file) grow apart from
 * the record that is built of them. Pure.
 */
import { resolve } from "@std/path";
import { DEFAULT_LIMITS, type Limit, LIMITS, type Limits } from "../limits.ts";
import { findOption, type FlagName, LIMIT_OPTIONS, type LimitOption, type ValueName } from "./options.ts";
import { parseCount, parseSize, parseTime } from "./quantity.ts";
import { type Given, UsageError } from "../start_error.ts";

export interface Setting {
  /** How the operator knows it: `--http`, `<HTTP port>`, `/etc/lisod.conf:3: http`. */
  readonly label: string;
  readonly text: string;
  /** Absolute; a relative path in the text starts here. */
  readonly folder: string;
}

/** What was given, by the names of the option table. */
export type SettingsByName = ReadonlyMap<string, readonly Setting[]>;

/** What a value is read with. */
export interface ValueContext {
  /** How the operator knows the setting. */
  readonly argument: string;
  /** Makes a path from within the value absolute; null where it can be none. */
  readonly resolvePath: (path: string) => string | null;
}

/** How each value of a repeatable option is read. */
export interface ValueReader<Value> {
  /** Null for what is no value of the kind. */
  readonly parse: (text: string, context: ValueContext) => Value | null;
  readonly problem: string;
  readonly remedy: string;
  /** Says more of a text that was refused; null where there is no more to say. */
  readonly explain?: (text: string) => { readonly problem: string; readonly remedy: string } | null;
}

const MAX_PORT = 65_535;
/** A timer beyond this fires at once (a signed 32-bit number of milliseconds, about 24 days). */
const MAX_TIMER_MS = 2_147_483_647;

export class Settings {
  readonly #byName: SettingsByName;
  /** What holds where nothing is given here; null: the defaults of the table. */
  readonly around: Settings | null;

  /**
   * `byName` holds what was given, by the names of the option table. Throws UsageError for an option that was given
   * twice and is not repeatable, and for an empty value.
   */
  constructor(byName: SettingsByName, around: Settings | null = null) {
    for (const [name, settings] of byName) {
      const option = findOption(name);
      if (option === undefined) throw new Error(`No option "${name}"`);
      if (settings.length > 1 && option.isRepeatable !== true) throw repeated(settings);
      const empty = settings.find((setting) => setting.text === "");
      if (empty !== undefined) throw valueMissing(empty.label, option.value ?? "true");
    }
    this.#byName = byName;
    this.around = around;
  }

  /** Whether nothing but options of these names is given here itself. */
  hasOnly(names: readonly (FlagName | ValueName)[]): boolean {
    return [...this.#byName.keys()].every((name) => (names as readonly string[]).includes(name));
  }

  /** Whether it is given here itself. */
  hasOwn(name: FlagName | ValueName | LimitOption["name"]): boolean {
    return this.#byName.has(name);
  }

  /** Whether one of them is given here or around, but for the outermost settings. */
  isNarrowed(names: readonly string[]): boolean {
    if (this.around === null) return false;
    return names.some((name) => this.#byName.has(name)) || this.around.isNarrowed(names);
  }

  has(name: FlagName | ValueName): boolean {
    return this.#find(name) !== null;
  }

  flag(name: FlagName): boolean {
    return this.#find(name)?.text === "true";
  }

  /** Null where it was not given. */
  text(name: ValueName): string | null {
    return this.#find(name)?.text ?? null;
  }

  /**
   * Each value of a repeatable option in the order given, those around before; one for which `parse` gives null is refused.
   */
  each<Value>(name: ValueName, reader: ValueReader<Value>): readonly Value[] {
    const inherited = this.around?.each(name, reader) ?? [];
    return [...inherited, ...this.eachOwn(name, reader)];
  }

  /** The same of those alone that are given here. */
  eachOwn<Value>(name: ValueName, reader: ValueReader<Value>): readonly Value[] {
    return (this.#byName.get(name) ?? []).map((setting) => {
      const context = { argument: setting.label, resolvePath: (path: string) => resolvePath(setting, path) };
      const value = reader.parse(setting.text, context);
      if (value !== null) return value;
      const { problem, remedy } = reader.explain?.(setting.text) ?? reader;
      throw refuse(setting, problem, remedy);
    });
  }

  /** Bytes; null where it was not given. */
  size(name: ValueName): number | null {
    const setting = this.#find(name);
    if (setting === null) return null;
    const size = parseSize(setting.text);
    if (size === null) throw refuse(setting, `not ${LIMIT_UNITS.bytes.example}`, `give ${LIMIT_UNITS.bytes.example}`);
    return size;
  }

  /** Absolute, with dot segments resolved; null where it was not given. */
  path(name: ValueName): Given | null {
    const setting = this.#find(name);
    if (setting === null) return null;
    const value = resolvePath(setting, setting.text);
    if (value === null) throw refuse(setting, "holds a NUL character", "give a path");
    return { argument: setting.label, value };
  }

  /** The text with its argument; null where it was not given. */
  given(name: ValueName): Given | null {
    const setting = this.#find(name);
    return setting === null ? null : { argument: setting.label, value: setting.text };
  }

  /** 0 lets the kernel choose. The default of the table where it was not given. */
  port(name: ValueName): number {
    const setting = this.#findOrDefault(name);
    const port = parseCount(setting.text);
    if (port === null || port > MAX_PORT) throw refuse(setting, "not a port", `give a number from 0 to ${MAX_PORT}`);
    return port;
  }

  /** A whole number; null where it was not given. */
  count(name: ValueName): number | null {
    return this.has(name) ? this.countOrDefault(name) : null;
  }

  /** A whole number; the default of the table where it was not given. */
  countOrDefault(name: ValueName): number {
    const setting = this.#findOrDefault(name);
    const count = parseCount(setting.text);
    if (count === null) throw refuse(setting, "not a whole number", `give ${findOption(name)?.value}`);
    return count;
  }

  /** One of `choices`; the default of the table where it was not given. */
  choice<const Choice extends string>(name: ValueName, choices: readonly Choice[]): Choice {
    const setting = this.#findOrDefault(name);
    const choice = choices.find((each) => each === setting.text);
    if (choice === undefined) throw refuse(setting, "unknown", `give ${choices.join(" or ")}`);
    return choice;
  }

  /** All limits: those that were given, then `defaults`, then those of lib/limits.ts. */
  limits(defaults: Partial<Limits>): Limits {
    const given = LIMIT_OPTIONS.flatMap((option) => {
      const setting = this.#find(option.name);
      return setting === null ? [] : [[option.limit, readLimit(option, setting)]];
    });
    return { ...DEFAULT_LIMITS, ...defaults, ...Object.fromEntries(given) };
  }

  /** What is given here itself, as text. */
  get ownTexts(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries([...this.#byName].map(([name, settings]) => [name, settings.map(({ text }) => text)]));
  }

  /** How the operator knows it. */
  label(name: ValueName): string {
    return this.#findOrDefault(name).label;
  }

  /** The refusal of a setting's value; for rules between settings. */
  refusal(name: ValueName, { problem, remedy }: { readonly problem: string; readonly remedy: string }): UsageError {
    return refuse(this.#findOrDefault(name), problem, remedy);
  }

  #find(name: string): Setting | null {
    return this.#byName.get(name)?.[0] ?? (this.around === null ? null : this.around.#find(name));
  }

  #findOrDefault(name: ValueName): Setting {
    return this.#find(name) ?? { label: `--${name}`, text: findOption(name)?.default ?? "", folder: "/" };
  }
}

function resolvePath({ folder }: Setting, path: string): string | null {
  return path.includes("\0") ? null : resolve(folder, path);
}

const LIMIT_UNITS = {
  bytes: { parse: parseSize, most: Number.MAX_SAFE_INTEGER, example: "a size such as 8192, 8k or 1M" },
  ms: { parse: parseTime, most: MAX_TIMER_MS, example: "a time such as 500ms, 20s or 5m" },
  count: { parse: parseCount, most: Number.MAX_SAFE_INTEGER, example: "a whole number" },
} as const;

function readLimit(option: LimitOption, setting: Setting): number {
  const { unit, least = 1, most = LIMIT_UNITS[unit].most }: Limit = LIMITS[option.limit];
  const { parse, example } = LIMIT_UNITS[unit];
  const value = parse(setting.text);
  if (value === null) throw refuse(setting, `not ${example}`, `leave it out for ${option.default}`);
  if (value < least) throw refuse(setting, "too small", `give at least ${least}`);
  if (value > most) throw refuse(setting, "too large", `give at most ${most}`);
  return value;
}

function refuse(setting: Setting, problem: string, remedy: string): UsageError {
  return new UsageError({ argument: setting.label, value: setting.text, problem, remedy });
}

function repeated(settings: readonly Setting[]): UsageError {
  const [first, second] = settings;
  const other = second.label === first.label ? "" : ` as ${first.label}`;
  return new UsageError({
    argument: second.label,
    value: second.text,
    problem: `already given${other}`,
    remedy: "give it once",
  });
}

/** The option stands there without its value. */
export function valueMissing(label: string, placeholder: string): UsageError {
  return new UsageError({
    argument: label,
    value: null,
    problem: "its value is missing",
    remedy: `give ${label.startsWith("--") ? `${label}=${placeholder}` : `a ${placeholder}`}`,
  });
}
