/**
 * The page that shows what is in a folder. Pure, and separate because names are hostile: they come from whoever may
 * write there, and go into HTML and into links. RFC 3986 2.1 and 3.3, HTML 4.8.5, 4.9 and 13.
 */
import { escapeHtml, HOME_LINK, PAGE_END, pageStart } from "../html_page.ts";
import { type Column, COLUMNS, type ListingOrder, orderQuery } from "./listing_form.ts";
import type { ListingText } from "./listing_parts.ts";
import type { ListedEntry } from "./sort_entries.ts";

export interface DirectoryOptions {
  /** Path of the folder as the client named it: decoded, begins and ends with a slash. */
  readonly path: string;
  /** That of the entries. */
  readonly order: ListingOrder;
  /** What is shown below the entries; null: nothing. */
  readonly readme: Readme | null;
}

/** A file of the folder that tells what is in it. */
export interface Readme {
  readonly name: string;
  /** Null: it is a page, which the browser asks for itself. */
  readonly text: string | null;
  /** The text is the beginning of the file alone. */
  readonly isCut: boolean;
}

/** An HTML page without scripts. */
export function directoryListing({ path, order, readme }: DirectoryOptions): ListingText {
  return {
    begin: pageBegin(path, order),
    row,
    end: (shown) => pageEnd(shown, readme),
  };
}

function pageBegin(path: string, order: ListingOrder): string {
  const isTop = path === "/";
  const title = `Index of ${path}`;
  const home = isTop ? "" : `<nav>${HOME_LINK}</nav>\n`;
  const parent = isTop ? "" : row({ name: "..", size: null, mtimeMs: null });
  const heads = COLUMNS.map((column) => columnHead(column, order)).join("");
  return `${pageStart({ title, style: STYLE })}${home}<main>
<h1>${escapeHtml(title)}</h1>
<table>
<thead><tr>${heads}</tr></thead>
<tbody>
${parent}`;
}

const HEADS: { readonly [column in Column]: string } = {
  name: "Name",
  size: "Size",
  time: "Last changed (UTC)",
};

/** Its link turns the order of the column round, or puts the entries in the order of another one. */
function columnHead(column: Column, order: ListingOrder): string {
  const isCurrent = column === order.column;
  // What is largest and what is newest is looked for first.
  const isDescending = isCurrent ? !order.isDescending : column !== "name";
  const sorted = order.isDescending ? "descending" : "ascending";
  const arrow = isCurrent ? `<span aria-hidden="true"> ${order.isDescending ? "\u2193" : "\u2191"}</span>` : "";
  return `<th scope="col"${isCurrent ? ` aria-sort="${sorted}"` : ""}>` +
    `<a href="${escapeHtml(orderQuery({ column, isDescending }))}">${HEADS[column]}${arrow}</a></th>`;
}

/** `shown`: how many of more entries the page has; null when it has all. */
function pageEnd(shown: number | null, readme: Readme | null): string {
  const note = shown === null ? "" : `<p>Only the first ${shown} entries are shown.</p>\n`;
  return `</tbody>
</table>
${note}${readme === null ? "" : readmePart(readme)}</main>
${PAGE_END}`;
}

/**
 * A page stands in a frame, so that it can neither break this one nor run scripts in it, and whoever may not have it does not
 * get it here. HTML drops the line end that follows <pre>.
 */
function readmePart({ name, text, isCut }: Readme): string {
  const [href, label] = [linkTo(name), escapeHtml(name)];
  const content = text === null
    ? `<iframe src="${escapeHtml(href)}" title="${label}" sandbox="${FRAME_MAY}"></iframe>\n`
    : `<pre>\n${escapeHtml(text)}</pre>\n`;
  const rest = isCut ? `<p><a href="${escapeHtml(href)}">All of ${label}</a></p>\n` : "";
  return `<h2><a href="${escapeHtml(href)}">${label}</a></h2>\n${content}${rest}`;
}

/** Links that download a file or open a new tab work there as everywhere. */
const FRAME_MAY = "allow-downloads allow-popups allow-popups-to-escape-sandbox";

/** On a phone each row has two lines: the name, and below it date and size. */
const STYLE = `h1{font-size:1.5rem;line-height:1.3}
table{border-collapse:collapse;width:100%}
tr{border-bottom:1px solid var(--line)}
th,td{padding:.45rem 0;text-align:left;vertical-align:baseline}
th,td+td{color:var(--quiet);font-size:.95rem}
th:first-child,td:first-child{width:100%;overflow-wrap:anywhere}
th+th,td+td{padding-left:1.5rem;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td a{display:block;text-decoration:none}
th a{display:inline-block;text-decoration:none;white-space:nowrap}
th a:hover,th a:focus-visible,td a:hover,td a:focus-visible{text-decoration:underline}
h2{margin:2.5rem 0 .75rem;font-size:1.25rem;line-height:1.3;overflow-wrap:anywhere}
pre{margin:0;padding:1rem;background:var(--panel);font-size:.9rem;line-height:1.5;white-space:pre-wrap;
overflow-wrap:anywhere;tab-size:4}
iframe{width:100%;height:24rem;max-height:70vh;border:1px solid var(--line)}
@media (max-width:35rem){
tr{display:grid;grid-template-columns:1fr auto;padding:.4rem 0}
th,td{padding:0}
th:first-child,td:first-child{grid-column:1/3}
th:nth-child(3),td:nth-child(3){grid-area:2/1;padding:0;text-align:left}
}
`;

function row(entry: ListedEntry): string {
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
