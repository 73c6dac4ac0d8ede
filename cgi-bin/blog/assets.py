"""Style sheet, icon and uploaded images, answered without Flask: 25 ms instead of 90 under CGI.

Their addresses change with their content (a version in the query, a hash as the name), so that a
browser asks for each of them once.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

    from .application import Environ, StartResponse
    from .config import Config

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "static")
TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"
# Should a browser ever show one of these as a page: nothing in it may load or run.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def is_asset(environ: Environ) -> bool:
    """Is the request one that this file answers? (Any other method goes on, to be refused.)"""
    path: str = environ.get("PATH_INFO", "")
    return path.startswith(("/static/", "/media/")) and environ["REQUEST_METHOD"] in ("GET", "HEAD")


def answer_asset(config: Config, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer 200, 304 or 404."""
    _, kind, name = environ["PATH_INFO"].split("/", 2)
    found = read_static(name) if kind == "static" else read_media(config, name)
    common = [("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", POLICY)]
    if found is None:
        text = b"There is nothing here.\n"
        start_response("404 Not Found", head_of("text/plain; charset=utf-8", text, common))
        return [text]
    media_type, content, tag = found
    common += [("Cache-Control", FOR_EVER), ("ETag", tag)]
    if tag in environ.get("HTTP_IF_NONE_MATCH", ""):
        start_response("304 Not Modified", common)
        return []
    start_response("200 OK", head_of(media_type, content, common))
    return [content] if environ["REQUEST_METHOD"] == "GET" else []


def head_of(media_type: str, content: bytes, common: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields of an answer with content."""
    return [("Content-Type", media_type), ("Content-Length", str(len(content))), *common]


def read_static(name: str) -> tuple[str, bytes, str] | None:
    """Type, content and entity tag of a file of the blog's own."""
    if not re.fullmatch(r"[a-z]+\.(css|svg)", name):
        return None
    try:
        with open(os.path.join(FOLDER, name), "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return None
    return TYPES[name.rsplit(".", 1)[1]], content, f'"{static_version(name)}"'


def static_version(name: str) -> str:
    """Changes when the file does."""
    status = os.stat(os.path.join(FOLDER, name))
    return f"{status.st_mtime_ns // 1_000_000:x}-{status.st_size:x}"


def read_media(config: Config, name: str) -> tuple[str, bytes, str] | None:
    """Type, content and entity tag of an uploaded image; its name is a hash of its content."""
    if not re.fullmatch(r"[0-9a-f]{20}\.(png|jpg|gif|webp)", name):
        return None
    from .database import open_database
    from .images import image_content

    database: Any = open_database(config)
    try:
        found = image_content(database, name)
    finally:
        database.close()
    return (*found, f'"{name}"') if found else None
