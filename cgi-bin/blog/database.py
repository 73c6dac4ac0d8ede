"""One connection to the blog's database, SQLite or PostgreSQL, and the migrations of its schema.

The queries of the blog are written once, with `?` for a value, in the SQL that both understand.
What differs stays in this file and in the two schema folders. SQLite runs in WAL mode, so that
readers never wait for the writer; a writer waits for another one up to BUSY_SECONDS.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

from .config import Config, ConfigError, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    Row = dict[str, Any]

BUSY_SECONDS = 20
# A PostgreSQL that is being restarted is back within this time; nobody has to see that it was away.
RESTART_SECONDS = 3
RETRY_SECONDS = 0.1
SCHEMA_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema")
# Any number that no other program on the same PostgreSQL database locks.
ADVISORY_LOCK = 0x6C69736F64


def connect_patiently(url: str) -> Any:
    """A connection to PostgreSQL, tried again while it may be starting. Raises Unreachable."""
    import time

    import psycopg2

    end = time.monotonic() + RESTART_SECONDS
    while True:
        try:
            return psycopg2.connect(url, connect_timeout=5)
        except psycopg2.OperationalError as error:
            if time.monotonic() > end:
                raise Unreachable(f"Cannot reach the database: {error}") from error
        time.sleep(RETRY_SECONDS)


class Database:
    """A connection in autocommit mode; several statements that belong together take transaction()."""

    def __init__(self, config: Config) -> None:
        self.is_postgresql = config.database_url is not None
        self._url = config.database_url
        self._is_in_transaction = False
        if config.database_url is not None:
            # psycopg2, not psycopg 3: it is imported in a quarter of the time (25 ms against 100).
            import psycopg2
            import psycopg2.extensions

            self.integrity_error: type[Exception] = psycopg2.IntegrityError
            self._missing_table: type[Exception] = psycopg2.errors.UndefinedTable
            self._connection: Any = connect_patiently(config.database_url)
            self._connection.autocommit = True
        else:
            import sqlite3

            self.integrity_error = sqlite3.IntegrityError
            self._missing_table = sqlite3.OperationalError
            path = config.path("blog.sqlite3")
            # Drafts and the password's hash are in it: for its owner alone, whatever the umask.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._connection.execute("PRAGMA foreign_keys = ON")

    def all(self, sql: str, *values: object) -> list[Row]:
        """Run a query; each row is a dictionary."""
        cursor = self._execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def one(self, sql: str, *values: object) -> Row | None:
        """The first row of a query, or None."""
        rows = self.all(sql, *values)
        return rows[0] if rows else None

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, *values)
        return next(iter(row.values())) if row else None

    def run(self, sql: str, *values: object) -> int:
        """Run a statement; returns the number of rows that it changed."""
        count: int = self._execute(sql, values).rowcount
        return count

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Writers of SQLite queue here; on PostgreSQL they run side by side."""
        self._execute("BEGIN" if self.is_postgresql else "BEGIN IMMEDIATE", ())
        self._is_in_transaction = True
        try:
            yield
        except BaseException:
            # A connection that was lost has taken the transaction with it.
            if not self._is_lost():
                self._execute("ROLLBACK", ())
            raise
        else:
            self._execute("COMMIT", ())
        finally:
            self._is_in_transaction = False

    def lock(self) -> None:
        """Inside a transaction: let no other transaction pass this point until this one ends."""
        if self.is_postgresql:
            self._execute("SELECT pg_advisory_xact_lock(?)", (ADVISORY_LOCK,))
        # SQLite: BEGIN IMMEDIATE already did that.

    def back_up(self, path: str) -> None:
        """Copy a SQLite database to a new file, consistent even while others write."""
        import sqlite3

        with sqlite3.connect(path) as copy:
            self._connection.backup(copy)
        copy.close()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def migrate(self) -> None:
        """Bring the schema to the newest version, once, however many processes ask together.

        Raises ConfigError when the database was written by a newer blog.
        """
        files = schema_files("postgresql" if self.is_postgresql else "sqlite")
        newest = max(files)
        version = self._schema_version()
        if version == newest:
            return
        if version == 0 and not self.is_postgresql:
            self._enter_wal_mode()
        with self.transaction():
            self.lock()
            self.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
            version = self.value("SELECT version FROM schema_version") or 0
            if version > newest:
                raise ConfigError(f"The database has schema {version}, this blog knows {newest}: update the blog")
            for number in range(version + 1, newest + 1):
                with open(files[number], encoding="utf-8") as file:
                    for statement in file.read().split(";\n"):
                        if statement.strip():
                            self.run(statement)
            self.run("DELETE FROM schema_version")
            self.run("INSERT INTO schema_version (version) VALUES (?)", newest)

    def _schema_version(self) -> int:
        try:
            return self.value("SELECT version FROM schema_version") or 0
        except self._missing_table as error:
            if self.is_postgresql or "no such table" in str(error):
                return 0
            raise

    def _enter_wal_mode(self) -> None:
        """Once in the life of the file. The switch needs the file for itself and does not queue for it."""
        import sqlite3
        import time

        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self.run("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _execute(self, sql: str, values: tuple[object, ...]) -> Any:
        if not self.is_postgresql:
            return self._connection.execute(sql, values)
        try:
            return self._ask(sql, values)
        except Exception:
            # What only reads is asked again: nobody has to see that PostgreSQL was restarted in the middle of a page.
            if self._url is None or self._is_in_transaction or not self._is_lost() or not sql.startswith("SELECT"):
                raise
        self._connection = connect_patiently(self._url)
        self._connection.autocommit = True
        return self._ask(sql, values)

    def _ask(self, sql: str, values: tuple[object, ...]) -> Any:
        cursor = self._connection.cursor()
        # Without values psycopg2 takes the text as it is, and `%%` would stay.
        cursor.execute(sql.replace("%", "%%").replace("?", "%s") if values else sql, values or None)
        return cursor

    def _is_lost(self) -> bool:
        return self.is_postgresql and self._connection.closed != 0


def schema_files(kind: str) -> dict[int, str]:
    """The migrations of a kind of database: version -> file."""
    folder = os.path.join(SCHEMA_FOLDER, kind)
    return {int(name[:4]): os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".sql")}


def open_database(config: Config) -> Database:
    """Connect, and migrate if need be. Raises ConfigError when the database cannot be used."""
    database = Database(config)
    try:
        database.migrate()
    except BaseException:
        database.close()
        raise
    return database
