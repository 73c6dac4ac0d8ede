"""What a reader sees: lists, entries, comments, the search, the feed, the sitemap."""

from __future__ import annotations

from flask import Response, abort, current_app, g, redirect, render_template, request, url_for
from markupsafe import Markup

from . import comments as comment_store
from . import entries as entry_store
from .markdown_text import with_root
from .security import comment_token, count_attempt, is_comment_token, is_csrf_token
from .text import clean, clean_line, excerpt, plain_of, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Row
    from .entries import Page

FEED_LENGTH = 20
MAX_SITEMAP_LENGTH = 50_000  # of the sitemap protocol
MONTHS = "January February March April May June July August September October November December".split()


def index() -> Any:
    """The newest entries."""
    page = entry_store.list_entries(g.database, page_number(), page_size())
    return show_list(page, heading="", empty="No entries here so far.")


def tag(name: str) -> Any:
    """The entries of a tag."""
    page = entry_store.list_entries(g.database, page_number(), page_size(), tag=name)
    if page is None or not page.rows:
        abort(404)
    return show_list(page, heading=f"Tag: {name}", name=name)


def archive() -> Any:
    """All months and all tags."""
    months: dict[str, list[dict[str, Any]]] = {}
    for row in entry_store.list_months(g.database):
        year, month = row["month"].split("-")
        found = {"number": int(month), "name": MONTHS[int(month) - 1], "entry_count": row["entry_count"]}
        months.setdefault(year, []).append(found)
    return render_template("archive.html", years=months, tags=entry_store.list_tags(g.database))


def archive_month(year: int, month: int) -> Any:
    """The entries of a month."""
    key = f"{year:04}-{month:02}"
    page = entry_store.list_entries(g.database, page_number(), page_size(), month=key)
    if page is None or not page.rows:
        abort(404)
    return show_list(page, heading=f"{MONTHS[month - 1]} {year}", year=year, month=month)


def show_list(page: Page | None, *, heading: str, empty: str = "", **values: object) -> str:
    """A page of entries; `values` are what url_for() needs for the pages beside it."""
    if page is None:
        abort(404)
    for row in page.rows:
        row["content"] = Markup(with_root(row["teaser"] or row["html"], request.script_root))
    tags = entry_store.tags_of_entries(g.database, page.rows)
    return render_template("index.html", page=page, tags=tags, heading=heading, empty=empty, values=values)


def entry(slug: str) -> Any:
    """One entry with its comments."""
    return show_entry(find_entry(slug), {}, {})


def find_entry(slug: str) -> Row:
    """A published entry, or 404."""
    found = entry_store.get_entry(g.database, slug)
    if found is None:
        abort(404)
    return found


def show_entry(row: Row, form: dict[str, str], errors: dict[str, str]) -> str:
    """The page of an entry, with a comment that could not be taken yet."""
    older, newer = entry_store.neighbours(g.database, row)
    return render_template(
        "entry.html",
        entry=row,
        content=Markup(with_root(row["html"], request.script_root)),
        tags=entry_store.tags_of_entries(g.database, [row])[row["id"]],
        comments=comment_store.comments_of(g.database, row["id"]),
        token=comment_token(secret(), row["id"]),
        form=form,
        errors=errors,
        is_waiting=request.args.get("comment") == "waiting",
        older=older,
        newer=newer,
        address=site_root() + url_for("entry", slug=row["slug"]).removeprefix(request.script_root),
    )


def secret() -> bytes:
    """The key for the tokens of comment forms."""
    key: bytes = current_app.config["SECRET_KEY"]
    return key


def comment(slug: str) -> Any:
    """Take a comment. The owner's is shown at once, every other waits for him."""
    row = find_entry(slug)
    token = request.form.get("token", "")
    if not row["takes_comments"] or not is_comment_token(secret(), row["id"], token):
        abort(400)
    if g.user is not None and not is_csrf_token(request.form.get("csrf", "")):
        abort(400)
    form = {
        "author": clean_line(request.form.get("author", "")),
        "body": clean(request.form.get("body", "")),
    }
    errors = {}
    if not 0 < len(form["author"]) <= comment_store.MAX_AUTHOR_LENGTH:
        errors["author"] = f"Please give a name of at most {comment_store.MAX_AUTHOR_LENGTH} characters."
    if not 0 < len(form["body"]) <= comment_store.MAX_COMMENT_LENGTH:
        errors["body"] = f"Please write something, in at most {comment_store.MAX_COMMENT_LENGTH} characters."
    if errors:
        return show_entry(row, form, errors), 422
    # Only a program fills the field that nobody sees. It is told what everybody is told.
    if not request.form.get("website"):
        if g.user is None:
            count_attempt(g.database, "comment")
        comment_store.add_comment(g.database, row["id"], form["author"], form["body"], g.user is not None)
    state = None if g.user is not None else "waiting"
    return redirect(url_for("entry", slug=slug, comment=state, _anchor="comments"), 303)


def search() -> Any:
    """The entries that have all words of the query."""
    query = clean_line(request.args.get("q", ""))[:200]
    words = words_of(query)
    page = entry_store.search_entries(g.database, query, page_number(), page_size())
    if page is None:
        abort(404)
    for row in page.rows:
        row["excerpt"] = excerpt(plain_of(row["html"]), words)
    return render_template("search.html", page=page, query=query, words=words, values={"q": query})


def feed() -> Response:
    """The newest entries as an Atom feed (RFC 4287)."""
    from uuid import uuid5

    from .owner import blog_uuid

    page = entry_store.list_entries(g.database, 1, FEED_LENGTH)
    rows = page.rows if page else []
    identity = blog_uuid(g.database)
    for row in rows:
        row["content"] = with_root(row["html"], site_root())
        row["urn"] = uuid5(identity, f"entry {row['id']}").urn
    tags = entry_store.tags_of_entries(g.database, rows)
    updated = max((row["changed_at"] for row in rows), default=0)
    body = render_template("feed.xml", rows=rows, tags=tags, root=site_root(), urn=identity.urn, updated=updated)
    return Response(body, content_type="application/atom+xml; charset=utf-8")


def sitemap() -> Response:
    """The addresses of all entries, for search engines (sitemaps.org)."""
    rows = entry_store.list_titles(g.database, True)[: MAX_SITEMAP_LENGTH - 1]
    body = render_template("sitemap.xml", rows=rows, root=site_root())
    return Response(body, content_type="application/xml; charset=utf-8")


def site_root() -> str:
    """The blog's full address without a slash behind it: the owner's setting, else what the client used."""
    address: str = g.settings["address"] or request.url_root
    return address.rstrip("/")


def page_number() -> int:
    """The number in `?page=`, or 404."""
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) < 7 and text[0] != "0"):
        abort(404)
    return int(text)


def page_size() -> int:
    """How many entries a page has."""
    return int(g.settings["page_size"])
