/**
 * The options that say of a place what comes before any look at files and programs, and those of a site that say which path
 * stands in place of another. Separate from files_config.ts, for they hold for programs as well. Pure.
 */
import type { LinkRule } from "../link_rule.ts";
import { parseFallback } from "../site/fallback.ts";
import { NO_SETTINGS, type PlaceSettings } from "../site/place_settings.ts";
import { MAX_REWRITE_COUNT, parseRewrite, type Rewrite } from "../site/rewrite.ts";
import { TOKEN } from "../http/grammar.ts";
import { joinSegments } from "../http/located.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import type { Settings } from "./settings.ts";

/** What one section says itself; `prefix` is where it says so, `outer` what holds around it. Throws UsageError. */
export function readPlaceConfig(settings: Settings, prefix: PathPrefix, outer = NO_SETTINGS): PlaceSettings {
  return {
    fallback: settings.hasOwn("fallback") ? readFallback(settings, prefix) : outer.fallback,
    passesEncodedSlash: settings.choice("encoded-slash", ["refuse", "pass"]) === "pass",
    links: settings.choice<LinkRule>("links", ["inside", "owner", "all"]),
    methods: readMethods(settings),
    maxBodyBytes: settings.limits({}).maxBodyBytes,
    rate: readRate(settings, outer),
  };
}

/** That of the top is the server's. */
function readRate(settings: Settings, outer: PlaceSettings): PlaceSettings["rate"] {
  if (settings.around === null || !settings.hasOwn("max-rate")) return outer.rate;
  return { perSecond: settings.limits({}).maxRate };
}

function readMethods(settings: Settings): PlaceSettings["methods"] {
  const text = settings.text("methods");
  if (text === null || text === "all") return null;
  const names = text.split(",").map((name) => name.trim());
  // Methods are case-sensitive (RFC 9110 9.1), and all that anybody uses are in upper case.
  if (!names.every((name) => TOKEN.test(name) && name === name.toUpperCase())) {
    const remedy = "give some such as GET,POST (HEAD goes with GET), or all";
    throw settings.refusal("methods", { problem: "not methods", remedy });
  }
  return [...new Set(names.flatMap((name) => name === "GET" ? ["GET", "HEAD"] : [name]))];
}

function readFallback(settings: Settings, prefix: PathPrefix): PlaceSettings["fallback"] {
  const text = settings.text("fallback");
  if (text === null || text === "off") return null;
  const fallback = parseFallback(text, prefix);
  if (fallback !== null) return fallback;
  throw settings.refusal("fallback", {
    problem: "not a path of the site",
    remedy: "give one such as /index.php or /doku.php?id={path}, or off",
  });
}

/**
 * What one section says itself, in the order given; `place` is the prefix of a place, below which its patterns are, else null. Throws
 * UsageError.
 */
export function readRewrites(settings: Settings, place: PathPrefix | null): readonly Rewrite[] {
  const prefix = place === null ? "/" : `${joinSegments(place.segments)}/`;
  const rewrites = settings.eachOwn("rewrite", {
    parse: (text) => text.startsWith(prefix) ? parseRewrite(text) : null,
    problem: place === null
      ? "not a pattern and a path of the site"
      : "not a pattern below the place, and a path of the site",
    remedy:
      `give one such as ${prefix}:page=/wiki/doku.php?id={page}; what stands in braces is a group of the pattern; ` +
      "a pattern has at most three parts of any length (*, names that share a segment), and no group in a group",
  });
  if (rewrites.length <= MAX_REWRITE_COUNT) return rewrites;
  throw settings.refusal("rewrite", {
    problem: `one of ${rewrites.length}`,
    remedy: `give at most ${MAX_REWRITE_COUNT}, or leave more to a program (--fallback)`,
  });
}
