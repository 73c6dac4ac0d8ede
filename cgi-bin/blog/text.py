"""Plain text: cleaning what a form sends, slugs, tags, the words of the search, excerpts."""

from __future__ import annotations

import html
import re
import unicodedata

# Not allowed in XML 1.0 (2.2), so not in a feed either; NUL is refused by PostgreSQL as well.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
WORD = re.compile(r"[^\W_]+")
MAX_SLUG_LENGTH = 80
MAX_TAGS = 20
MAX_TAG_LENGTH = 40
MAX_QUERY_WORDS = 12


def clean(text: str) -> str:
    """Text as it is stored: line feeds alone, no control characters, composed (NFC), no blank ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", FORBIDDEN.sub("", text)).strip()


def clean_line(text: str) -> str:
    """The same, with every run of blanks and line ends made one space."""
    return " ".join(clean(text).split())


def fold(text: str) -> str:
    """Lower case without accents: what two texts share when a reader would call them the same."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def words_of(text: str) -> list[str]:
    """The folded words of a text, in order. Both databases index and search exactly these."""
    return [word[:100] for word in WORD.findall(fold(text))]


def slug_of(title: str) -> str:
    """`Crème brûlée, again!` -> `creme-brulee-again`; never empty. Letters of any script stay."""
    slug = ""
    for word in words_of(title):
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > MAX_SLUG_LENGTH:
            break
        slug = longer
    return slug or "entry"


def tags_of(line: str) -> list[str]:
    """The tags of a form field: separated by commas, folded to lower case, each once, in order."""
    tags: list[str] = []
    for part in line.split(","):
        tag = clean_line(part.replace("/", " ").replace("#", " ")).lower()[:MAX_TAG_LENGTH].strip()
        if tag and tag not in tags:
            tags.append(tag)
    return tags[:MAX_TAGS]


def plain_of(markup: str) -> str:
    """The text of sanitised HTML, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", markup)).split())


def shorten(text: str, length: int) -> str:
    """At most about `length` characters of a line, cut between words."""
    if len(text) <= length:
        return text
    return text[: length + 1].rsplit(" ", 1)[0][:length].rstrip(",;:.") + " …"


def excerpt(text: str, wanted: list[str], length: int = 240) -> list[tuple[str, bool]]:
    """The part of a line of text around the first wanted word: pieces, and whether each was found.

    The last of the wanted words matches the beginning of a word, as the search itself does.
    """
    hits = [match.span() for match in WORD.finditer(text) if is_wanted(fold(match.group()), wanted)]
    start = max(0, hits[0][0] - length // 4) if hits else 0
    if start:
        start = text.rfind(" ", 0, start) + 1
    end = len(text) if len(text) - start <= length else text.rfind(" ", start, start + length + 1)
    if end <= start:
        end = start + length
    pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
    position = start
    for first, last in hits:
        if position <= first and last <= end:
            pieces += [(text[position:first], False), (text[first:last], True)]
            position = last
    pieces.append((text[position:end] + (" …" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece[0]]


def is_wanted(word: str, wanted: list[str]) -> bool:
    """Does a folded word of a text answer one of the words of a search?"""
    return word in wanted or bool(wanted and word.startswith(wanted[-1]))
