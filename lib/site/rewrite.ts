/**
 * Another path, and another query, in place of those that a client asks for, by patterns of URLs. Decided by the path alone and
 * before anything is looked up, so a table of paths may keep the result. Pure. https://urlpattern.spec.whatwg.org
 */
import { cutPath, joinSegments } from "../http/located.ts";
import type { HttpResponse, PathAndQuery } from "../http/message.ts";
import { decodePart, encodePath } from "../http/target.ts";
import { readRedirectStatus, type RedirectStatus, redirectTo } from "./redirect.ts";
import { TargetTemplate } from "./target_template.ts";

/** Beyond that a site is a program by another name. */
export const MAX_REWRITE_COUNT = 10;

/**
 * What a pattern may have of parts that are as long as a path wants, and so have to be tried in many ways: `*`, each name beyond
 * the first of a segment, and quantifiers in groups. The matcher goes back and forth: with three of them the work grows with the
 * third power of the length, which is bounded too (25 ms of a machine of today).
 */
const MAX_LONG_PARTS = 3;
/** A path that is longer, encoded, is rewritten by no pattern. */
const MAX_REWRITTEN_LENGTH = 512;

/** Paths of that pattern are answered as the template has it, or sent there. */
export interface Rewrite {
  readonly pattern: URLPattern;
  readonly template: TargetTemplate;
  /** Null: answered here, and the client is not told. */
  readonly redirect: PatternRedirect | null;
}

interface PatternRedirect {
  readonly status: RedirectStatus;
  /** Scheme and authority; "" for this site. */
  readonly origin: string;
}

/** What a request for a path comes to. */
export interface Rewritten {
  readonly redirect: PatternRedirect | null;
  /** Given its query. */
  readonly address: (query: string) => PathAndQuery;
}

const REWRITE = /^(\/[^=%#]*)=(?:(\d+)[ \t]+)?(https?:\/\/[^/?#\s\\]+(?=\/))?(\/.*)$/is;

/**
 * Reads `/wiki/:page=/wiki/doku.php?id={page}`: a pattern of decoded paths, and a path of the site with groups of the pattern in
 * braces, those without a name by their number from 0; or, with a status before it or as a URL, where clients are sent. Null for
 * anything else, and for what would be sent to itself.
 */
export function parseRewrite(text: string): Rewrite | null {
  const [, pathname, word, origin = "", target] = REWRITE.exec(text) ?? [];
  if (pathname === undefined) return null;
  if (!isQuick(pathname)) return null;
  const status = readRedirectStatus(word);
  const names = new Set(Array.from(pathname.matchAll(/:([\p{ID_Start}$_][\p{ID_Continue}$]*)/gu), ([, name]) => name));
  const groupCount = pathname.match(/[*(]/g)?.length ?? 0;
  const isName = (name: string) => names.has(name) || (/^\d$/.test(name) && Number(name) < groupCount);
  const template = TargetTemplate.parse(target, isName);
  if (template === null || status === null) return null;
  const redirect = word === undefined && origin === "" ? null : { status, origin };
  try {
    const pattern = new URLPattern({ pathname });
    const isLoop = redirect !== null && origin === "" && !/[{}]/.test(target) &&
      hasPattern(template.fill({}, ""), pattern);
    return isLoop ? null : { pattern, template, redirect };
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function hasPattern({ path }: PathAndQuery, pattern: URLPattern): boolean {
  return pattern.test({ pathname: pathnameOf(path) });
}

/** No group within a group, nothing repeated as a whole, and not more parts of any length than a path of that length bears. */
function isQuick(pathname: string): boolean {
  const groups = pathname.match(/\((?:[^()\\]|\\.)*\)/g) ?? [];
  const rest = pathname.replace(/\((?:[^()\\]|\\.)*\)/g, "");
  if (/[()]/.test(rest) || /\)[*+?]|\}[*+]/.test(pathname)) return false;
  const quantifiers = groups.reduce((count, group) => count + (group.match(/[*+{]/g)?.length ?? 0), 0);
  const wildcards = rest.match(/[*+]/g)?.length ?? 0;
  const names = rest.split("/").reduce(
    (count, segment) => count + Math.max(0, (segment.match(/:/g)?.length ?? 0) - 1),
    0,
  );
  return quantifiers + wildcards + names <= MAX_LONG_PARTS;
}

/** By the first of them whose pattern the decoded path has, slashes in a row being one; null where none has it. */
export function rewrite(path: string, rewrites: readonly Rewrite[]): Rewritten | null {
  // "*" and "" are of the server, and no path.
  if (rewrites.length === 0 || !path.startsWith("/")) return null;
  const pathname = pathnameOf(path);
  if (pathname.length > MAX_REWRITTEN_LENGTH) return null;
  for (const { pattern, template, redirect } of rewrites) {
    const groups = pattern.exec({ pathname })?.pathname.groups;
    if (groups === undefined) continue;
    const values = Object.fromEntries(
      Object.entries(groups).map(([name, value]) => [name, decodePart(value ?? "") ?? ""]),
    );
    return { redirect, address: (query) => template.fill(values, query) };
  }
  return null;
}

/** The answer that sends a client to what its path comes to; null where that is answered here. */
export function sendThere(
  { query }: Pick<PathAndQuery, "query">,
  { redirect, address }: Rewritten,
): HttpResponse | null {
  if (redirect === null) return null;
  const { path, query: own } = address(query);
  // Two slashes in front, which a group may begin with, would lead to another host.
  const location = `${redirect.origin}${encodePath(path).replace(/^\/+/, "/")}${own === "" ? "" : `?${own}`}`;
  return redirectTo(location, redirect.status);
}

/** As a pattern has its literal text: of what encodePath encodes, URLs have these as they are. */
function pathnameOf(path: string): string {
  const single = joinSegments(cutPath(path)) + (path.endsWith("/") ? "/" : "");
  return encodePath(single).replace(/%(?:5B|5D|5E|7C)/g, (escape) => decodeURIComponent(escape));
}
