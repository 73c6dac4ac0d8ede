"""The Flask application: what happens before and after each page, and how errors look."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, abort, current_app, g, render_template, request, session, url_for
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from . import assets, page_cache, security
from .comments import count_waiting
from .config import Config
from .database import open_database
from .owner import find_owner, read_settings
from .routes import add_routes
from .template_cache import TemplateCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_FORM_BYTES = 2 * 1024 * 1024
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
# A form of one of these that ends in a redirect has changed what readers see, or may have.
CHANGING = ("set_up", "settings", "write", "edit", "delete", "images", "comments", "comment")
ERROR_TEXTS = {
    400: ("That did not work", "The form was incomplete, or too old. Go back, load the page again and repeat it."),
    403: ("Not allowed", "This is for the owner of the blog."),
    404: ("Not found", "There is nothing under this address. It may have been removed."),
    405: ("Not allowed", "This address does not take that kind of request."),
    413: ("Too large", "That is more than the blog takes at once."),
    429: ("Too many attempts", "Please wait a quarter of an hour and try again."),
    500: ("Something went wrong", "The blog has written the reason into the server's log."),
}


def create_app(config: Config) -> Flask:
    """Make the application for one configuration."""
    # Named paths spare Flask the search for them.
    app = Flask(__package__, root_path=os.path.dirname(__file__), instance_path=config.data, static_folder=None)
    app.config.update(
        BLOG=config,
        SECRET_KEY=security.read_secret(config.path("secret.key")),
        PERMANENT_SESSION_LIFETIME=security.SESSION_SECONDS,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=config.max_image_bytes + MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
    )
    app.session_interface = security.BlogSession()
    # The folder is nobody else's (0700), for what is in it is run.
    cache = config.path("cache", "templates")
    os.makedirs(cache, mode=0o700, exist_ok=True)
    app.jinja_options = {"bytecode_cache": TemplateCache(cache), "trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.filters.update(date=format_date, iso=format_iso, paragraphs=paragraphs)
    app.jinja_env.globals.update(csrf_token=security.csrf_token, static_url=static_url)
    app.context_processor(template_values)
    app.before_request(open_blog)
    app.after_request(finish)
    app.teardown_request(close_blog)
    app.register_error_handler(HTTPException, show_error)
    app.register_error_handler(Exception, show_failure)
    add_routes(app)
    return app


def open_blog() -> None:
    """Before each page: the database, the settings, who asks, and whether a form is ours."""
    config: Config = g_config()
    g.database = open_database(config)
    if config.is_demo:
        from .demo import fill_demo

        if fill_demo(g.database):
            page_cache.raise_generation(g.database)
    g.settings = read_settings(g.database)
    g.user = None
    if security.has_session_cookie(request) and "user" in session:
        owner = find_owner(g.database, config.is_demo)
        if owner and (owner["id"], owner["session_number"]) == (session["user"], session.get("number")):
            g.user = owner
    # A reader's comment has a token of its own kind, and the editor keeps the text of a failed form.
    # (What has no endpoint is refused by Flask.)
    if request.method == "POST" and request.endpoint not in (None, "comment", "write", "edit"):
        if not security.is_csrf_token(request.form.get("csrf", "")):
            abort(400)


def g_config() -> Config:
    """The configuration of the application that runs."""
    config: Config = current_app.config["BLOG"]
    return config


def finish(response: Response) -> Response:
    """After each page: what the browser may do with it, and how long it may keep it."""
    headers = response.headers
    headers["Content-Security-Policy"] = POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    if response.status_code == 303 and request.endpoint in CHANGING:
        page_cache.raise_generation(g.database)
    is_read = request.method in ("GET", "HEAD") and response.status_code == 200
    if is_read and g.get("user") is None and not session:
        headers["Cache-Control"] = "no-cache"
        headers["Vary"] = "Cookie"
        response.add_etag()
        keep(response)
        response.make_conditional(request)
    else:
        # A server that compresses what passes would let the length of the page tell of the tokens in it (BREACH).
        headers["Cache-Control"] = "no-store, no-transform"
    return response


def keep(response: Response) -> None:
    """Keep a page for the readers to come, if it is one that all of them may see."""
    config = g_config()
    if config.keeps_pages and page_cache.is_keepable(request.environ):
        if page_cache.is_keepable_page(request.endpoint, g.settings):
            page = (response.headers.to_wsgi_list(), response.get_data())
            try:
                page_cache.keep_page(config, request.environ, g.settings.get("generation", "0"), page)
            except OSError as error:  # the reader gets his page all the same
                current_app.logger.warning("A page cannot be kept: %s", error)


def close_blog(error: BaseException | None) -> None:
    """However the request ended, its connection is given back."""
    database = g.pop("database", None)
    if database is not None:
        database.close()


def show_error(error: HTTPException) -> Any:
    """A page for an error that the request has earned (or the redirect that an exception stands for)."""
    if error.code is None or error.code < 400:
        return error
    title, text = ERROR_TEXTS.get(error.code, (error.name, "The request could not be answered."))
    if "settings" not in g:  # the blog could not even be opened
        return show_bare_error(error.code, title, text)
    response = Response(render_template("error.html", title=title, text=text), error.code)
    if error.code == 429:
        response.headers["Retry-After"] = str(g.retry_after)
    if error.code == 405:
        response.headers["Allow"] = ", ".join(error.valid_methods or ())  # type: ignore[attr-defined]
    return response


def show_failure(error: Exception) -> Any:
    """A page for an error of ours: the log gets the reason, the reader does not."""
    current_app.logger.error("%s %s", request.method, request.path, exc_info=error)
    return show_bare_error(500, *ERROR_TEXTS[500])


def show_bare_error(code: int, title: str, text: str) -> Response:
    """A page that needs nothing from the database."""
    body = render_template("bare_error.html", title=title, text=text)
    return Response(body, code)


def template_values() -> dict[str, Any]:
    """What every template knows."""
    user = g.get("user")
    return {
        "settings": g.get("settings", {}),
        "user": user,
        "waiting_count": count_waiting(g.database) if user and "database" in g else 0,
    }


def static_url(name: str) -> str:
    """The address of a file of static/, new whenever the file is."""
    return url_for("static", filename=name, v=assets.static_version(name))


def format_date(seconds: int) -> str:
    """`5 November 2026` in the server's time zone."""
    moment = time.localtime(seconds)
    return f"{moment.tm_mday} {time.strftime('%B %Y', moment)}"


def format_iso(seconds: int) -> str:
    """RFC 3339, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def paragraphs(text: str) -> Markup:
    """Plain text as HTML: an empty line ends a paragraph, a line end stays a line end."""
    parts = [part.strip("\n") for part in text.split("\n\n")]
    lines = [Markup("<br>\n").join(part.split("\n")) for part in parts if part]
    return Markup("\n").join(Markup("<p>{}</p>").format(line) for line in lines)
