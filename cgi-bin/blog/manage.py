"""The blog's command line, for the machine that it runs on. Needs nothing but Python (and psycopg2 for PostgreSQL).

    manage.py setup-link ADDRESS           while the blog has no owner: print a one-time link that makes one
    manage.py setup-link --again ADDRESS   print a link that sets a new name and password
    manage.py backup FILE                  copy the SQLite database to a new file, while the blog runs
    manage.py where                        say where the data are

ADDRESS is where the blog is mounted, for example http://localhost:8080/cgi
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from blog.config import Config, ConfigError, read_config  # noqa: E402
from blog.database import open_database  # noqa: E402
from blog.owner import find_owner, make_link_token  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run one command; the exit status is 2 for wrong usage, 1 for a failure."""
    if "GATEWAY_INTERFACE" in os.environ:  # a web server was made to run this file, perhaps with words of the query
        print("blog: manage.py is not for the web", file=sys.stderr)
        return 1
    try:
        config = read_config(os.environ)
        if arguments[:1] == ["setup-link"] and len(arguments) in (2, 3) and set(arguments[1:-1]) <= {"--again"}:
            return print_link(config, arguments[-1], is_again=len(arguments) == 3)
        if arguments[:1] == ["backup"] and len(arguments) == 2:
            return back_up(config, arguments[1])
        if arguments == ["where"]:
            print("PostgreSQL, as DATABASE_URL says" if config.database_url else config.path("blog.sqlite3"))
            return 0
    except (ConfigError, OSError) as error:
        print(f"blog: {error}", file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


def print_link(config: Config, address: str, is_again: bool) -> int:
    """Print a one-time link; nothing when the blog has its owner (or is a demonstration) and `is_again` is not set."""
    database = open_database(config)
    try:
        if not is_again and (config.is_demo or find_owner(database, is_demo=False)):
            return 0
        print(f"{address.rstrip('/')}/set-up?token={make_link_token(database)}")
        return 0
    finally:
        database.close()


def back_up(config: Config, path: str) -> int:
    """Copy the database; an existing file is not touched."""
    if config.database_url:
        print("blog: the data are in PostgreSQL; use pg_dump", file=sys.stderr)
        return 1
    # The copy holds the password's hash and every draft: for its owner alone.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    database = open_database(config)
    try:
        database.back_up(path)
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
