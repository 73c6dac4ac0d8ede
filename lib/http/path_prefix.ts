/**
 * A path prefix, as the options for parts of the site name it. Separate because every rule that guards a part of the site must
 * agree with the file system on which paths lead there: both are about whole segments. Pure.
 */
import { cutPath } from "./located.ts";

/** A part of the site; made by `parsePrefix`. */
export interface PathPrefix {
  /** Segments between slashes, decoded, none of them empty. */
  readonly segments: readonly string[];
}

/** That of all paths. */
export const ALL_PATHS: PathPrefix = { segments: [] };

/** "/private" and "/private/" are the same part; null for what no decoded path can begin with. */
export function parsePrefix(text: string): PathPrefix | null {
  if (!text.startsWith("/") || text.includes("\0")) return null;
  const segments = cutPath(text);
  return segments.some((segment) => segment === "." || segment === "..") ? null : { segments };
}
