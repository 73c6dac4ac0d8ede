"""Tests of wsgi_wrapper.py, run as a web server runs it, and of what a page imports."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from browser import CGI_BIN, Browser, call_cgi, run_cgi
from conftest import Blog, log_in, publish

WRAPPER = CGI_BIN / "wsgi_wrapper.py"
ECHO = """
import json
def application(environ, start_response):
    names = ("PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "wsgi.url_scheme", "wsgi.run_once", "CONTENT_TYPE")
    found = {name: environ.get(name) for name in names}
    length = int(environ.get("CONTENT_LENGTH") or 0)
    found["body"] = environ["wsgi.input"].read(length).decode("latin-1")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(found).encode()]
def away(environ, start_response):
    start_response("303 See Other", [("Location", environ["QUERY_STRING"])])
    return []
def fail(environ, start_response):
    raise RuntimeError("on purpose")
def late(environ, start_response):
    import atexit, sys
    atexit.register(lambda: print("at exit", file=sys.stderr))
    start_response("200 OK", [])
    return [b"x" * 300_000]
"""


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """The wrapper in a folder with an application of its own."""
    shutil.copy(WRAPPER, tmp_path / "run.cgi")
    (tmp_path / "echo.py").write_text(ECHO)
    return tmp_path / "run.cgi"


def test_a_request_reaches_the_application_whole(echo: Path) -> None:
    body = bytes(range(256)) * 400
    browser = Browser(call_cgi({"WSGI_APP": "echo:application"}, echo), "https://h/cgi/run.cgi")
    answer = browser.request("POST", "/a%20b/%E4%BD%A0/%FF?x=%41", body, {"CONTENT_TYPE": "text/plain"})
    got = json.loads(answer.text)
    assert got["body"] == body.decode("latin-1")
    assert got["PATH_INFO"].encode("latin-1") == b"/a b/\xe4\xbd\xa0/\xff"
    assert (got["SCRIPT_NAME"], got["QUERY_STRING"]) == ("/cgi/run.cgi", "x=%41")
    assert (got["wsgi.url_scheme"], got["wsgi.run_once"], got["CONTENT_TYPE"]) == ("https", True, "text/plain")


@pytest.mark.parametrize(
    ("base", "fields", "location", "want"),
    [
        ("http://localhost:8080/cgi", {}, "/cgi/x?y", "http://localhost:8080/cgi/x?y"),
        ("https://localhost:8443/cgi", {}, "/cgi/", "https://localhost:8443/cgi/"),
        ("http://h/cgi", {}, "/", "http://h/"),
        ("http://[::1]:8080/cgi", {}, "/", "http://[::1]:8080/"),
        ("http://h/cgi", {}, "https://elsewhere.example/", "https://elsewhere.example/"),
        ("https://h/cgi", {}, "//elsewhere.example/", "https://elsewhere.example/"),
        ("http://h/cgi", {}, "relative", "relative"),
        ("http://h:81/cgi", {"HTTP_HOST": "evil.example/x?"}, "/", "http://h:81/"),
        ("http://h:81/cgi", {"HTTP_HOST": "a b"}, "/", "http://h:81/"),
        ("https://h/cgi", {"HTTP_HOST": ""}, "/", "https://h/"),
        ("http://[::1]:81/cgi", {"HTTP_HOST": ""}, "/", "http://[::1]:81/"),
    ],
)
def test_a_redirect_keeps_scheme_host_and_port(
    echo: Path, base: str, fields: dict[str, str], location: str, want: str
) -> None:
    browser = Browser(call_cgi({"WSGI_APP": "echo:away"}, echo), base)
    answer = browser.get("/", QUERY_STRING=location, **fields)
    assert (answer.status, answer.location) == (303, want)


@pytest.mark.parametrize("name", ["nothing:application", "echo:nothing", "echo", "echo:", ":application", "os.:x"])
def test_an_application_that_cannot_be_loaded_is_named_in_the_log(echo: Path, name: str) -> None:
    result = run_cgi(echo, {"WSGI_APP": name, "REQUEST_METHOD": "GET"}, b"")
    assert result.returncode == 1
    assert result.stdout == b"", "no head: the server answers 500"
    assert f'Cannot load the application "{name}"'.encode() in result.stderr


def test_an_application_that_fails_is_a_500(echo: Path) -> None:
    environ = {"WSGI_APP": "echo:fail", "REQUEST_METHOD": "GET", "SERVER_NAME": "h", "SERVER_PORT": "80"}
    result = run_cgi(echo, environ, b"")
    assert result.stdout.startswith(b"Status: 500 ")
    assert b"on purpose" in result.stderr and b"on purpose" not in result.stdout


def test_output_is_whole_and_exit_functions_run(echo: Path) -> None:
    environ = {"WSGI_APP": "echo:late", "REQUEST_METHOD": "GET", "SERVER_NAME": "h", "SERVER_PORT": "80"}
    result = run_cgi(echo, environ, b"")
    assert result.returncode == 0
    assert result.stdout.endswith(b"\r\n\r\n" + b"x" * 300_000)
    assert result.stderr == b"at exit\n"


@pytest.mark.parametrize("place", [".venv", "elsewhere"])
def test_a_virtual_environment_comes_before_the_system(echo: Path, place: str) -> None:
    version = (
        "python"
        + subprocess.check_output(
            ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
        ).strip()
    )
    packages = echo.parent / place / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "flask.py").write_text("from echo import application")
    environ = {"WSGI_APP": "flask:application", "FLASK_VENV": str(echo.parent / place) if place == "elsewhere" else ""}
    assert Browser(call_cgi(environ, echo)).get("/").status == 200


def test_a_virtual_environment_of_another_python_is_named_in_the_log(echo: Path) -> None:
    environ = {"WSGI_APP": "echo:application", "FLASK_VENV": "/nonexistent", "REQUEST_METHOD": "GET"}
    result = run_cgi(echo, {**environ, "SERVER_NAME": "h", "SERVER_PORT": "80"}, b"")
    assert b'FLASK_VENV "/nonexistent" has no lib/python3' in result.stderr
    assert result.returncode == 0


def test_the_blog_runs_as_a_cgi_program(blog: Blog) -> None:
    browser = Browser(call_cgi(blog.settings), "https://localhost:8443/cgi")
    done = log_in(browser)
    assert done.location == "https://localhost:8443/cgi/"
    assert "You were logged in." in browser.follow(done).text
    posted = publish(browser, "From CGI", "Ünïcödé " * 2000)
    assert posted.location == "https://localhost:8443/cgi/entry/from-cgi"
    assert browser.follow(posted).status == 200
    visitor = Browser(call_cgi(blog.settings))
    assert [visitor.get("/entry/from-cgi").status for _ in range(2)] == [200, 200], "made, then kept"
    assert visitor.get("/static/blog.css").status == 200


def test_a_blog_that_cannot_start_says_why_in_the_log_alone() -> None:
    environ = {"BLOG_DATA": "/dev/null/x", "REQUEST_METHOD": "GET", "SERVER_NAME": "h", "SERVER_PORT": "80"}
    result = run_cgi(WRAPPER, {**environ, "PATH_INFO": "/", "SERVER_PROTOCOL": "HTTP/1.1"}, b"")
    assert result.stdout.startswith(b"Status: 500 ")
    assert b"/dev/null" not in result.stdout
    assert b"set BLOG_DATA" in result.stderr and b"Traceback" not in result.stderr


def test_a_blog_whose_database_is_away_says_so_and_when_to_come_again(tmp_path: Path) -> None:
    environ = {"BLOG_DATA": str(tmp_path), "REQUEST_METHOD": "GET", "SERVER_NAME": "h", "SERVER_PORT": "80"}
    away = {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}
    result = run_cgi(WRAPPER, {**environ, **away, "PATH_INFO": "/", "SERVER_PROTOCOL": "HTTP/1.1"}, b"")
    assert result.stdout.startswith(b"Status: 503 ")
    assert b"\nRetry-After: 10\r\n" in result.stdout
    assert b"127.0.0.1" not in result.stdout
    assert b"Cannot reach the database" in result.stderr and b"Traceback" not in result.stderr


def modules_of(settings: dict[str, str], path: str) -> set[str]:
    """What the interpreter imports for a page."""
    environ = {**settings, "PATH_INFO": path, "SCRIPT_NAME": "/cgi", "REQUEST_METHOD": "GET", "QUERY_STRING": ""}
    environ.update({"SERVER_NAME": "h", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "PATH": "/usr/bin:/bin"})
    command = ["/usr/bin/python3", "-X", "importtime", str(WRAPPER)]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.startswith("Status: 200 ")
    return {line.rsplit("|", 1)[1].strip() for line in result.stderr.splitlines() if line.startswith("import time:")}


def test_a_page_imports_only_what_it_needs(tmp_path: Path) -> None:
    settings = {"BLOG_DATA": str(tmp_path), "BLOG_KEEP_PAGES": "0"}
    unused = {"click", "werkzeug.serving", "werkzeug.test", "urllib.request", "http.client", "http.server", "ssl",
              "asyncio", "markdown_it", "bleach", "psycopg2", "blog.editor", "blog.account", "blog.demo"}  # fmt: skip
    made = modules_of(settings, "/")
    assert "flask" in made and not unused & made
    full = modules_of({**settings, "BLOG_FULL_IMPORTS": "1"}, "/")
    assert {"click", "werkzeug.serving"} <= full, "the blog runs with Flask whole as well"
    settings["BLOG_KEEP_PAGES"] = "1"
    modules_of(settings, "/")  # made once more, and kept
    for path in ("/", "/static/blog.css"):
        light = modules_of(settings, path)
        assert "wsgiref.handlers" in light
        assert not {"flask", "werkzeug", "jinja2", "typing", "pathlib"} & light, path
