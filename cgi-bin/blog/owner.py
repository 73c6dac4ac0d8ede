"""The owner of the blog, the one-time link that makes him, and the settings that he changes.

Kept apart from Flask, so that the command line (manage.py) is quick.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

from .passwords import hash_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from .database import Database, Row

LINK_SECONDS = 24 * 3600
DEFAULT_SETTINGS = {
    "title": "A new blog",
    "tagline": "",
    "page_size": "10",
    "address": "",
}


def read_settings(database: Database) -> dict[str, str]:
    """What the owner set, over the defaults."""
    stored = {row["name"]: row["value"] for row in database.all("SELECT name, value FROM settings")}
    return DEFAULT_SETTINGS | stored


def write_setting(database: Database, name: str, value: str) -> None:
    """Set one."""
    database.run(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
    )


def find_owner(database: Database, is_demo: bool) -> Row | None:
    """The owner. The one of the demonstration, whose password everybody knows, counts in the demonstration alone."""
    return database.one("SELECT * FROM users WHERE is_demo <= ? ORDER BY is_demo, id LIMIT 1", int(is_demo))


def make_link_token(database: Database) -> str:
    """A new one-time token; the one before is void. Only its hash is stored."""
    token = secrets.token_urlsafe(24)
    write_setting(database, "set-up", f"{int(time.time()) + LINK_SECONDS} {digest(token)}")
    return token


def is_link_token(database: Database, token: str) -> bool:
    """Is it the token of the last link, unused and not older than LINK_SECONDS?"""
    stored = database.value("SELECT value FROM settings WHERE name = 'set-up'") or "0 "
    until, _, expected = stored.partition(" ")
    return int(until) > time.time() and hmac.compare_digest(expected, digest(token))


def digest(token: str) -> str:
    """The form in which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def set_owner(database: Database, token: str, name: str, password: str) -> Row | None:
    """Use up the token: make the owner, or give the one there is a new name and password and end his sessions.

    None when the token is not (or no longer) good.
    """
    password_hash = hash_password(password)  # slow: before the lock
    with database.transaction():
        database.lock()
        if not is_link_token(database, token):
            return None
        database.run("DELETE FROM settings WHERE name = 'set-up'")
        old = database.value("SELECT max(session_number) FROM users") or 0
        database.run("DELETE FROM users")
        database.run(
            "INSERT INTO users (name, password, session_number) VALUES (?, ?, ?)", name, password_hash, old + 1
        )
        return find_owner(database, is_demo=False)


def change_password(database: Database, user_id: int, password: str) -> int:
    """A new password; every session ends. Returns the number of the sessions to come."""
    password_hash = hash_password(password)
    with database.transaction():
        database.run(
            "UPDATE users SET password = ?, session_number = session_number + 1 WHERE id = ?", password_hash, user_id
        )
        return int(database.value("SELECT session_number FROM users WHERE id = ?", user_id))


def blog_uuid(database: Database) -> UUID:
    """What a feed calls the blog for ever, whatever its address becomes."""
    from uuid import UUID, uuid4

    query = "SELECT value FROM settings WHERE name = 'uuid'"
    stored = database.value(query)
    if stored is None:
        database.run(
            "INSERT INTO settings (name, value) VALUES ('uuid', ?) ON CONFLICT (name) DO NOTHING", str(uuid4())
        )
        stored = database.value(query)
    return UUID(stored)
