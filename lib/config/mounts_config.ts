/**
 * What is mounted below prefixes of its own, beside the root and the program of --cgi: folders of files, and programs. Separate
 * from config.ts because one table of prefixes is made of all of them. Pure.
 */
import { parsePrefix, type PathPrefix } from "../http/path_prefix.ts";
import { cutPath, joinSegments } from "../http/located.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { parseRedirect, type Redirect } from "../site/redirect.ts";
import type { Given } from "../start_error.ts";
import type { Settings, ValueContext } from "./settings.ts";

/** A folder or a program, and what the paths begin with that lead there. */
export interface Mount {
  readonly prefix: PathPrefix;
  readonly path: Given;
}

/** What has moved. */
export interface RedirectMount {
  readonly prefix: PathPrefix;
  readonly redirect: Redirect;
}

export interface MountsConfig {
  /** Folders of files. */
  readonly aliases: readonly Mount[];
  /** Programs, and folders of programs. */
  readonly scriptAliases: readonly Mount[];
  readonly redirects: readonly RedirectMount[];
}

/** `others` are the prefixes that are taken. Throws UsageError, also for a prefix that is given twice. */
export function readMounts(settings: Settings, others: readonly PathPrefix[]): MountsConfig {
  const taken = new Set(others.map(({ segments }) => joinSegments(segments)));
  const each = (name: "alias" | "script-alias", what: string) =>
    settings.each(name, {
      parse: (text, context) => parseMount(text, context, taken),
      problem: "not a prefix that is free, and a path",
      remedy: `give one such as ${what}`,
    });
  return {
    aliases: each("alias", "/icons=/usr/share/icons; a prefix stands once, and / is --root"),
    scriptAliases: each("script-alias", "/cgi-bin=/usr/lib/cgi-bin; a prefix stands once"),
    redirects: settings.each("redirect", {
      parse: (text) => parseRedirectMount(text, taken),
      problem: "not a prefix that is free, and where it has moved",
      remedy:
        'give one such as "/old=/new" or "/old=308 https://example.org/new"; a prefix stands once, and leads elsewhere',
    }),
  };
}

function parseMount(text: string, { argument, resolvePath }: ValueContext, taken: Set<string>): Mount | null {
  const [, prefixText, pathText] = /^(\/[^=]*)=(.+)$/s.exec(text) ?? [];
  if (prefixText === undefined) return null;
  const [prefix, value] = [parseUriPrefix(prefixText), resolvePath(pathText)];
  if (prefix === null || value === null || taken.has(joinSegments(prefix.segments))) return null;
  taken.add(joinSegments(prefix.segments));
  return { prefix, path: { argument, value } };
}

function parseRedirectMount(text: string, taken: Set<string>): RedirectMount | null {
  const [, prefixText, target] = /^(\/[^=]*)=(.+)$/s.exec(text) ?? [];
  const prefix = prefixText === undefined ? null : parseUriPrefix(prefixText);
  const redirect = prefix === null ? null : parseRedirect(target);
  if (prefix === null || redirect === null || taken.has(joinSegments(prefix.segments))) return null;
  // What it leads to would be led there again.
  const isLoop = redirect.base.startsWith("/") &&
    new PrefixTree([{ ...prefix, value: true }]).nearest(cutPath(redirect.base)) !== null;
  if (isLoop) return null;
  taken.add(joinSegments(prefix.segments));
  return { prefix, redirect };
}

/** Null where it is no path of URIs: two slashes in a row are a mistake, and what begins a query or an escape is no part of one. */
export function parseUriPrefix(text: string): PathPrefix | null {
  return /\/\/|[?#%]/.test(text) ? null : parsePrefix(text);
}
