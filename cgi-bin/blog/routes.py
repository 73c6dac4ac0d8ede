"""Which URL is answered by which function. A module of views is imported when one of its pages is asked for."""

from __future__ import annotations

import importlib

from flask import Flask
from werkzeug.routing import Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

GET, POST, FORM = ("GET",), ("POST",), ("GET", "POST")

# rule, methods, module and function; the function's name is the endpoint for url_for().
ROUTES = (
    ("/", GET, "pages:index"),
    ("/entry/<slug>", GET, "pages:entry"),
    ("/entry/<slug>/comment", POST, "pages:comment"),
    ("/tag/<name>", GET, "pages:tag"),
    ("/archive/", GET, "pages:archive"),
    ("/archive/<int(fixed_digits=4):year>/<int(fixed_digits=2):month>", GET, "pages:archive_month"),
    ("/search", GET, "pages:search"),
    ("/feed.xml", GET, "pages:feed"),
    ("/sitemap.xml", GET, "pages:sitemap"),
    ("/set-up", FORM, "account:set_up"),
    ("/login", FORM, "account:login"),
    ("/logout", FORM, "account:logout"),
    ("/settings", FORM, "account:settings"),
    ("/password", POST, "account:password"),
    ("/write", FORM, "editor:write"),
    ("/edit/<int:entry_id>", FORM, "editor:edit"),
    ("/delete/<int:entry_id>", FORM, "editor:delete"),
    ("/manage", GET, "editor:manage"),
    ("/images", FORM, "editor:images"),
    ("/comments", FORM, "editor:comments"),
)


class BlogRule(Rule):
    """A rule whose way from values to a URL is compiled when a page has such a link.

    Werkzeug compiles two functions for each rule when it is added, which is half of what a page
    costs; a page has links of three or four kinds.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., Any]:
        compile_builder = super()._compile_builder

        def build(rule: BlogRule, *positional: Any, **named: Any) -> Any:
            builder = compile_builder(append_unknown).__get__(rule, None)
            setattr(rule, "_build_unknown" if append_unknown else "_build", builder)
            return builder(*positional, **named)

        return build


def add_routes(app: Flask) -> None:
    """Put the table into the application."""
    app.url_rule_class = BlogRule
    for rule, methods, target in ROUTES:
        endpoint = target.partition(":")[2]
        app.add_url_rule(rule, endpoint, view_of(target), methods=methods)
    # Answered by assets.py; here for url_for() alone.
    app.add_url_rule("/static/<filename>", "static", build_only=True)
    app.add_url_rule("/media/<name>", "media", build_only=True)


def view_of(target: str) -> Callable[..., Any]:
    """A view that imports its module at the first call."""
    module_name, _, name = target.partition(":")

    def view(**values: Any) -> Any:
        return getattr(importlib.import_module(f"{__package__}.{module_name}"), name)(**values)

    return view
