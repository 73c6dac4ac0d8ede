/**
 * Which addresses may have a place: the rules of `--allow` and `--deny`. Pure; asked before any handler.
 */
import { type AddressBytes, AddressRange } from "../ip_address.ts";
import { ALL_PATHS, parsePrefix, type PathPrefix } from "../http/path_prefix.ts";

export interface AccessRule {
  readonly isAllowed: boolean;
  readonly range: AddressRange;
}

/** A rule, and the part of the site that it is for. */
export interface PlacedRule extends AccessRule {
  readonly prefix: PathPrefix;
  /** The range as the operator wrote it, and by which argument. */
  readonly text: string;
  readonly argument?: string;
}

/**
 * Reads `ADDRESS/BITS:PREFIX`; without a prefix, which is then that of `prefix`, where it is a whole range by itself. Null for
 * anything else.
 */
export function parseAccessRule(
  text: string,
  { isAllowed, prefix = ALL_PATHS }: { readonly isAllowed: boolean; readonly prefix?: PathPrefix },
): PlacedRule | null {
  const alone = AddressRange.parse(text);
  if (alone !== null) return { isAllowed, range: alone, prefix, text };
  // An IPv6 range may hold ":/" itself.
  const [, rangeText = "", prefixText = ""] = /^([^/]+(?:\/\d+)?):(\/.*)$/s.exec(text) ?? [];
  const range = AddressRange.parse(rangeText);
  const below = parsePrefix(prefixText);
  return range === null || below === null ? null : { isAllowed, range, prefix: below, text: rangeText };
}

/**
 * Whether the address may have the place of these rules. The narrowest range around the address decides, and a denial
 * between equals. An address in none of the ranges is denied where one of the rules allows somebody, else allowed; so the
 * order of the rules means nothing. An address of null (that of a Unix socket) is in no range.
 */
export function isAllowed(rules: readonly AccessRule[], address: AddressBytes | null): boolean {
  const around = address === null ? [] : rules.filter(({ range }) => range.contains(address));
  if (around.length === 0) return !rules.some((rule) => rule.isAllowed);
  const narrowest = Math.max(...around.map(({ range }) => range.bits));
  return around.every((rule) => rule.isAllowed || rule.range.bits < narrowest);
}
