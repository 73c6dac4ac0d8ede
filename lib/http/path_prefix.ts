/**
 * Paths below a prefix, as the options for parts of the site name them. Separate because every rule that guards a part of
 * the site must agree with the file system on which paths lead there. Pure.
 */
import { cutPath } from "./located.ts";

/** A part of the site; made by `parsePrefix`. */
export interface PathPrefix {
  /** Segments between slashes, decoded, none of them empty. */
  readonly segments: readonly string[];
}

/** "/private" and "/private/" are the same part; null for what no decoded path can begin with. */
export function parsePrefix(text: string): PathPrefix | null {
  if (!text.startsWith("/") || text.includes("\0")) return null;
  const segments = cutPath(text);
  return segments.some((segment) => segment === "." || segment === "..") ? null : { segments };
}

/**
 * Whether a decoded path names the part or something in it. Empty segments do not count: `//private` is the same file as
 * `/private`. Neither does the rest of a name: `/privates` is outside.
 */
export function isBelow(path: string, { segments }: PathPrefix): boolean {
  const inPath = cutPath(path);
  return segments.every((segment, at) => inPath[at] === segment);
}
