/**
 * The sections of a configuration file: for which hosts, and below which prefix, what stands in them holds. Separate from
 * config_file.ts, which reads lines, and from sites_config.ts, which knows what settings mean. Pure.
 */
import { joinSegments } from "../http/located.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { parseAuthority } from "../http/target.ts";
import { UsageError } from "../start_error.ts";
import { parseUriPrefix } from "./mounts_config.ts";
import type { Scope } from "./options.ts";
import type { SettingsByName } from "./settings.ts";

export interface Section {
  /** Where it begins, as the operator knows it: `/etc/lisod.conf:12: [example.org /icons/]`. */
  readonly label: string;
  /** Names of hosts in lower case, one that begins with "*." for all below it; none: every site. */
  readonly hosts: readonly string[];
  /** Null: all of the site. */
  readonly prefix: PathPrefix | null;
  readonly settings: SettingsByName;
}

/** The part of the table of options that may stand there. */
export function scopeOf({ hosts, prefix }: Pick<Section, "hosts" | "prefix">): Scope {
  if (prefix !== null) return "place";
  return hosts.length > 0 ? "site" : "server";
}

/** `[host ... /prefix/]`, of which one part may be missing; `where` is file and line. Throws UsageError. */
export function parseHeader(line: string, where: string): Pick<Section, "hosts" | "prefix"> {
  const words = /^\[(.*)\]$/.exec(line)?.[1].split(/\s+/).filter((word) => word !== "") ?? [];
  const refusal = (problem: string) => new UsageError({ argument: where, value: line, problem, remedy: REMEDY });
  if (words.length === 0) throw refusal("not a section");
  const last = words[words.length - 1];
  const hosts = last.startsWith("/") ? words.slice(0, -1) : words;
  const prefix = last.startsWith("/") ? parseUriPrefix(last) : null;
  if (last.startsWith("/") && prefix === null) throw refusal("not a prefix of paths");
  const wrong = hosts.find((host) => !isHost(host));
  if (wrong !== undefined) throw refusal(`"${wrong}" is not the name of a host`);
  return { hosts: hosts.map(normalizedHost), prefix };
}

const REMEDY = "write [example.org], [*.example.org], [/prefix/] or [example.org /prefix/]";

/** What two sections may not share. */
export function sectionKey({ hosts, prefix }: Pick<Section, "hosts" | "prefix">): string {
  return `${hosts.toSorted().join(" ")} ${prefix === null ? "" : joinSegments(prefix.segments) + "/"}`;
}

function isHost(text: string): boolean {
  const authority = parseAuthority(text.replace(/^\*\./, ""));
  return authority !== null && authority.host !== "" && authority.port === null && !/:$/.test(text);
}

/** RFC 1034 3.1: the dot at the end of a whole name is left out here and where a client's name is looked up. */
function normalizedHost(text: string): string {
  return text.toLowerCase().replace(/\.$/, "");
}
