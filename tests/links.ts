/** Follows the links of a site as a reader could, for the tests of what the scripts serve. */

export interface FoundLinks {
  /** The path and query of every address that was asked for, sorted. */
  readonly paths: readonly string[];
  /** What did not answer 200, and where it was linked: `404 /missing, linked from /`. */
  readonly broken: readonly string[];
}

/** More than any site has that is meant to be followed to its end. */
const MAX_COUNT = 500;

/**
 * Asks for the front page below `origin` (without a slash at the end) and for all that its pages link to or load within the
 * site, each address once. Throws Error where there is no end to it.
 */
export async function followLinks(origin: string): Promise<FoundLinks> {
  const linkedFrom = new Map([["/", "nowhere"]]);
  const broken: string[] = [];
  for (const [path, from] of linkedFrom) {
    const response = await fetch(origin + path);
    const text = await response.text();
    if (response.status !== 200) broken.push(`${response.status} ${path}, linked from ${from}`);
    if (!response.headers.get("content-type")?.startsWith("text/html")) continue;
    for (const link of linksOf(text, response.url).filter((link) => !linkedFrom.has(link))) linkedFrom.set(link, path);
    if (linkedFrom.size > MAX_COUNT) {
      throw new Error(`More than ${MAX_COUNT} addresses: ${[...linkedFrom.keys()].at(-1)}`);
    }
  }
  return { paths: [...linkedFrom.keys()].sort(), broken };
}

/** What a page at `url` links to and loads from its own site: path and query. */
function linksOf(page: string, url: string): readonly string[] {
  return [...page.matchAll(/<(?!form\b)[^>]*?\b(?:href|src|srcset)="([^"]*)"/g)]
    .map(([, link]) => new URL(link.replaceAll(/&(?:amp|#38);/g, "&"), url))
    .filter(({ origin }) => origin === new URL(url).origin)
    .map(({ pathname, search }) => pathname + search);
}
