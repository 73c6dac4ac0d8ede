"""Markdown to safe HTML: CommonMark with tables and strikethrough, then an allow-list.

Two walls: markdown-it-py is told to treat HTML in the text as text and refuses javascript: links,
and bleach then drops every tag, attribute and scheme that is not listed here. Both are slow to
import (100 ms), so the result is stored with the entry and a reader's page loads neither.

Links that begin with `media/` or `entry/` mean this blog, wherever it is mounted: with_root()
completes them when a page is made.
"""

from __future__ import annotations

import html as html_module
import re

from .text import plain_of, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from markdown_it.token import Token

    ImageSize = Callable[[str], "tuple[int, int] | None"]

TEASER_END = "<!--more-->"
SUMMARY_LENGTH = 200
TAGS = ("a blockquote br code em h2 h3 h4 h5 h6 hr img li ol p pre s strong table tbody td th thead tr ul").split()
ATTRIBUTES = {
    "a": ["href", "title"],
    "code": ["class"],
    "img": ["src", "alt", "title", "width", "height", "loading"],
    "ol": ["start"],
    "td": ["class"],
    "th": ["class"],
}
SCHEMES = ["http", "https", "mailto"]


class Rendered:
    """An entry's text as HTML: all of it, the part for lists (empty: all), and a line of plain text."""

    def __init__(self, html: str, teaser: str, summary: str) -> None:
        self.html = html
        self.teaser = teaser
        self.summary = summary


def render(body: str, image_size: ImageSize = lambda name: None) -> Rendered:
    """Render an entry. `image_size` gives width and height of an image of this blog by its name.

    A line `<!--more-->` ends what the lists show.
    """
    lines = body.split("\n")
    marker = next((at for at, line in enumerate(lines) if line.strip() == TEASER_END), None)
    text = "\n".join(line for line in lines if line.strip() != TEASER_END)
    html = to_html(text, image_size)
    teaser = "" if marker is None else to_html("\n".join(lines[:marker]), image_size)
    return Rendered(html, teaser, shorten(plain_of(teaser or html), SUMMARY_LENGTH))


def to_html(text: str, image_size: ImageSize) -> str:
    """Markdown -> sanitised HTML."""
    import urllib.request  # noqa: F401  bleach 6 uses urllib.response and counts on others to have loaded it

    import bleach
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "typographer": True})
    parser.enable(["table", "strikethrough", "smartquotes"])
    tokens = parser.parse(text)
    adapt(tokens, image_size)
    html = parser.renderer.render(tokens, parser.options, {})
    cleaner = bleach.Cleaner(tags=TAGS, attributes=ATTRIBUTES, protocols=SCHEMES, strip=True)
    safe: str = cleaner.clean(html)
    # What scrolls sideways must be reachable by keyboard. `<` in text is `&lt;` by now, so that
    # these replacements meet tags alone.
    safe = safe.replace("<pre>", '<pre tabindex="0">')
    safe = safe.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>")
    return safe.strip()


def adapt(tokens: list[Token], image_size: ImageSize) -> None:
    """Headings one level down (the title is h1), cell alignment as a class, sizes of own images."""
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        elif token.type in ("td_open", "th_open") and token.attrGet("style"):
            token.attrs["class"] = str(token.attrs.pop("style")).rsplit(":", 1)[-1]
        elif token.type == "image":
            token.attrs["loading"] = "lazy"
            name = re.fullmatch(r"media/([0-9a-f]+\.[a-z]+)", str(token.attrGet("src")))
            size = image_size(name[1]) if name else None
            if size:
                token.attrs["width"], token.attrs["height"] = size
        adapt(token.children or [], image_size)


def with_root(html: str, root: str) -> str:
    """Complete the links to this blog: `root` is where it is mounted ("" or "/cgi"), or its full address."""
    root = html_module.escape(root, quote=True)
    for prefix in ("media/", "entry/"):
        html = html.replace(f'<img src="{prefix}', f'<img src="{root}/{prefix}')
        html = html.replace(f'<a href="{prefix}', f'<a href="{root}/{prefix}')
    return html
