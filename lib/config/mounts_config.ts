/**
 * What is mounted below prefixes of its own, beside the root and the program of --cgi: folders of files, and programs. Separate
 * from config.ts because one table of prefixes is made of all of them. Pure.
 */
import { parsePrefix, type PathPrefix } from "../http/path_prefix.ts";
import { joinSegments } from "../http/located.ts";
import type { Given } from "../start_error.ts";
import type { Settings, ValueContext } from "./settings.ts";

/** A folder or a program, and what the paths begin with that lead there. */
export interface Mount {
  readonly prefix: PathPrefix;
  readonly path: Given;
}

export interface MountsConfig {
  /** Folders of files. */
  readonly aliases: readonly Mount[];
  /** Programs, and folders of programs. */
  readonly scriptAliases: readonly Mount[];
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

/** Null where it is no path of URIs: two slashes in a row are a mistake, and what begins a query or an escape is no part of one. */
export function parseUriPrefix(text: string): PathPrefix | null {
  return /\/\/|[?#%]/.test(text) ? null : parsePrefix(text);
}
