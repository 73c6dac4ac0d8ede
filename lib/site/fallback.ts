/**
 * What answers for a path that leads to neither a file nor a folder: another path of the site, as front controllers and
 * applications with routes in the browser need it. Pure; the router asks when nothing is there.
 */
import { restAfter } from "../http/located.ts";
import type { PathAndQuery } from "../http/message.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { TargetTemplate } from "./target_template.ts";

export interface Fallback {
  /** Where it was said: `{path}` is what follows. */
  readonly prefix: PathPrefix;
  readonly template: TargetTemplate;
}

/** Reads `/index.php` or `/doku.php?id={path}`; null for what is no path of the site. */
export function parseFallback(text: string, prefix: PathPrefix): Fallback | null {
  const template = TargetTemplate.parse(text, (name) => name === "path");
  return template === null ? null : { prefix, template };
}

/** The path in place of that one, and its query. */
export function fallBack({ path, query }: PathAndQuery, { prefix, template }: Fallback): PathAndQuery {
  return template.fill({ path: restAfter(path, prefix.segments.length).replace(/^\/+/, "") }, query);
}
