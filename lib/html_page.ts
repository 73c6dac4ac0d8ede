/**
 * What every page has that the server makes itself: head, style, the way home, escaping. Such pages load nothing but the
 * readme that a listing may have, so that they look the same wherever they stand and whatever the site lacks; their style is
 * that of the sample site, a part of www/style.css word for word, which tests/look_test.ts compares. Separate because folder
 * listings and error pages, which never meet, both begin here. Pure. HTML 4.2, 13.
 */

export interface PageStart {
  /** Plain text. */
  readonly title: string;
  /** Rules of this page alone, which follow `PAGE_STYLE`. */
  readonly style: string;
}

/** A document up to the beginning of its body; the caller adds the content and `PAGE_END`. */
export function pageStart({ title, style }: PageStart): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
${NO_ICON}
<style>
${PAGE_STYLE}${style}</style>
</head>
<body>
`;
}

/** Without it browsers would ask for /favicon.ico, and where there is none an error page would lead to the next error. */
const NO_ICON = '<link rel="icon" href="data:,">';

/** Closes what `pageStart()` has opened. */
export const PAGE_END = "</body>\n</html>\n";

/** The link to the front page of the site, in the words that all pages have for it. */
export const HOME_LINK = '<a href="/">Home</a>';

/** The rules that all pages share: colours in light and dark, type, measure, links, focus. */
export const PAGE_STYLE = `:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1d2126;--quiet:#565d66;
--line:#d9dcd6;--accent:#0b6158;--panel:#f1f3ee}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e4e6e3;--quiet:#a2a9b0;
--line:#31373d;--accent:#6fd0bf;--panel:#1c2125}}
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:46rem;padding:1.5rem 1.25rem 3rem;background:var(--paper);color:var(--ink);
font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:break-word}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:2px}
nav a{display:inline-block;padding:.4rem 0}
main{margin-top:2.5rem}
h1{margin:0 0 .75rem;font-size:clamp(1.75rem,1.2rem + 2.6vw,2.5rem);line-height:1.15;
letter-spacing:-.015em;text-wrap:balance}
`;

/** Text for element content and for attributes in double quotes. HTML 13.1.2.3, 13.1.2.4. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
