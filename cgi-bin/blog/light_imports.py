"""Keep modules that no page uses from being loaded with Flask.

Under CGI each page pays for its imports again. Flask loads its command line (click), the
development server (http.server, socketserver, ssl) and the test client (http.client, the
whole of urllib.request) with itself; none of them serves a page. While Flask is imported,
placeholders stand in their places: that saves 40 of 270 modules and about a quarter of the
time. Should Flask call into one after all, the real module is loaded at that moment; whoever
imports one later gets the real one. BLOG_FULL_IMPORTS=1 leaves everything as it is.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

# Flask and Werkzeug take functions and classes out of these by name, and call none of them
# while they serve a page. (urllib.request: Werkzeug parses Accept-like lists with one function.)
DEFERRED = ("click", "urllib.request", "werkzeug.serving", "werkzeug.test")


class DeferredModule(ModuleType):
    """Stands for a module; each name in it is a function that loads the module when called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*positional: Any, **named: Any) -> Any:
            return getattr(load(self.__name__), name)(*positional, **named)

        return call


class AppGroup:
    """Stands for flask.cli.AppGroup, the commands of an application: there are none."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self.commands: dict[str, Any] = {}


def load(name: str) -> ModuleType:
    """The real module."""
    import importlib

    if isinstance(sys.modules.get(name), DeferredModule):
        del sys.modules[name]
    return importlib.import_module(name)


def import_flask() -> None:
    """Import Flask with the placeholders in place, then take them away."""
    if "flask" not in sys.modules and os.environ.get("BLOG_FULL_IMPORTS") != "1":
        commands = ModuleType("flask.cli")
        setattr(commands, "AppGroup", AppGroup)
        placeholders: dict[str, ModuleType] = {
            name: DeferredModule(name) for name in DEFERRED if name not in sys.modules
        }
        placeholders["flask.cli"] = commands
        sys.modules.update(placeholders)
        try:
            import flask  # noqa: F401
        finally:
            for name, placeholder in placeholders.items():
                if sys.modules.get(name) is placeholder:
                    del sys.modules[name]
