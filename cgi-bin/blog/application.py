"""What a request goes through, as a WSGI application: `blog.application:application`.

Flask is most of what a CGI page costs, and a style sheet or an image does not need it, so assets.py
answers those alone; neither does a page that was made for another reader already (page_cache.py).
Everything else goes to the Flask application of app.py, made at the first need. This module imports
next to nothing itself.
"""

from __future__ import annotations

import os
import sys

from .config import Config, ConfigError, Unreachable, read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable

    Environ = dict[str, Any]
    StartResponse = Callable[..., Any]
    Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

AWAY = b"The blog's database cannot be reached just now. Please try again.\n"
BROKEN = b"The blog cannot start. The server's log says why.\n"


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The blog that the process environment describes."""
    try:
        config = read_config(os.environ)
        return make_application(config)(environ, start_response)
    except ConfigError as error:
        print(f"blog: {error}", file=sys.stderr)
        is_over_soon = isinstance(error, Unreachable)
        text = AWAY if is_over_soon else BROKEN
        head = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
        if is_over_soon:
            head.append(("Retry-After", "10"))
        start_response("503 Service Unavailable" if is_over_soon else "500 Internal Server Error", head)
        return [text]


def make_application(config: Config) -> Wsgi:
    """The blog of a configuration."""
    flask_application: list[Wsgi] = []

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        from .assets import answer_asset, is_asset
        from .page_cache import answer_page, find_page, is_keepable

        if is_asset(environ):
            return answer_asset(config, environ, start_response)
        if config.keeps_pages and is_keepable(environ):
            page = find_page(config, environ)
            if page:
                return answer_page(page, environ, start_response)
        if not flask_application:
            from .light_imports import import_flask

            import_flask()
            from .app import create_app

            flask_application.append(create_app(config))
        return flask_application[0](environ, start_response)

    return answer
