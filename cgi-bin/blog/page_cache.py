"""Pages for readers, kept as files: answered again without Flask, in 30 ms instead of 90 under CGI.

Only what is the same for everybody is kept: GET and HEAD, no session cookie, no query but a page number,
status 200. Each change of the blog raises a number in the database (its generation), after the
change itself is committed; a page is kept under the generation that was read before the page was
made, so that it can be newer than its generation says but never older. MAX_AGE_SECONDS bounds what
an edit behind the blog's back (psql, a restored backup) can leave behind.

What an outsider can make it keep is bounded by what the blog has: an address that does not exist
is not kept, and neither the host name nor a strange query is part of a kept page.
"""

from __future__ import annotations

import hashlib
import os
import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from .application import Environ, StartResponse
    from .config import Config
    from .database import Database

    Fields = list[tuple[str, str]]

MAX_AGE_SECONDS = 15 * 60
ENDPOINTS = ("index", "entry", "tag", "archive", "archive_month")
# These name the host: kept only where the owner has set the blog's address.
ENDPOINTS_WITH_ADDRESS = ("feed", "sitemap")
HERE = os.path.dirname(os.path.abspath(__file__))


def is_keepable(environ: Environ) -> bool:
    """Is the request one that every reader could have sent?"""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "blog_session" not in environ.get("HTTP_COOKIE", "")
        and re.fullmatch(r"(page=[1-9][0-9]{0,5})?", environ.get("QUERY_STRING", "")) is not None
    )


def is_keepable_page(endpoint: str | None, settings: dict[str, str]) -> bool:
    """Is the page one that looks the same to every reader, whatever host he asked?"""
    return endpoint in ENDPOINTS or (endpoint in ENDPOINTS_WITH_ADDRESS and bool(settings["address"]))


def file_of(config: Config, environ: Environ, generation: str) -> str:
    """Where a page is kept. A new version of the program keeps its pages under other names."""
    parts = [environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")]
    key = "\0".join([program_version(), os.environ.get("TZ", ""), *parts])
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return config.path("cache", "pages", generation, name)


def program_version() -> str:
    """Changes when a file of the blog does."""
    newest, count = 0, 0
    for folder in (HERE, os.path.join(HERE, "templates"), os.path.join(HERE, "static")):
        with os.scandir(folder) as files:
            for file in files:
                if file.is_file():
                    newest, count = max(newest, file.stat().st_mtime_ns), count + 1
    return f"{newest} {count}"


def find_page(config: Config, environ: Environ) -> tuple[Fields, bytes] | None:
    """A kept page that is still right: its header fields and its content."""
    from .database import open_database

    database = open_database(config)
    try:
        path = file_of(config, environ, read_generation(database))
    finally:
        database.close()
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mtime < time.time() - MAX_AGE_SECONDS:
                return None
            head, _, content = file.read().partition(b"\n\n")
    except OSError:  # nearly always: there is no such file; whatever else it is, the page can be made
        return None
    lines = (line.partition(": ") for line in head.decode("latin-1").split("\n"))
    return [(name, value) for name, _, value in lines], content


def answer_page(page: tuple[Fields, bytes], environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer 200, or 304 to a browser that has the page already."""
    fields, content = page
    tag = dict(fields)["ETag"]
    if tag in environ.get("HTTP_IF_NONE_MATCH", ""):
        start_response("304 Not Modified", [field for field in fields if not field[0].startswith("Content-")])
        return []
    start_response("200 OK", fields)
    return [content] if environ["REQUEST_METHOD"] == "GET" else []


def keep_page(config: Config, environ: Environ, generation: str, page: tuple[Fields, bytes]) -> None:
    """Keep a page. The folder of another generation is of no more use."""
    fields, content = page
    path = file_of(config, environ, generation)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        import shutil

        shutil.rmtree(os.path.dirname(folder), ignore_errors=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)
    head = "\n".join(f"{name}: {value}" for name, value in fields).encode("latin-1")
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "wb") as file:
            file.write(head + b"\n\n" + content)
        os.replace(draft, path)
    except FileNotFoundError:
        pass  # another process has just begun a new generation: then nobody needs this page


def read_generation(database: Database) -> str:
    """The number that every change of the blog raises."""
    return database.value("SELECT value FROM settings WHERE name = 'generation'") or "0"


def raise_generation(database: Database) -> None:
    """Make every kept page a page of the past."""
    database.run(
        "INSERT INTO settings (name, value) VALUES ('generation', '1') ON CONFLICT (name)"
        " DO UPDATE SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)"
    )
