/**
 * What an operator may not have meant by the settings themselves, found out by --check: keys that others can read, certificates that
 * end soon, files for HTTPS where nothing listens for it, addresses of which half are kept out. None of it keeps the server from
 * starting. Separate from survey_files.ts, which looks at what requests would meet. I/O: reads keys and certificates.
 */
import type { PlacedRule } from "../access/access_rules.ts";
import { type Config, siteCredentials } from "../config/config.ts";
import { prefixText } from "../config/sites_text.ts";
import { joinSegments } from "../http/located.ts";
import { type AddressBytes, parseAddress } from "../ip_address.ts";
import { loadCredentials } from "../net/load_credentials.ts";
import { type Given, quoted } from "../start_error.ts";

/** One line each; none when all is well. `unused`: as CheckCommand has them. Throws StartError as the start would. */
export function surveySettings(
  config: Pick<Config, "https" | "sites">,
  { unused, nowMs }: { readonly unused: readonly Given[]; readonly nowMs: number },
): readonly string[] {
  const files = [...new Map(siteCredentials(config).map(({ files }) => [files.certificateFile.value, files])).values()];
  return [
    ...files.flatMap((each) => {
      const { argument, value } = each.certificateFile;
      return loadCredentials(each, nowMs).warnings.map((warning) => `${argument} ${quoted(value)}: ${warning}`);
    }),
    ...unused.map(({ argument, value }) =>
      `${argument} ${quoted(value)}: is not used, for nothing listens for HTTPS: give --https PORT too`
    ),
    ...halfDenials(config),
  ];
}

/** All addresses of a version, and one of them. RFC 4291 2.1: IPv4 and IPv6 have none in common. */
const VERSIONS = [
  { name: "IPv4", all: "0.0.0.0/0", one: parseAddress("192.0.2.1") },
  { name: "IPv6", all: "::/0", one: parseAddress("2001:db8::1") },
] as const;

/**
 * A line for each place that is closed to all addresses of one version of IP, and by no word to those of the other. Where somebody is
 * let in all others are kept out, whatever they are (isAllowed() of access_rules.ts).
 */
export function halfDenials({ sites }: Pick<Config, "sites">): readonly string[] {
  const places = sites.flatMap(({ rules }) => [
    ...Map.groupBy(rules, ({ prefix }) => joinSegments(prefix.segments)).values(),
  ]);
  const lines = places.filter((rules) => !rules.some(({ isAllowed }) => isAllowed)).flatMap((rules) =>
    VERSIONS.flatMap(({ name, one }, index) => {
      const other = VERSIONS[1 - index];
      const denial = rules.find((rule) => isAll(rule, one));
      if (denial === undefined || rules.some((rule) => isAll(rule, other.one))) return [];
      const { argument = "--deny", text, prefix } = denial;
      // In a file the section may say where.
      const own = argument.startsWith("--") && prefix.segments.length > 0 ? `:${joinSegments(prefix.segments)}` : "";
      return [
        `${argument} ${quoted(text)}: is all of ${name} and nothing of ${other.name}, whose clients may have ` +
        `${prefixText(prefix)}: deny ${other.all}${own} too`,
      ];
    })
  );
  return [...new Set(lines)];
}

function isAll({ range }: PlacedRule, one: AddressBytes | null): boolean {
  return range.bits === 0 && one !== null && range.contains(one);
}
