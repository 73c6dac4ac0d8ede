/** Entity tags, which say whether two representations are the same: byte by byte, or as good as. Pure. RFC 9110 8.8.3. */

/** One element of a list of entity tags, with the comma before it. RFC 9110 8.8.3: etagc = %x21 / %x23-7E / obs-text. */
const LISTED_TAG = /[ \t]*(?:,[ \t]*)*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/y;

/** Whether the value of If-Match or If-None-Match names the tag of what there is. */
export function listsTag(list: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (list === etag) return isSameTag(list, etag, comparison);
  // RFC 9110 13.1.1, 13.1.2: "*" matches any current representation, and there is one.
  if (list === "*") return true;
  LISTED_TAG.lastIndex = 0;
  for (let match = LISTED_TAG.exec(list); match !== null; match = LISTED_TAG.exec(list)) {
    if (isSameTag(match[1], etag, comparison)) return true;
  }
  return false;
}

/** RFC 9110 8.8.3.2. */
export function isSameTag(a: string, b: string, comparison: "strong" | "weak"): boolean {
  if (comparison === "strong") return a === b && !a.startsWith("W/");
  return opaqueTag(a) === opaqueTag(b);
}

function opaqueTag(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}
