/** A listing for programs: an object of RFC 8259, one entry a line. Pure. */
import type { ListingText } from "./listing_parts.ts";

/** `path` is that of the folder as the client named it, decoded. */
export function listingJson(path: string): ListingText {
  return {
    begin: `{"path":${JSON.stringify(path)},"entries":[`,
    row: ({ name, size, mtimeMs }, at) => {
      const type = size === null ? "folder" : "file";
      const modified = mtimeMs === null ? null : formatTime(mtimeMs);
      return `${at === 0 ? "\n" : ",\n"}${JSON.stringify({ name, type, size, modified })}`;
    },
    end: (shown) => `\n],"cut":${shown !== null}}\n`,
  };
}

/** `2026-01-31T23:59:58Z` (RFC 3339); null for a date that no calendar has. */
function formatTime(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(/\.\d+Z$/, "Z");
}
