/**
 * Which addresses may have which part of the site: the rules of `--allow` and `--deny`. Pure; asked before any handler.
 */
import { type AddressBytes, AddressRange } from "../ip_address.ts";
import { isBelow, parsePrefix, type PathPrefix } from "../http/path_prefix.ts";

export interface AccessRule {
  readonly isAllowed: boolean;
  readonly range: AddressRange;
  readonly prefix: PathPrefix;
}

/** Reads `ADDRESS/BITS:PREFIX`; null for anything else. */
export function parseAccessRule(text: string, isAllowed: boolean): AccessRule | null {
  // An IPv6 range may hold ":/" itself.
  const [, rangeText = "", prefixText = ""] = /^([^/]+(?:\/\d+)?):(\/.*)$/s.exec(text) ?? [];
  const range = AddressRange.parse(rangeText);
  const prefix = parsePrefix(prefixText);
  return range === null || prefix === null ? null : { isAllowed, range, prefix };
}

/**
 * Whether the address may have the path. The rules of the longest prefix that the path is below hold, all others are
 * forgotten. Among them the narrowest range around the address decides, and a denial between equals. An address in none
 * of the ranges is denied where one of these rules allows somebody, else allowed; so the order of the rules means
 * nothing. An address of null (that of a Unix socket) is in no range.
 */
export function isAllowed(
  rules: readonly AccessRule[],
  { path, address }: { readonly path: string; readonly address: AddressBytes | null },
): boolean {
  const fitting = rules.filter((rule) => isBelow(path, rule.prefix));
  const longest = Math.max(0, ...fitting.map(({ prefix }) => prefix.segments.length));
  const valid = fitting.filter(({ prefix }) => prefix.segments.length === longest);
  const around = address === null ? [] : valid.filter(({ range }) => range.contains(address));
  if (around.length === 0) return !valid.some((rule) => rule.isAllowed);
  const narrowest = Math.max(...around.map(({ range }) => range.bits));
  return around.every((rule) => rule.isAllowed || rule.range.bits < narrowest);
}
