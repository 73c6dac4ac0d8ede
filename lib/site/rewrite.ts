/**
 * Another path, and another query, in place of those that a client asks for, by patterns of URLs. Decided by the path alone and
 * before anything is looked up, so a table of paths may keep the result. Pure. https://urlpattern.spec.whatwg.org
 */
import { cutPath, joinSegments } from "../http/located.ts";
import type { PathAndQuery } from "../http/message.ts";
import { decodePart, encodePath } from "../http/target.ts";
import { TargetTemplate } from "./target_template.ts";

/** Beyond that a site is a program by another name. */
export const MAX_REWRITE_COUNT = 10;

/** Paths of that pattern are answered as the template has it. */
export interface Rewrite {
  readonly pattern: URLPattern;
  readonly template: TargetTemplate;
}

/** What a request for a path comes to, given its query. */
export type Rewritten = (query: string) => PathAndQuery;

/**
 * Reads `/wiki/:page=/wiki/doku.php?id={page}`: a pattern of decoded paths, and a path of the site with groups of the pattern in
 * braces, those without a name by their number from 0. Null for anything else.
 */
export function parseRewrite(text: string): Rewrite | null {
  const [, pathname, target] = /^(\/[^=%#]*)=(\/.*)$/s.exec(text) ?? [];
  if (pathname === undefined) return null;
  const names = new Set(Array.from(pathname.matchAll(/:([\p{ID_Start}$_][\p{ID_Continue}$]*)/gu), ([, name]) => name));
  const groupCount = pathname.match(/[*(]/g)?.length ?? 0;
  const isName = (name: string) => names.has(name) || (/^\d$/.test(name) && Number(name) < groupCount);
  const template = TargetTemplate.parse(target, isName);
  if (template === null) return null;
  try {
    return { pattern: new URLPattern({ pathname }), template };
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** By the first of them whose pattern the decoded path has, slashes in a row being one; null where none has it. */
export function rewrite(path: string, rewrites: readonly Rewrite[]): Rewritten | null {
  // "*" and "" are of the server, and no path.
  if (rewrites.length === 0 || !path.startsWith("/")) return null;
  const pathname = encodeForPattern(joinSegments(cutPath(path)) + (path.endsWith("/") ? "/" : ""));
  for (const { pattern, template } of rewrites) {
    const groups = pattern.exec({ pathname })?.pathname.groups;
    if (groups === undefined) continue;
    const values = Object.fromEntries(
      Object.entries(groups).map(([name, value]) => [name, decodePart(value ?? "") ?? ""]),
    );
    return (query) => template.fill(values, query);
  }
  return null;
}

/** As a pattern has its literal text: of what encodePath encodes, URLs have these as they are. */
function encodeForPattern(path: string): string {
  return encodePath(path).replace(/%(?:5B|5D|5E|7C)/g, (escape) => decodeURIComponent(escape));
}
