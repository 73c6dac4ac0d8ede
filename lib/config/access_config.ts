/**
 * The options that say who may have what, and what every answer says, as one record of Config. Separate from config.ts
 * for the same reason as CGI's: nothing else asks for them. Pure.
 */
import { parseAccessRule, type PlacedRule } from "../access/access_rules.ts";
import { AddressRange } from "../ip_address.ts";
import type { RealmFile } from "../access/load_realms.ts";
import { ALL_PATHS, parsePrefix, type PathPrefix } from "../http/path_prefix.ts";
import { FIELD_VALUE, TOKEN } from "../http/grammar.ts";
import { type Field, HeaderFields } from "../http/header_fields.ts";
import { parseRequirement, type PlacedRequirement } from "../access/requirements.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { type Given, UsageError } from "../start_error.ts";
import type { Settings, ValueContext } from "./settings.ts";

/** Who may have what of a site. */
export interface SiteAccess {
  readonly rules: readonly PlacedRule[];
  readonly realms: readonly RealmFile[];
  readonly requirements: readonly GivenRequirement[];
}

/** A requirement with the argument that named it. */
export interface GivenRequirement extends PlacedRequirement {
  readonly given: Given;
}

/** What holds for all of the server. */
export interface AccessConfig extends FieldsConfig {
  readonly proxies: readonly AddressRange[];
  /** Clients of Unix sockets are proxies too. */
  readonly trustsUnixSockets: boolean;
}

/** What answers say. */
export interface FieldsConfig {
  /** Fields of every answer that has none of that name, where the operator gives none. */
  readonly defaultFields: readonly Field[];
  /** Fields of every answer below 400 that has none of that name. */
  readonly fields: readonly Field[];
  /** Fields of every answer, in place of those that it has of that name. */
  readonly alwaysFields: readonly Field[];
}

/** Throws UsageError. */
export function readAccessConfig(settings: Settings): AccessConfig {
  const proxies = settings.each("proxy", {
    parse: (text) => text === "unix" ? text : AddressRange.parse(text),
    problem: "not an address or a range",
    remedy: "give one such as 192.0.2.1 or 10.0.0.0/8 (bits beyond the range are 0), or unix",
  });
  return {
    proxies: proxies.filter((proxy) => proxy !== "unix"),
    trustsUnixSockets: proxies.includes("unix"),
    ...readFields(settings),
  };
}

/**
 * Who may have what, as it is said in that section itself. `place` is the prefix of a place, whose rules name none; null: what
 * they name is below the site, and without a prefix all of it. Throws UsageError.
 */
export function readSiteAccess(settings: Settings, place: PathPrefix | null): SiteAccess {
  const prefix = place ?? ALL_PATHS;
  const isRightly = (found: { readonly prefix: PathPrefix } | null) => place === null || found?.prefix === place;
  const rule = (isAllowed: boolean) => ({
    parse: (text: string, { argument }: ValueContext) => {
      const found = parseAccessRule(text, { isAllowed, prefix });
      return found !== null && isRightly(found) ? { ...found, argument } : null;
    },
    problem: place === null ? "not an address range and a prefix" : "not an address range",
    remedy: `give one such as 192.0.2.0/24${place === null ? ":/private" : ""} (bits beyond the range are 0)`,
  });
  return {
    rules: [...settings.eachOwn("allow", rule(true)), ...settings.eachOwn("deny", rule(false))],
    realms: settings.eachOwn("auth", {
      parse: (text, context) => {
        const found = parseRealm(text, context, prefix);
        return isRightly(found) ? found : null;
      },
      problem: place === null ? "not a realm, a file and a prefix" : "not a realm and a file",
      remedy: `give one such as Members:/etc/lisod/members.htpasswd${place === null ? ":/members" : ""}`,
    }),
    requirements: settings.eachOwn("require", {
      parse: (text, { argument }) => {
        const found = parseRequirement(text, prefix);
        return found !== null && isRightly(found) ? { ...found, given: { argument, value: text } } : null;
      },
      problem: place === null ? "not users or groups, and a prefix" : "not users or groups",
      remedy: `give one such as "user eva adam${place === null ? ":/members" : ""}", "group staff" or valid-user`,
    }),
  };
}

/** Throws UsageError for users and groups that nobody would ask for. */
export function refuseRequirements(
  { realms, requirements }: SiteAccess,
  { groupFile }: { groupFile: Given | null },
): void {
  const realmTree = new PrefixTree(realms.map((value) => ({ ...value.prefix, value })));
  for (const { kind, prefix, given } of requirements) {
    if (realmTree.nearest(prefix.segments) === null) {
      const remedy = "give --auth REALM:HTPASSWD for that prefix, or for one around it";
      throw new UsageError({ ...given, problem: "nobody is asked who he is there", remedy });
    }
    if (kind === "group" && groupFile === null) {
      throw new UsageError({ ...given, problem: "--auth-groups is missing", remedy: "give --auth-groups FILE" });
    }
  }
}

/** RFC 9110 5.6.4: a realm is a quoted string, here of visible ASCII and spaces. */
function parseRealm(text: string, { argument, resolvePath }: ValueContext, whole: PathPrefix): RealmFile | null {
  // Without a prefix a colon in the path of the file is taken for one whose slash was forgotten.
  const [, name, path, prefixText] = /^([\x20-\x39\x3b-\x7e]+):(.+):(\/[^:]*)$/s.exec(text) ??
    /^([\x20-\x39\x3b-\x7e]+):([^:]+)$/s.exec(text) ?? [];
  if (name === undefined) return null;
  const [value, prefix] = [resolvePath(path), prefixText === undefined ? whole : parsePrefix(prefixText)];
  return value === null || prefix === null ? null : { name, file: { argument, value }, prefix };
}

/** What browsers are told about every answer unless --header says otherwise. */
const DEFAULT_FIELDS: readonly Field[] = [["X-Content-Type-Options", "nosniff"]];

/** Fields that follow from the answer itself: a second one would contradict it. */
const OWN_FIELDS = HeaderFields.of(
  ...[
    ...["Accept-Ranges", "Allow", "Connection", "Content-Encoding", "Content-Length", "Content-Range", "Content-Type"],
    ...[
      "Date",
      "ETag",
      "Keep-Alive",
      "Last-Modified",
      "Location",
      "Retry-After",
      "Server",
      "Strict-Transport-Security",
    ],
    ...["Trailer", "Transfer-Encoding", "Upgrade", "Vary", "WWW-Authenticate"],
  ].map((name): Field => [name, ""]),
);

/** Those around hold but for the names that are given here. Throws UsageError. */
export function readFields(settings: Settings): FieldsConfig {
  const given = givenFields(settings);
  const [always, others] = [given.filter(({ isAlways }) => isAlways), given.filter(({ isAlways }) => !isAlways)]
    .map((fields) => fields.map(({ field }) => field));
  const [names, alwaysNames] = [HeaderFields.of(...always, ...others), HeaderFields.of(...always)];
  return {
    defaultFields: DEFAULT_FIELDS.filter(([name]) => !names.has(name)),
    fields: others.filter(([name]) => !alwaysNames.has(name)),
    alwaysFields: always,
  };
}

function givenFields(settings: Settings): readonly GivenField[] {
  const own = settings.eachOwn("header", {
    parse: parseField,
    problem: "not a field that an operator can set",
    remedy: 'give one such as "X-Frame-Options: DENY"; fields about content and connection are the server\'s',
  });
  const around = settings.around === null ? [] : givenFields(settings.around);
  const names = HeaderFields.of(...own.map(({ field }) => field));
  return [...around.filter(({ field: [name] }) => !names.has(name)), ...own];
}

interface GivenField {
  readonly field: Field;
  readonly isAlways: boolean;
}

/** RFC 9112 5: name, colon, blanks, value, blanks. A name has no blank, so that a word may stand before it. */
function parseField(text: string): GivenField | null {
  const [, word, name, value] = /^(always[ \t]+)?([^:\s]+):[ \t]*(.*?)[ \t]*$/s.exec(text) ?? [];
  const isField = name !== undefined && TOKEN.test(name) && FIELD_VALUE.test(value);
  return isField && !OWN_FIELDS.has(name) ? { field: [name, value], isAlways: word !== undefined } : null;
}
