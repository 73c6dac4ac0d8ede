"""A PostgreSQL server for the tests: Debian's, in a temporary folder, on a free port of the loopback.

It does not run as root; started by root it runs as the user `postgres`, whom the package makes.
"""

from __future__ import annotations

import glob
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile

PASSWORD = "only-for-the-tests"


def find_programs() -> str | None:
    """The folder with initdb and pg_ctl of the newest version, None where there is none."""
    folders = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    return os.path.dirname(max(folders)) if folders else None


def free_port() -> int:
    """A port below the range that clients take theirs from."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class PostgreSQL:
    """A running server; stop() ends it and removes its folder."""

    def __init__(self, programs: str) -> None:
        self._programs = programs
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._folder = tempfile.mkdtemp(prefix="blog-postgresql-")
        self.port = free_port()
        password_file = os.path.join(self._folder, "password")
        with open(password_file, "w", encoding="ascii") as file:
            file.write(PASSWORD)
        if self._as_user:
            owner = pwd.getpwnam("postgres")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
            os.chown(password_file, owner.pw_uid, owner.pw_gid)
        self._data = os.path.join(self._folder, "data")
        self._run(
            "initdb", "-D", self._data, "-U", "blog", "-A", "scram-sha-256", f"--pwfile={password_file}",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        # What makes data survive a power cut is off (-F): these are not to survive the test.
        self._options = f"-F -h 127.0.0.1 -p {self.port} -k {self._folder} -c max_connections=80"
        self._log = os.path.join(self._folder, "log")
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self._log, "-o", self._options)

    def url(self, database: str) -> str:
        """The DATABASE_URL of a database."""
        return f"postgresql://blog:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make a database; returns its URL."""
        self.sql(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database."""
        self.sql(f'DROP DATABASE "{database}" WITH (FORCE)')

    def sql(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        import psycopg2

        connection = psycopg2.connect(self.url("postgres"))
        try:
            connection.autocommit = True
            connection.cursor().execute(statement)
        finally:
            connection.close()

    def restart(self) -> None:
        """End it and start it again; who is connected is cut off."""
        options = ("-m", "fast", "-w", "-D", self._data, "-l", self._log, "-o", self._options)
        self._run("pg_ctl", "restart", *options)

    def stop(self) -> None:
        """End the server at once."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-w", "-D", self._data)
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, os.path.join(self._programs, program), *arguments]
        # Not a pipe: the server would keep it open.
        with open(os.path.join(self._folder, program + ".out"), "ab") as out:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", check=False)
        if status.returncode:
            with open(out.name, encoding="utf-8") as file:
                raise RuntimeError(f"{program} failed: {file.read()}")
