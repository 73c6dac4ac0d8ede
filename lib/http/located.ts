/**
 * A decoded path cut at its slashes, once, for all who have to agree on where it leads: access rules, programs and files.
 * Slashes in a row are one, as they are for the file system. Pure. RFC 3986 3.3.
 */

/** A path as the place that answers it sees it. */
export interface Located {
  /** The part of the path that leads to the place: "" where the place has everything, else "/a/b". */
  readonly mount: string;
  /** What follows it, with its slashes as they were sent: "" or "/...". RFC 3875 4.1.5: PATH_INFO. */
  readonly rest: string;
  /** The same cut at its slashes; none is empty, "." or "..". */
  readonly segments: readonly string[];
  /** The same with single slashes, as a file is called below its root: "", or "/..."; a slash at the end stays. */
  readonly path: string;
}

/** What a path that ends with a slash leads to, where that is there and nothing else is configured. */
export const INDEX_NAME = "index.html";

/** The segments of a decoded path; none is empty. */
export function cutPath(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/** The path of `cutPath(path)` as the place sees it that its first `mountCount` segments lead to. */
export function locate(path: string, segments = cutPath(path), mountCount = 0): Located {
  const below = segments.slice(mountCount);
  const slash = path.endsWith("/") ? "/" : "";
  return {
    mount: joinSegments(segments.slice(0, mountCount)),
    rest: restAfter(path, mountCount),
    segments: below,
    path: joinSegments(below) + slash,
  };
}

/** "/a/b"; "" for no segment. */
export function joinSegments(segments: readonly string[]): string {
  return segments.map((segment) => `/${segment}`).join("");
}

/** What follows the first `count` segments of a path, as it was sent. */
export function restAfter(path: string, count: number): string {
  let at = 0;
  for (let rest = count; rest > 0; rest--) {
    while (path[at] === "/") at++;
    const slash = path.indexOf("/", at);
    at = slash < 0 ? path.length : slash;
  }
  return path.slice(at);
}

/** Whether a segment begins with a dot. RFC 8615 3: what is below "/.well-known/" is meant for everybody. */
export function isHidden({ mount, segments }: Pick<Located, "mount" | "segments">): boolean {
  const isWellKnown = mount === "" && segments[0] === ".well-known";
  return segments.some((segment, at) => segment.startsWith(".") && !(isWellKnown && at === 0));
}
