"""Comments of readers. None is shown before the owner has approved it."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .database import Database, Row

MAX_AUTHOR_LENGTH = 60
MAX_COMMENT_LENGTH = 4000


def add_comment(database: Database, entry_id: int, author: str, body: str, is_approved: bool) -> None:
    """Store a comment; one of the owner needs no approval."""
    database.run(
        "INSERT INTO comments (entry_id, author, body, is_approved, created_at) VALUES (?, ?, ?, ?, ?)",
        entry_id,
        author,
        body,
        int(is_approved),
        int(time.time()),
    )


def comments_of(database: Database, entry_id: int) -> list[Row]:
    """The approved comments of an entry, oldest first."""
    return database.all(
        "SELECT id, author, body, created_at FROM comments WHERE entry_id = ? AND is_approved = 1"
        " ORDER BY created_at, id",
        entry_id,
    )


def list_comments(database: Database, is_approved: bool, limit: int) -> list[Row]:
    """Comments with the entry that each is about, newest first."""
    return database.all(
        "SELECT comments.id, author, comments.body, comments.created_at, slug, title FROM comments"
        " JOIN entries ON entries.id = entry_id WHERE is_approved = ?"
        " ORDER BY comments.created_at DESC, comments.id DESC LIMIT ?",
        int(is_approved),
        limit,
    )


def count_waiting(database: Database) -> int:
    """How many comments wait for the owner."""
    return int(database.value("SELECT count(*) FROM comments WHERE is_approved = 0"))


def approve_comment(database: Database, comment_id: int) -> bool:
    """Show a comment; False where there is none."""
    return database.run("UPDATE comments SET is_approved = 1 WHERE id = ?", comment_id) == 1


def delete_comment(database: Database, comment_id: int) -> bool:
    """Delete a comment; False where there was none."""
    return database.run("DELETE FROM comments WHERE id = ?", comment_id) == 1
