/**
 * The page that shows what is in a folder. Pure, and separate because names are hostile: they come from whoever may
 * write there, and go into HTML and into links. RFC 3986 2.1 and 3.3, HTML 13.
 */
import { escapeHtml, HOME_LINK, PAGE_END, pageStart } from "../html_page.ts";
import { sortInParts, type WorkPace } from "./sort_in_parts.ts";

export interface ListedEntry {
  /** A single name, decoded. */
  readonly name: string;
  /** Bytes of a file; null for a folder. */
  readonly size: number | null;
  /** ms since 1970; null where the time says nothing. */
  readonly mtimeMs: number | null;
}

export interface ListingOptions {
  /** Path of the folder as the client named it: decoded, begins and ends with a slash. */
  readonly path: string;
  /** The folder holds more than `entries`. */
  readonly isCut: boolean;
  /** Longest page: it is cut where it would become longer, about, for it is not counted to the byte. */
  readonly maxBytes: number;
  readonly pace: WorkPace;
}

/** Characters after which a part is told. */
const PART_LENGTH = 65_536;
/** UTF-8 takes no more for a unit of text. */
const MOST_BYTES_A_UNIT = 3;

/** The entries as a listing has them: folders first, then by name, numbers in names by their value. */
export function sortEntries(entries: readonly ListedEntry[], pace: WorkPace): Promise<readonly ListedEntry[]> {
  return sortInParts(entries, compareEntries, pace);
}

/** An HTML page without scripts in UTF-8, some 64 KiB at a time, with the entries in their order. */
export async function* directoryListing(
  entries: readonly ListedEntry[],
  { path, isCut, maxBytes, pace }: ListingOptions,
): AsyncGenerator<Uint8Array> {
  let text = pageBegin(path);
  let bytes = 0;
  let shown = 0;
  while (shown < entries.length) {
    let rows = "";
    let count = shown;
    while (count < entries.length && rows.length < PART_LENGTH) {
      if (pace.isDue()) await pace.pause();
      rows += row(entries[count++]);
    }
    if (bytes + MOST_BYTES_A_UNIT * (text.length + rows.length) > maxBytes) break;
    text += rows;
    shown = count;
    if (text.length < PART_LENGTH) continue;
    const part = new TextEncoder().encode(text);
    bytes += part.length;
    text = "";
    yield part;
  }
  yield new TextEncoder().encode(text + pageEnd(isCut || shown < entries.length ? shown : null));
}

function pageBegin(path: string): string {
  const isTop = path === "/";
  const title = `Index of ${path}`;
  const home = isTop ? "" : `<nav>${HOME_LINK}</nav>\n`;
  const parent = isTop ? "" : row({ name: "..", size: null, mtimeMs: null });
  return `${pageStart({ title, style: STYLE })}${home}<main>
<h1>${escapeHtml(title)}</h1>
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Size</th><th scope="col">Last changed (UTC)</th></tr></thead>
<tbody>
${parent}`;
}

/** `shown`: how many of more entries the page has; null when it has all. */
function pageEnd(shown: number | null): string {
  const note = shown === null ? "" : `<p>Only the first ${shown} entries are shown.</p>\n`;
  return `</tbody>
</table>
${note}</main>
${PAGE_END}`;
}

/** On a phone each row has two lines: the name, and below it date and size. */
const STYLE = `h1{font-size:1.5rem;line-height:1.3}
table{border-collapse:collapse;width:100%}
tr{border-bottom:1px solid var(--line)}
th,td{padding:.45rem 0;text-align:left;vertical-align:baseline}
th,td+td{color:var(--quiet);font-size:.95rem}
th:first-child,td:first-child{width:100%;overflow-wrap:anywhere}
th+th,td+td{padding-left:1.5rem;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td a{display:block;text-decoration:none}
td a:hover,td a:focus-visible{text-decoration:underline}
@media (max-width:35rem){
tr{display:grid;grid-template-columns:1fr auto;padding:.4rem 0}
th,td{padding:0}
th:first-child,td:first-child{grid-column:1/3}
th:nth-child(3),td:nth-child(3){grid-area:2/1;padding:0;text-align:left}
}
`;

function row(entry: { readonly name: string; readonly size: number | null; readonly mtimeMs: number | null }): string {
  const slash = entry.size === null ? "/" : "";
  const label = entry.name === ".." ? "Parent folder" : escapeHtml(entry.name + slash);
  const date = entry.mtimeMs === null ? "" : formatDate(entry.mtimeMs);
  return `<tr><td><a href="${escapeHtml(linkTo(entry.name) + slash)}">${label}</a></td>` +
    `<td>${entry.size === null ? "" : formatSize(entry.size)}</td><td>${date}</td></tr>\n`;
}

/**
 * RFC 3986 4.2: a relative reference whose first segment holds a colon would be read as a scheme; every byte that is not
 * unreserved is escaped, so there is none.
 */
function linkTo(name: string): string {
  // A lone surrogate, which no file name has that came as UTF-8, would make encodeURIComponent throw.
  return encodeURIComponent(name.toWellFormed());
}

function compareEntries(a: ListedEntry, b: ListedEntry): number {
  if ((a.size === null) !== (b.size === null)) return a.size === null ? -1 : 1;
  nameOrder ??= new Intl.Collator("en", { numeric: true });
  return nameOrder.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
}

/** Made for the first listing: it takes 7 ms, which would be a tenth of the server's start. */
let nameOrder: Intl.Collator | undefined;

/** `2026-01-31 23:59`; "" for a date that no calendar has. */
function formatDate(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().replace("T", " ").slice(0, -8);
}

/** Three digits and a unit: `999 B`, `1.2 KiB`, `34 MiB`. */
function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let size = bytes;
  let unit = -1;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size < 9.95 ? size.toFixed(1) : size.toFixed(0)} ${UNITS[unit]}`;
}

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];
