/**
 * Sites and places in words, as --check --verbose and --explain show them: what answers where, who may have it, and which line of
 * the configuration says so. Pure.
 */
import type { PlacedRule } from "../access/access_rules.ts";
import type { RealmFile } from "../access/load_realms.ts";
import { joinSegments } from "../http/located.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { quoted } from "../start_error.ts";
import type { PlaceConfig, SiteConfig } from "./sites_config.ts";

/** A line for each place of each site, in columns; ends in a line feed. */
export function sitesTable(sites: readonly SiteConfig[]): string {
  const rows = sites.flatMap((site) => [...prefixesOf(site)].map(([text, prefix]) => rowOf(site, text, prefix)));
  const table = [["HOSTS", "PREFIX", "ANSWERED BY", "WHO MAY", "FROM"], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd() + "\n").join(
    "",
  );
}

function rowOf(site: SiteConfig, text: string, prefix: PathPrefix): readonly string[] {
  const place = placeAt(site, prefix);
  const isIts = place.prefix.segments.length === prefix.segments.length;
  const from = isIts ? place.label || sourceArgument(place) : accessOf(site, prefix).at(-1)?.argument ?? "";
  return [hostsText(site), text, sourceText(place), whoText(site, prefix), from];
}

export function hostsText({ hosts }: SiteConfig): string {
  return hosts.length === 0 ? "all" : hosts.join(" ");
}

/** "/", "/a/b/". */
export function prefixText({ segments }: PathPrefix): string {
  return `${joinSegments(segments)}/`;
}

/** Those of places, and those that are only guarded otherwise, in the order of their texts. */
function prefixesOf({ places, rules, realms, requirements }: SiteConfig): ReadonlyMap<string, PathPrefix> {
  const prefixes = [...places, ...rules, ...realms, ...requirements].map(({ prefix }) =>
    [prefixText(prefix), prefix] as const
  );
  return new Map(prefixes.toSorted(([one], [other]) => one < other ? -1 : one > other ? 1 : 0));
}

/** The place that has the prefix. */
export function placeAt({ places }: SiteConfig, { segments }: PathPrefix): PlaceConfig {
  return new PrefixTree(places.map((value) => ({ ...value.prefix, value }))).nearest(segments)?.value ?? places[0];
}

/** `files /srv/www`, `programs /usr/lib/cgi-bin`, `websocket /srv/chat`, `301 https://example.org/`. */
export function sourceText({ source }: PlaceConfig): string {
  if (source.kind === "status") return "status of the server";
  if (source.kind === "programs" && source.webSocket !== undefined) return `websocket ${source.path.value}`;
  if (source.kind !== "redirect") return `${source.kind} ${source.path.value}`;
  return `${source.redirect.status} ${source.redirect.base}`;
}

function sourceArgument({ source }: PlaceConfig): string {
  return source.kind === "redirect" ? "--redirect" : source.path.argument;
}

/** What decides about who may have something. */
export interface Said {
  /** As the operator knows it. */
  readonly argument: string;
  readonly text: string;
}

/** The rules, the realm and the requirements that hold for the prefix; none where all may have it. */
export function accessOf({ rules, realms, requirements }: SiteConfig, { segments }: PathPrefix): readonly Said[] {
  const [realm] = nearestOf<RealmFile>(realms, segments);
  return [
    ...nearestOf<PlacedRule>(rules, segments).map(({ isAllowed, text, argument = "" }) => {
      return { argument, text: `${isAllowed ? "" : "not "}${text}` };
    }),
    ...(realm === undefined ? [] : [{ argument: realm.file.argument, text: `users of ${quoted(realm.name)}` }]),
    ...nearestOf(requirements, segments).map(({ kind, names, given: { argument } }) => {
      return { argument, text: [kind, ...names].join(" ") };
    }),
  ];
}

/** All of the longest prefix. */
function nearestOf<Value extends { readonly prefix: PathPrefix }>(
  values: readonly Value[],
  segments: readonly string[],
): readonly Value[] {
  const byPrefix = [...Map.groupBy(values, ({ prefix }) => joinSegments(prefix.segments)).values()];
  return new PrefixTree(byPrefix.map((value) => ({ ...value[0].prefix, value }))).nearest(segments)?.value ?? [];
}

function whoText(site: SiteConfig, prefix: PathPrefix): string {
  const said = accessOf(site, prefix);
  return said.length === 0 ? "all" : said.map(({ text }) => text).join(", ");
}
