"""The entries: writing, listing, finding. A draft is an entry that was not published yet."""

from __future__ import annotations

import time

from .text import MAX_QUERY_WORDS, slug_of, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .database import Database, Row
    from .markdown_text import Rendered

MAX_TITLE_LENGTH = 200
MAX_BODY_LENGTH = 200_000
MAX_POSITION = 16_383  # PostgreSQL: the last position that a tsvector tells apart

LISTED = (
    "entries.id, slug, entries.title, html, teaser, summary, takes_comments, published_at, changed_at,"
    " (SELECT count(*) FROM comments WHERE entry_id = entries.id AND is_approved = 1) AS comment_count"
)


class Conflict(Exception):
    """The entry was changed by somebody else since its form was opened."""


class Draft:
    """What the editor sends: the fields of an entry that its author sets."""

    def __init__(self, title: str, body: str, tags: list[str], takes_comments: bool, is_published: bool) -> None:
        self.title = title
        self.body = body
        self.tags = tags
        self.takes_comments = takes_comments
        self.is_published = is_published


class Page:
    """One page of a list: its rows, its number (from 1) and the number of pages (at least 1)."""

    def __init__(self, rows: list[Row], number: int, count: int) -> None:
        self.rows = rows
        self.number = number
        self.count = count


def month_of(seconds: int) -> str:
    """`2026-11` in the server's time zone."""
    return time.strftime("%Y-%m", time.localtime(seconds))


def add_entry(database: Database, draft: Draft, rendered: Rendered, at: int | None = None) -> int:
    """Store a new entry, of now or of another time, under a slug of its own; returns its id."""
    now = int(time.time()) if at is None else at
    with database.transaction():
        entry_id = None
        while entry_id is None:
            entry_id = database.value(
                "INSERT INTO entries (slug, title, body, html, teaser, summary, is_published, takes_comments,"
                " created_at, changed_at, published_at, month)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slug) DO NOTHING RETURNING id",
                free_slug(database, draft.title),
                draft.title,
                draft.body,
                rendered.html,
                rendered.teaser,
                rendered.summary,
                int(draft.is_published),
                int(draft.takes_comments),
                now,
                now,
                now if draft.is_published else None,
                month_of(now) if draft.is_published else None,
            )
        store_words(database, entry_id, draft)
    return int(entry_id)


def change_entry(database: Database, entry_id: int, revision: int, draft: Draft, rendered: Rendered) -> None:
    """Store a changed entry. Once published, an entry keeps its slug and its date for good.

    Raises Conflict when its revision is no longer the given one, and KeyError when it is gone.
    """
    now = int(time.time())
    try:
        with database.transaction():
            # The row stays locked to the end: of two writers the second one finds a newer revision.
            database.run("UPDATE entries SET revision = revision WHERE id = ?", entry_id)
            old = database.one("SELECT slug, title, published_at, revision FROM entries WHERE id = ?", entry_id)
            if old is None:
                raise KeyError(entry_id)
            if old["revision"] != revision:
                raise Conflict
            slug, published_at = old["slug"], old["published_at"]
            if published_at is None:
                if old["title"] != draft.title:
                    slug = free_slug(database, draft.title)
                published_at = now if draft.is_published else None
            database.run(
                "UPDATE entries SET slug = ?, title = ?, body = ?, html = ?, teaser = ?, summary = ?,"
                " is_published = ?, takes_comments = ?, revision = revision + 1, changed_at = ?,"
                " published_at = ?, month = ? WHERE id = ?",
                slug,
                draft.title,
                draft.body,
                rendered.html,
                rendered.teaser,
                rendered.summary,
                int(draft.is_published),
                int(draft.takes_comments),
                now,
                published_at,
                month_of(published_at) if published_at is not None else None,
                entry_id,
            )
            store_words(database, entry_id, draft)
    except database.integrity_error as error:  # another writer took the same new slug meanwhile
        raise Conflict from error


def delete_entry(database: Database, entry_id: int) -> bool:
    """Delete an entry with its comments; False where there was none."""
    with database.transaction():
        if not database.is_postgresql:
            database.run("DELETE FROM entry_words WHERE rowid = ?", entry_id)
        return database.run("DELETE FROM entries WHERE id = ?", entry_id) == 1


def free_slug(database: Database, title: str) -> str:
    """A slug that no entry has: the title's own, or with the next number behind it."""
    slug = slug_of(title)
    pattern = slug + "-%"
    taken = {
        row["slug"] for row in database.all("SELECT slug FROM entries WHERE slug = ? OR slug LIKE ?", slug, pattern)
    }
    if slug not in taken:
        return slug
    number = 2 + sum(1 for other in taken if other[len(slug) + 1 :].isdecimal())
    while f"{slug}-{number}" in taken:
        number += 1
    return f"{slug}-{number}"


def store_words(database: Database, entry_id: int, draft: Draft) -> None:
    """Replace the tags of an entry and its words in the search index."""
    database.run("DELETE FROM tags WHERE entry_id = ?", entry_id)
    for tag in draft.tags:
        database.run("INSERT INTO tags (entry_id, name) VALUES (?, ?)", entry_id, tag)
    parts = [words_of(draft.title), words_of(" ".join(draft.tags)), words_of(draft.body)]
    if database.is_postgresql:
        # Written as a tsvector, not parsed by to_tsvector(), so that both databases know the same words.
        vector = " ".join(
            f"'{word}':{min(at, MAX_POSITION)}{weight}"
            for weight, words in zip("ABD", parts)
            for at, word in enumerate(words, 1)
        )
        database.run("DELETE FROM entry_words WHERE entry_id = ?", entry_id)
        database.run("INSERT INTO entry_words (entry_id, words) VALUES (?, CAST(? AS tsvector))", entry_id, vector)
    else:
        database.run("DELETE FROM entry_words WHERE rowid = ?", entry_id)
        database.run(
            "INSERT INTO entry_words (rowid, title, tags, body) VALUES (?, ?, ?, ?)",
            entry_id,
            *(" ".join(words) for words in parts),
        )


def get_entry(database: Database, slug: str) -> Row | None:
    """A published entry by its slug."""
    return database.one(f"SELECT {LISTED} FROM entries WHERE slug = ? AND is_published = 1", slug)


def get_any_entry(database: Database, entry_id: int) -> Row | None:
    """An entry with its Markdown, published or not, for its author."""
    return database.one("SELECT * FROM entries WHERE id = ?", entry_id)


def list_entries(
    database: Database, number: int, size: int, *, tag: str | None = None, month: str | None = None
) -> Page | None:
    """A page of published entries, newest first; None where there is no such page."""
    where, values = "is_published = 1", []
    if tag is not None:
        where += " AND entries.id IN (SELECT entry_id FROM tags WHERE name = ?)"
        values.append(tag)
    if month is not None:
        where += " AND month = ?"
        values.append(month)
    total = database.value(f"SELECT count(*) FROM entries WHERE {where}", *values)
    rows = database.all(
        f"SELECT {LISTED} FROM entries WHERE {where} ORDER BY published_at DESC, entries.id DESC LIMIT ? OFFSET ?",
        *values,
        size,
        (number - 1) * size,
    )
    return page_of(rows, number, size, total)


def page_of(rows: list[Row], number: int, size: int, total: int) -> Page | None:
    """A Page, or None when the number is beyond the last one."""
    count = max(1, -(-total // size))
    return Page(rows, number, count) if number <= count else None


def search_entries(database: Database, query: str, number: int, size: int) -> Page | None:
    """A page of the published entries that have all words of the query, best first.

    The last word may be the beginning of one. None where there is no such page.
    """
    words = words_of(query)[:MAX_QUERY_WORDS]
    if not words:
        return Page([], 1, 1) if number == 1 else None
    if database.is_postgresql:
        match = " & ".join(f"'{word}'" for word in words) + ":*"
        source = "entry_words ON entry_words.entry_id = entries.id, CAST(? AS tsquery) AS wanted"
        where, order = "words @@ wanted", "ts_rank(words, wanted) DESC"
    else:
        match = " ".join(f'"{word}"' for word in words) + "*"
        source, where = "entry_words ON entry_words.rowid = entries.id", "entry_words MATCH ?"
        order = "bm25(entry_words, 10.0, 4.0, 1.0)"
    source = f"FROM entries JOIN {source} WHERE is_published = 1 AND {where}"
    total = database.value(f"SELECT count(*) {source}", match)
    rows = database.all(
        f"SELECT {LISTED} {source} ORDER BY {order}, published_at DESC, entries.id DESC LIMIT ? OFFSET ?",
        match,
        size,
        (number - 1) * size,
    )
    return page_of(rows, number, size, total)


def tags_of_entries(database: Database, rows: list[Row]) -> dict[int, list[str]]:
    """The tags of the entries of a list: id -> names in order."""
    found: dict[int, list[str]] = {row["id"]: [] for row in rows}
    if found:
        marks = ", ".join("?" * len(found))
        for tag in database.all(f"SELECT entry_id, name FROM tags WHERE entry_id IN ({marks}) ORDER BY name", *found):
            found[tag["entry_id"]].append(tag["name"])
    return found


def list_tags(database: Database) -> list[Row]:
    """The tags of published entries with their numbers of entries, by name."""
    return database.all(
        "SELECT name, count(*) AS entry_count FROM tags JOIN entries ON entries.id = entry_id"
        " WHERE is_published = 1 GROUP BY name ORDER BY name"
    )


def list_months(database: Database) -> list[Row]:
    """The months that have published entries, newest first."""
    return database.all(
        "SELECT month, count(*) AS entry_count FROM entries WHERE is_published = 1 GROUP BY month ORDER BY month DESC"
    )


def list_titles(database: Database, is_published: bool) -> list[Row]:
    """All entries or all drafts without their text, the last changed first."""
    order = "published_at" if is_published else "changed_at"
    return database.all(
        "SELECT id, slug, title, changed_at, published_at FROM entries WHERE is_published = ?"
        f" ORDER BY {order} DESC, id DESC",
        int(is_published),
    )


def neighbours(database: Database, entry: Row) -> tuple[Row | None, Row | None]:
    """The published entries right before and right after one, as slug and title."""
    here = (entry["published_at"], entry["published_at"], entry["id"])
    older = database.one(
        "SELECT slug, title FROM entries WHERE is_published = 1 AND (published_at < ? OR (published_at = ? AND id < ?))"
        " ORDER BY published_at DESC, id DESC LIMIT 1",
        *here,
    )
    newer = database.one(
        "SELECT slug, title FROM entries WHERE is_published = 1 AND (published_at > ? OR (published_at = ? AND id > ?))"
        " ORDER BY published_at, id LIMIT 1",
        *here,
    )
    return older, newer
