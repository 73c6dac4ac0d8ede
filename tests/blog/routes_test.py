"""The addresses that the blog makes, beside those that Werkzeug makes of the same rules."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, Environment
from werkzeug.routing import BuildError, Map, MapAdapter, Rule

from blog.routes import ROUTES, BlogRule
from blog.template_cache import TemplateCache

VALUES = ("x", "ä ö", "a/b", "?&=#", "100%", "~!*'();:@+$,[]", "", "..", 5, 0, 12345, -3, None, ["p", "q"])
NAMES = ("slug", "name", "year", "month", "entry_id", "page", "self")


def adapter(kind: type[Rule]) -> MapAdapter:
    """All routes of the blog, as rules of a kind."""
    rules = [kind(rule, methods=methods, endpoint=target.partition(":")[2]) for rule, methods, target in ROUTES]
    return Map([*rules, kind("/media/<name>", endpoint="media", build_only=True)]).bind("blog.example", "/cgi")


def build(urls: MapAdapter, endpoint: str, values: dict[str, Any], append_unknown: bool) -> str:
    """The address, or why there is none."""
    try:
        return urls.build(endpoint, values, append_unknown=append_unknown)
    except (BuildError, TypeError, ValueError) as error:
        return type(error).__name__


@pytest.mark.parametrize("endpoint", [*(target.partition(":")[2] for _, _, target in ROUTES), "media"])
def test_addresses_are_those_of_werkzeug(endpoint: str) -> None:
    own, werkzeug = adapter(BlogRule), adapter(Rule)
    for count, append_unknown in itertools.product(range(len(NAMES) + 1), (True, False)):
        for index, value in enumerate(VALUES):
            values: dict[str, Any] = {
                name: VALUES[(index + place) % len(VALUES)] for place, name in enumerate(NAMES[:count])
            }
            values["month"] = value
            want = build(werkzeug, endpoint, values, append_unknown)
            assert build(own, endpoint, values, append_unknown) == want, values


@pytest.mark.parametrize("damage", [lambda code: b"", lambda code: code[:-9], lambda code: b"of another Jinja" + code])
def test_compiled_template_that_cannot_be_read_is_compiled_again(tmp_path: Path, damage: Any) -> None:
    def render(text: str) -> str:
        environment = Environment(loader=DictLoader({"t": text}), bytecode_cache=TemplateCache(str(tmp_path)))
        return environment.get_template("t").render(name="Ada")

    assert render("Hello {{ name }}") == "Hello Ada"
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert render("Hello {{ name }}") == "Hello Ada"
    assert file.read_bytes() == whole
    assert render("Bye {{ name }}") == "Bye Ada"
    assert file.read_bytes() != whole
