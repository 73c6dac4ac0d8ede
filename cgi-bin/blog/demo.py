"""The demonstration (BLOG_DEMO=1): an owner `admin` with the password `default`, and three sample entries."""

from __future__ import annotations

import time

from .entries import Draft, add_entry
from .markdown_text import render
from .owner import write_setting
from .passwords import hash_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .database import Database

NAME, PASSWORD = "admin", "default"
ENTRIES = (
    (
        "Hello from CGI",
        "hello, cgi",
        "Each page of this blog is made by a program that starts, answers one request and ends.\n\n"
        "It is an old way to make a web site, and a simple one: **nothing runs while nobody reads**, and a page that "
        "fails takes nothing else with it.",
    ),
    (
        "What Markdown does here",
        "writing",
        "An empty line ends a paragraph. *Emphasis*, **weight**, `code` and [links](https://commonmark.org/) look as "
        "usual.\n\n> A quotation stands out.\n\n"
        "1. First things first.\n2. Then the rest.\n\n"
        "```\ndef answer():\n    return 42\n```\n\n"
        "| command | what it shows |\n| --- | ---: |\n| `curl -I` | the head |\n| `curl -r 0-99` | a part |\n",
    ),
    (
        "Drafts, tags and a search",
        "writing, hello",
        "Log in to write. An entry stays a draft until you publish it, and its address stays the same from then on.\n\n"
        "<!--more-->\n\n"
        "Readers find it by its tags, by its month, by the search, or in the feed; what they write below it waits for "
        "you to approve it.",
    ),
)


def fill_demo(database: Database) -> bool:
    """Make the sample owner and entries in an empty database; False where there is an owner or an entry."""
    query = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM entries)"
    if database.value(query):
        return False
    password_hash = hash_password(PASSWORD)
    drafts = [Draft(title, body, tags.split(", "), True, True) for title, tags, body in ENTRIES]
    rendered = [render(draft.body) for draft in drafts]
    with database.transaction():
        database.lock()
        if database.value(query):
            return False
        database.run("INSERT INTO users (name, password, is_demo) VALUES (?, ?, 1)", NAME, password_hash)
        write_setting(database, "title", "Demonstration")
        write_setting(database, "tagline", f"Log in as {NAME} with the password {PASSWORD}")
    # A day between them, so that the list reads like a blog's.
    now = int(time.time())
    for days, (draft, text) in enumerate(zip(reversed(drafts), reversed(rendered))):
        add_entry(database, draft, text, now - days * 86_400)
    return True
