/**
 * The options that are about CGI alone, as one record of Config. Separate from config.ts because nothing else of the
 * server asks for any of them. Pure.
 */
import type { ResourceLimits } from "../child/command_prefix.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { parseUriPrefix } from "./mounts_config.ts";
import type { ProgramSettings } from "../gateway/meta_variables.ts";
import type { Given } from "../start_error.ts";
import type { Settings } from "./settings.ts";

export interface CgiConfig {
  /** What the paths of scripts begin with. */
  readonly prefix: PathPrefix;
  /** Interpreters by extension with its dot, in lower case. */
  readonly handlers: Readonly<Record<string, Given>>;
  /** What every program is told. */
  readonly told: ProgramSettings;
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
export function readCgiConfig(
  settings: Settings,
  environment: { readonly [name: string]: string | undefined },
): CgiConfig {
  const inherited = INHERITED.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    prefix: readPrefix(settings),
    handlers: readHandlers(settings),
    told: {
      passesAuthorization: settings.flag("cgi-pass-auth"),
      environment: { ...Object.fromEntries(inherited), ...readEnvironment(settings) },
    },
    maxScripts: atLeastOne(settings, "cgi-max", settings.countOrDefault("cgi-max")),
    maxQueue: settings.countOrDefault("cgi-queue"),
    user: settings.given("cgi-user"),
    resources: {
      cpuSeconds: atLeastOne(settings, "cgi-limit-cpu", settings.count("cgi-limit-cpu")),
      memoryBytes: settings.size("cgi-limit-memory"),
      fileCount: settings.count("cgi-limit-files"),
      processCount: settings.count("cgi-limit-processes"),
    },
    spoolFolder: settings.path("cgi-spool") ?? { argument: "--cgi-spool", value: "/tmp" },
  };
}

function readPrefix(settings: Settings): PathPrefix {
  const text = settings.text("cgi-prefix") ?? "/cgi/";
  const prefix = parseUriPrefix(text);
  if (prefix !== null) return prefix;
  throw settings.refusal("cgi-prefix", { problem: "not a path of URIs", remedy: "give one such as /cgi/" });
}

function readHandlers(settings: Settings): Record<string, Given> {
  return Object.fromEntries(settings.each("cgi-handler", {
    parse: (text, { argument }) => {
      const [extension, value] = splitBy(/^(\.[^./=]+)=(\/.+)$/, text) ?? [];
      if (extension === undefined || value === undefined) return null;
      return [extension.toLowerCase(), { argument, value }] as const;
    },
    problem: "not an extension and a program",
    remedy: "give .EXTENSION=/PATH/OF/PROGRAM",
  }));
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
