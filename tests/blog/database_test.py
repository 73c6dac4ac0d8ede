"""Tests of database.py, page_cache.py, manage.py and of what many processes do at once."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

import pytest
from browser import CGI_BIN, Browser, call_cgi, call_in_process
from conftest import Blog, publish

from blog.application import make_application
from blog.config import ConfigError, read_config
from blog.database import open_database

CLIENTS, ENTRIES = 32, 500


def test_open_database_migrates_once(empty_settings: dict[str, str]) -> None:
    for _ in range(2):
        database = open_database(read_config(empty_settings))
        assert database.all("SELECT version FROM schema_version") == [{"version": 1}]
        assert database.value("SELECT count(*) FROM entries") == 0
        database.close()


def test_open_database_refuses_what_a_newer_blog_wrote(empty_settings: dict[str, str]) -> None:
    database = open_database(read_config(empty_settings))
    database.run("UPDATE schema_version SET version = 99")
    database.close()
    with pytest.raises(ConfigError, match="schema 99"):
        open_database(read_config(empty_settings))


def test_a_transaction_is_all_or_nothing(blog: Blog) -> None:
    database = blog.database()
    with pytest.raises(ZeroDivisionError):
        with database.transaction():
            database.run("INSERT INTO settings (name, value) VALUES ('x', '1')")
            _ = 1 / 0
    assert database.value("SELECT count(*) FROM settings WHERE name = 'x'") == 0
    with database.transaction():
        database.run("INSERT INTO settings (name, value) VALUES ('x', '100 %')")
    assert database.value("SELECT value FROM settings WHERE name LIKE '%x'") == "100 %"
    database.close()


def test_reading_goes_on_when_postgresql_was_restarted(shared_url: str, tmp_path: Path) -> None:
    config = read_config({"BLOG_DATA": str(tmp_path), "DATABASE_URL": shared_url})
    database, other = open_database(config), open_database(config)

    def lose_connection() -> None:
        backend = database.value("SELECT pg_backend_pid()")
        assert other.value("SELECT pg_terminate_backend(?, 5000)", backend) is True

    lose_connection()
    assert database.value("SELECT version FROM schema_version") == 1
    lose_connection()
    with pytest.raises(Exception, match="terminating connection|closed"):
        database.run("UPDATE schema_version SET version = 1")
    assert database.value("SELECT version FROM schema_version") == 1
    with pytest.raises(Exception, match="terminating connection|closed"):
        with database.transaction():
            lose_connection()
            database.value("SELECT version FROM schema_version")
    assert database.value("SELECT version FROM schema_version") == 1
    for each in (database, other):
        each.close()


def test_sqlite_is_in_wal_mode_and_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        database = open_database(read_config({"BLOG_DATA": str(tmp_path)}))
    finally:
        os.umask(old)
    assert database.value("PRAGMA journal_mode") == "wal"
    assert stat.S_IMODE(os.stat(tmp_path / "blog.sqlite3").st_mode) == 0o600
    database.close()


def at_once(count: int, work: Callable[[int], None]) -> None:
    """Run work(0) to work(count - 1) in a process each, all at the same time; fails if one of them does."""
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            try:
                work(number)
                os._exit(0)
            except BaseException:  # pylint: disable=broad-except
                traceback.print_exc()
                os._exit(1)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert statuses == [0] * count


def test_32_first_requests_at_once_make_one_schema_and_one_key(empty_settings: dict[str, str]) -> None:
    keys = Path(empty_settings["BLOG_DATA"])

    def visit(_: int) -> None:
        browser = Browser(call_in_process(make_application(read_config(empty_settings))))
        assert "No entries here so far." in browser.get("/").text

    at_once(CLIENTS, visit)
    assert [path.name for path in keys.glob("secret*")] == ["secret.key"]
    assert stat.S_IMODE((keys / "secret.key").stat().st_mode) == 0o600
    assert len((keys / "secret.key").read_bytes()) == 64


def test_500_entries_from_32_clients_are_500_entries(blog: Blog) -> None:
    owner = blog.owner()
    form = owner.get("/write")

    def write(client: int) -> None:
        for number in range(client, ENTRIES, CLIENTS):
            # As under CGI: for each request an application and a connection of its own.
            browser = Browser(call_in_process(make_application(blog.config())))
            browser.cookies = dict(owner.cookies)
            title = "The same title" if number % 2 else f"Entry {number}"
            fields = {"title": title, "body": f"word{number} text", "tags": "load", "action": "publish"}
            assert browser.submit(form, fields).status == 303

    at_once(CLIENTS, write)
    assert blog.value("SELECT count(*) FROM entries WHERE is_published = 1") == ENTRIES
    assert blog.value("SELECT count(DISTINCT slug) FROM entries") == ENTRIES
    visitor = blog.visitor()
    assert visitor.get("/?page=50").status == 200
    assert visitor.get("/?page=51").status == 404
    for number in (0, 255, 499):
        assert len(re.findall('class="found"', visitor.get(f"/search?q=word{number}+text").text)) == 1


def test_32_cgi_programs_at_once_each_take_a_comment(blog: Blog) -> None:
    publish(blog.owner(), "Note")
    page = blog.visitor().get("/entry/note")

    def send(number: int) -> int:
        browser = Browser(call_cgi(blog.settings), address=f"192.0.2.{number}")
        return browser.submit(page, {"author": f"Reader {number}", "body": "At once"}).status

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert list(pool.map(send, range(CLIENTS))) == [303] * CLIENTS
    assert blog.value("SELECT count(DISTINCT author) FROM comments") == CLIENTS


def kept(blog: Blog) -> list[Path]:
    """The files of pages that are kept."""
    return [path for path in Path(blog.settings["BLOG_DATA"]).glob("cache/pages/*/*") if path.is_file()]


def test_a_page_is_kept_until_something_changes(blog: Blog) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    publish(owner, "One")
    first = visitor.get("/")
    [path] = kept(blog)
    path.write_bytes(path.read_bytes().replace(b"One</a>", b"Two</a>"))
    again = visitor.get("/")
    assert "Two</a>" in again.text, "answered from the file"
    assert {**dict(again.fields), "Date": ""} == {**dict(first.fields), "Date": ""}
    assert visitor.get("/", HTTP_IF_NONE_MATCH=first.fields["ETag"]).status == 304
    assert "One</a>" in owner.get("/").text, "somebody with a session gets his own"
    owner.submit(owner.get("/edit/1"), {"title": "Three", "action": "save"})
    assert "Three</a>" in visitor.get("/").text


@pytest.mark.parametrize("change", ["settings", "comment", "delete", "withdraw"])
def test_every_change_is_seen_at_once(blog: Blog, change: str) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    publish(owner, "One")
    before = [visitor.get(path).text for path in ("/", "/entry/one")]
    assert len(kept(blog)) == 2
    if change == "settings":
        owner.submit(owner.get("/settings"), {"title": "Another"})
    if change == "comment":
        owner.submit(owner.get("/entry/one"), {"body": "Me too"})
    if change == "delete":
        owner.submit(owner.get("/delete/1"), {})
    if change == "withdraw":
        owner.submit(owner.get("/edit/1"), {"action": "withdraw"})
    after = [visitor.get(path).text for path in ("/", "/entry/one")]
    assert before[0] != after[0] and before[1] != after[1]


def test_only_what_every_reader_could_ask_for_is_kept(blog: Blog) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    publish(owner, "One")
    for path in ("/search?q=one", "/?page=9", "/?x=1", "/entry/one?comment=waiting", "/nothing", "/login", "/feed.xml"):
        blog.visitor().get(path)
        owner.get(path)
    owner.get("/")
    assert kept(blog) == []
    for host in ("a", "b", "c"):
        assert host + "/cgi" not in Browser(blog.in_process, f"http://{host}/cgi").get("/").text
    assert len(kept(blog)) == 1
    os.utime(kept(blog)[0], (0, 0))
    kept(blog)[0].write_bytes(b"ETag: x\n\nold")
    os.utime(kept(blog)[0], (0, 0))
    assert "One" in visitor.get("/").text, "nothing is kept for long"
    off = Blog({**blog.settings, "BLOG_KEEP_PAGES": "0"})
    kept(blog)[0].write_bytes(b"ETag: x\n\nkept")
    assert visitor.get("/").text == "kept"
    assert "One" in off.visitor().get("/").text


def test_a_page_that_cannot_be_kept_is_answered_all_the_same(blog: Blog) -> None:
    (Path(blog.settings["BLOG_DATA"]) / "cache" / "pages").write_text("a file where the folder should be")
    for _ in range(2):
        assert "No entries here so far." in blog.visitor().get("/").text


def manage(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as its user does."""
    command = ["/usr/bin/python3", str(CGI_BIN / "blog" / "manage.py"), *arguments]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)


def test_manage_prints_a_link_while_there_is_no_owner(empty_settings: dict[str, str]) -> None:
    result = manage(empty_settings, "setup-link", "http://localhost:8080/cgi/")
    assert re.fullmatch(r"http://localhost:8080/cgi/set-up\?token=[\w-]{32}\n", result.stdout), result.stderr
    browser = Browser(call_in_process(make_application(read_config(empty_settings))))
    assert browser.get(result.stdout.strip()).status == 200
    assert manage({**empty_settings, "BLOG_DEMO": "1"}, "setup-link", "http://x").stdout == ""


def test_manage_prints_no_link_when_there_is_an_owner_unless_asked_again(blog: Blog) -> None:
    assert manage(blog.settings, "setup-link", "http://x").stdout == ""
    assert "token=" in manage(blog.settings, "setup-link", "--again", "http://x").stdout


def test_manage_backs_up_and_the_copy_can_be_restored(blog: Blog, tmp_path: Path) -> None:
    publish(blog.owner(), "Precious")
    copy = tmp_path / "copy.sqlite3"
    result = manage(blog.settings, "backup", str(copy))
    if "DATABASE_URL" in blog.settings:
        assert result.returncode == 1 and "pg_dump" in result.stderr
        return
    assert result.returncode == 0, result.stderr
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert manage(blog.settings, "backup", str(copy)).returncode == 1, "an existing file is not touched"
    data = tmp_path / "restored"
    data.mkdir()
    copy.rename(data / "blog.sqlite3")
    with sqlite3.connect(data / "blog.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "Precious" in Blog({"BLOG_DATA": str(data)}).visitor().get("/").text


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "want"),
    [
        ([], {}, 2, "setup-link ADDRESS"),
        (["nonsense"], {}, 2, "setup-link ADDRESS"),
        (["setup-link"], {}, 2, "setup-link ADDRESS"),
        (["setup-link", "--nonsense", "http://x"], {}, 2, "setup-link ADDRESS"),
        (["where"], {"BLOG_DATA": "/dev/null/x"}, 1, "set BLOG_DATA"),
        (["setup-link", "--again", "http://x"], {"GATEWAY_INTERFACE": "CGI/1.1"}, 1, "not for the web"),
        (["where"], {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 0, ""),
        (["setup-link", "http://x"], {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 1, "Cannot reach the database"),
    ],
)
def test_manage_explains_failures(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], status: int, want: str
) -> None:
    result = manage({"BLOG_DATA": str(tmp_path), **settings}, *arguments)
    assert result.returncode == status, result.stderr
    assert want in result.stderr and "Traceback" not in result.stderr


def test_no_file_of_the_blog_can_be_run_by_a_web_server() -> None:
    files = [path for path in (CGI_BIN / "blog").rglob("*") if path.is_file()]
    assert len(files) > 40
    assert [path.name for path in files if path.stat().st_mode & 0o111] == []


assert sys.executable.startswith("/usr/bin/"), "run with /usr/bin/python3, as the blog is"
