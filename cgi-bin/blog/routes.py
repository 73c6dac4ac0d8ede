"""Which URL is answered by which function. A module of views is imported when one of its pages is asked for."""

from __future__ import annotations

import importlib
import re

from flask import Flask
from werkzeug.routing import Rule, ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

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

PLACEHOLDER = re.compile(r"<(?:[^<>]*:)?(\w+)>")


class BlogRule(Rule):
    """A rule that makes its URLs itself.

    Werkzeug writes and compiles two functions for that when a rule is added, which was half of what a page cost. The
    rules above have nothing that takes more than their converters: no defaults, no host, text that needs no quoting.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., Any]:
        return build_nothing

    def build(self, values: Mapping[str, Any], append_unknown: bool = True) -> tuple[str, str] | None:
        pieces = PLACEHOLDER.split(self.rule)  # text and name in turn
        try:
            pieces[1::2] = [self._converters[name].to_url(values[name]) for name in pieces[1::2]]
        except ValidationError:
            return None
        path = "".join(pieces)
        query = {name: value for name, value in values.items() if name not in self.arguments} if append_unknown else {}
        text = self._encode_query_vars(query) if query else ""
        return "", f"{path}?{text}" if text else path


def build_nothing(*positional: Any, **named: Any) -> None:
    """In the place of what Werkzeug would compile."""


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
