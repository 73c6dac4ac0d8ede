"""What the tests share: a blog with an owner, on SQLite and on PostgreSQL, and visitors for it."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Answer, Browser, Call, call_cgi, call_in_process
from postgresql import PostgreSQL, find_programs

from blog.application import make_application
from blog.config import Config, read_config
from blog.database import Database, open_database
from blog.passwords import scrypt

OWNER, PASSWORD = "Ada", "a good long password"
# The cost that a stored hash names is the one it is checked with: this one is cheap, for the tests.
CHEAP_HASH = f"scrypt:512:8:1$salt${scrypt(PASSWORD, 'salt', 512, 8, 1)}"
NUMBERS = itertools.count(1)

os.environ["TZ"] = "UTC"
time.tzset()


class Blog:
    """A blog and what a test needs of it. `settings` are its environment variables."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.settings = settings
        self.in_process = call_in_process(make_application(self.config()))

    def config(self) -> Config:
        """The blog's configuration."""
        return read_config(self.settings)

    def database(self) -> Database:
        """A new connection to its database."""
        return open_database(self.config())

    def sql(self, statement: str, *values: object) -> None:
        """Change something behind the blog's back."""
        database = self.database()
        database.run(statement, *values)
        database.close()

    def value(self, query: str, *values: object) -> object:
        """Ask the database for one value."""
        database = self.database()
        try:
            return database.value(query, *values)
        finally:
            database.close()

    def call(self, is_cgi: bool = False) -> Call:
        """In process, or as a CGI program."""
        return call_cgi(self.settings) if is_cgi else self.in_process

    def visitor(self, base: str = "http://localhost:8080/cgi", address: str = "192.0.2.1") -> Browser:
        """Somebody who is not logged in."""
        return Browser(self.in_process, base, address)

    def make_owner(self) -> None:
        """Give the blog its owner, as the set-up link would."""
        self.sql("INSERT INTO users (name, password) VALUES (?, ?)", OWNER, CHEAP_HASH)

    def owner(self, base: str = "http://localhost:8080/cgi") -> Browser:
        """The owner, logged in through the form."""
        browser = self.visitor(base)
        answer = log_in(browser)
        assert answer.status == 303, answer.text
        return browser


def log_in(browser: Browser, name: str = OWNER, password: str = PASSWORD) -> Answer:
    """Fill in the login form."""
    return browser.submit(browser.get("/login"), {"name": name, "password": password})


def publish(browser: Browser, title: str, body: str = "Some text.", tags: str = "", action: str = "publish") -> Answer:
    """Write an entry through the editor; returns what the last button answered."""
    page = browser.get("/write")
    return browser.submit(page, {"title": title, "body": body, "tags": tags, "action": action})


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The PostgreSQL server of this run."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    server = PostgreSQL(programs)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def shared_url(postgresql: PostgreSQL) -> str:
    """One PostgreSQL database with the newest schema, for one test after the other."""
    return postgresql.create("shared")


def clear(blog: Blog) -> None:
    """Take everything out of the tables of a PostgreSQL database (a new one for each test is slow)."""
    database = blog.database()
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version'"
    names = ", ".join(row["tablename"] for row in database.all(tables))
    database.run(f"TRUNCATE {names} RESTART IDENTITY")
    database.close()


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all tests keep the compiled templates: to compile them in each test would be most of its time."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def data(tmp_path: Path, compiled_templates: Path) -> Path:
    """A data folder."""
    folder = tmp_path / "data"
    (folder / "cache").mkdir(parents=True)
    (folder / "cache" / "templates").symlink_to(compiled_templates)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_settings(request: pytest.FixtureRequest, data: Path) -> Iterator[dict[str, str]]:
    """The settings of a blog whose database has nothing in it, not even a schema."""
    settings = {"BLOG_DATA": str(data), "TZ": "UTC"}
    if request.param == "sqlite":
        yield settings
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = f"empty_{next(NUMBERS)}"
    settings["DATABASE_URL"] = server.create(name)
    yield settings
    server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def blog(request: pytest.FixtureRequest, data: Path) -> Blog:
    """A blog with its owner and no entry."""
    settings = {"BLOG_DATA": str(data), "TZ": "UTC"}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("shared_url")
    made = Blog(settings)
    if request.param == "postgresql":
        clear(made)
    made.make_owner()
    return made
