/**
 * The options that are about CGI alone: those of a place, and those of all programs together. Separate from config.ts because nothing else of the
 * server asks for any of them. Pure.
 */
import type { ResourceLimits } from "../child/command_prefix.ts";
import { parseUpstreamGroup } from "../forward/upstream_group.ts";
import type { ProgramSettings } from "../gateway/meta_variables.ts";
import type { Limits } from "../limits.ts";
import type { Given } from "../start_error.ts";
import { LIMIT_OPTIONS } from "./options.ts";
import type { Settings } from "./settings.ts";

/** What runs in a place, and what it is told. */
export interface PlacePrograms {
  /** Interpreters, by absolute path, and upstreams as lib/forward/upstream_group.ts has them, by extension with its dot, in lower case. */
  readonly handlers: Readonly<Record<string, Given>>;
  readonly told: ProgramSettings;
  /** How they run; null: as those of all places that say nothing of it. */
  readonly run: RunConfig | null;
}

/** How programs run. */
export interface RunConfig {
  /** Null: as the server. */
  readonly user: Given | null;
  readonly resources: ResourceLimits;
  readonly times: Pick<Limits, ScriptTime>;
}

const SCRIPT_TIMES = ["scriptMs", "scriptBodyMs", "scriptKillMs", "scriptLingerMs"] as const;
type ScriptTime = (typeof SCRIPT_TIMES)[number];

/** Options that say so. */
export const RUN_NAMES: readonly string[] = [
  ...["cgi-user", "cgi-limit-cpu", "cgi-limit-memory", "cgi-limit-files", "cgi-limit-processes"],
  ...LIMIT_OPTIONS.filter(({ limit }) => (SCRIPT_TIMES as readonly string[]).includes(limit)).map(({ name }) => name),
];

/** What holds for the programs of all places together. */
export interface CgiConfig {
  readonly maxScripts: number;
  readonly maxQueue: number;
  /** Null: as the server. */
  readonly user: Given | null;
  readonly resources: ResourceLimits;
  readonly spoolFolder: Given;
}

/** Variables of the server's own environment that scripts get. */
const INHERITED = ["PATH", "LANG", "TZ"] as const;

/** `environment` is the server's own. Throws UsageError. */
export function readPlacePrograms(
  settings: Settings,
  environment: { readonly [name: string]: string | undefined },
): PlacePrograms {
  const inherited = INHERITED.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    handlers: readHandlers(settings),
    told: {
      passesAuthorization: settings.flag("cgi-pass-auth"),
      isWarm: settings.choice("cgi-warm", ["on", "off"]) === "on",
      environment: { ...Object.fromEntries(inherited), ...readEnvironment(settings) },
    },
    run: settings.isNarrowed(RUN_NAMES) ? readRun(settings) : null,
  };
}

function readRun(settings: Settings): RunConfig {
  const { scriptMs, scriptBodyMs, scriptKillMs, scriptLingerMs } = settings.limits({});
  return {
    user: settings.given("cgi-user"),
    resources: readResources(settings),
    times: { scriptMs, scriptBodyMs, scriptKillMs, scriptLingerMs },
  };
}

function readResources(settings: Settings): ResourceLimits {
  return {
    cpuSeconds: atLeastOne(settings, "cgi-limit-cpu", settings.count("cgi-limit-cpu")),
    memoryBytes: settings.size("cgi-limit-memory"),
    fileCount: settings.count("cgi-limit-files"),
    processCount: settings.count("cgi-limit-processes"),
  };
}

/** Throws UsageError. */
export function readCgiConfig(settings: Settings): CgiConfig {
  return {
    maxScripts: atLeastOne(settings, "cgi-max", settings.countOrDefault("cgi-max")),
    maxQueue: settings.countOrDefault("cgi-queue"),
    user: settings.given("cgi-user"),
    resources: readResources(settings),
    spoolFolder: settings.path("cgi-spool") ?? { argument: "--cgi-spool", value: "/tmp" },
  };
}

/** What comes after `off` alone: nothing that was given around is run then. */
function readHandlers(settings: Settings): Record<string, Given> {
  const given = settings.each("cgi-handler", {
    parse: (text, { argument }) => {
      if (text === "off") return "off";
      const [extension, value] = splitBy(/^(\.[^./=]+)=(.+)$/, text) ?? [];
      if (extension === undefined || value === undefined) return null;
      const { protocol = "http" } = parseUpstreamGroup(value) ?? {};
      if (!value.startsWith("/") && protocol === "http") return null;
      return [extension.toLowerCase(), { argument, value }] as const;
    },
    problem: "not an extension and a program",
    remedy: "give .EXTENSION=/PATH/OF/PROGRAM, an upstream such as .php=fastcgi:unix:/run/php/php-fpm.sock, or off",
  });
  return Object.fromEntries(given.slice(given.lastIndexOf("off") + 1).filter((handler) => handler !== "off"));
}

function readEnvironment(settings: Settings): Record<string, string> {
  return Object.fromEntries(settings.each("cgi-env", {
    parse: (text) => splitBy(/^([A-Za-z_][A-Za-z0-9_]*)=([^\0]*)$/, text),
    problem: "not a variable",
    remedy: "give NAME=VALUE",
  }));
}

/** The two groups of `pattern`; null where it does not match. */
function splitBy(pattern: RegExp, text: string): readonly [string, string] | null {
  const match = pattern.exec(text);
  return match === null ? null : [match[1], match[2]];
}

function atLeastOne<Count extends number | null>(
  settings: Settings,
  name: "cgi-max" | "cgi-limit-cpu",
  count: Count,
): Count {
  if (count === 0) throw settings.refusal(name, { problem: "too small", remedy: "give at least 1" });
  return count;
}
