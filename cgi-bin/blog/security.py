"""Who may do what: the secret key, the session cookie, form tokens, and limits on guessing."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time

from flask import Flask, Request, abort, g, request, session
from flask.sessions import SecureCookieSessionInterface

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .database import Database

SESSION_SECONDS = 14 * 24 * 3600
COMMENT_TOKEN_HOURS = 48
# kind of attempt -> how many in how many seconds, from one address and from all
ATTEMPT_LIMITS = {
    "login": (8, 200, 15 * 60),
    "set-up": (8, 200, 15 * 60),
    "comment": (6, 300, 15 * 60),
}


def read_secret(path: str) -> bytes:
    """The key that signs cookies and tokens. Made once, mode 0600, however many processes ask together."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        pass
    draft = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_hex(32).encode())
        os.fsync(handle)
        os.link(draft, path)  # fails if another process was first: then its key counts
    except FileExistsError:
        pass
    finally:
        os.close(handle)
        os.unlink(draft)
    with open(path, "rb") as file:
        return file.read()


class BlogSession(SecureCookieSessionInterface):
    """Flask's signed cookie, sent back to this blog alone, and over TLS alone where it was set over TLS.

    The two schemes have cookies of two names, because a browser refuses to let a page without TLS
    replace a Secure cookie: whoever logged in over HTTPS could not log in over HTTP.
    """

    def get_cookie_name(self, app: Flask) -> str:
        """One name for each scheme."""
        return "blog_session_tls" if request.is_secure else "blog_session"

    def get_cookie_path(self, app: Flask) -> str:
        """Where the blog is mounted."""
        return request.script_root or "/"

    def get_cookie_secure(self, app: Flask) -> bool:
        """Secure over TLS."""
        return request.is_secure


def has_session_cookie(incoming: Request) -> bool:
    """Might somebody be logged in? (Then pages are not for a shared cache.)"""
    return "blog_session_tls" in incoming.cookies or "blog_session" in incoming.cookies


def log_in(user_id: int, session_number: int) -> None:
    """Begin a session of its own; whatever the cookie held before is gone."""
    session.clear()
    session.permanent = True
    session["user"] = user_id
    session["number"] = session_number
    csrf_token()


def csrf_token() -> str:
    """The token of this session's forms."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    token: str = session["csrf"]
    return token


def is_csrf_token(token: str) -> bool:
    """Was the form made for this session?"""
    return "csrf" in session and hmac.compare_digest(session["csrf"].encode(), token.encode())


def comment_token(secret: bytes, entry_id: int, hour: int | None = None) -> str:
    """A token for the comment form of an entry, good for COMMENT_TOKEN_HOURS.

    A reader has no session (and needs no cookie), so there is nothing to forge in his name; the
    token shows that the form came from here and lately.
    """
    if hour is None:
        hour = int(time.time()) // 3600
    mac = hmac.new(secret, f"comment {entry_id} {hour}".encode(), hashlib.sha256).hexdigest()[:32]
    return f"{hour}.{mac}"


def is_comment_token(secret: bytes, entry_id: int, token: str) -> bool:
    """Is the token right for this entry and still good?"""
    hour, _, _ = token.partition(".")
    if not (hour.isascii() and hour.isdigit() and len(hour) < 12):
        return False
    age = int(time.time()) // 3600 - int(hour)
    expected = comment_token(secret, entry_id, int(hour))
    return 0 <= age <= COMMENT_TOKEN_HOURS and hmac.compare_digest(expected.encode(), token.encode())


def client_address() -> str:
    """The address that attempts are counted by; of IPv6 the /64 that one client usually has."""
    import ipaddress

    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


def count_attempt(database: Database, kind: str) -> None:
    """Count an attempt before it is looked at, so that many at once cannot slip through; 429 beyond the limit."""
    per_address, overall, seconds = ATTEMPT_LIMITS[kind]
    address, now = client_address(), int(time.time())
    with database.transaction():
        database.lock()
        database.run("DELETE FROM attempts WHERE kind = ? AND at <= ?", kind, now - seconds)
        mine = database.value("SELECT count(*) FROM attempts WHERE kind = ? AND address = ?", kind, address)
        everybodys = database.value("SELECT count(*) FROM attempts WHERE kind = ?", kind)
        is_allowed = mine < per_address and everybodys < overall
        if is_allowed:
            database.run("INSERT INTO attempts (kind, address, at) VALUES (?, ?, ?)", kind, address, now)
    if not is_allowed:
        g.retry_after = seconds
        abort(429)


def forget_attempts(database: Database, kind: str) -> None:
    """After a success the address starts again from nothing."""
    database.run("DELETE FROM attempts WHERE kind = ? AND address = ?", kind, client_address())
