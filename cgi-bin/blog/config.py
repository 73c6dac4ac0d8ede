"""The settings that stand outside the blog: where its data lives and which database it uses.

They come from the environment, or from the file `blog.conf` in the data folder, because a web
server may pass few variables to a CGI program or none. Everything that the owner changes while
the blog runs (title, page size, ...) is in the database instead.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

FROM_FILE = ("DATABASE_URL", "BLOG_DEMO", "BLOG_MAX_IMAGE_BYTES", "BLOG_KEEP_PAGES")
MAX_IMAGE_BYTES = 5 * 1024 * 1024


class ConfigError(Exception):
    """A setting is wrong or the data folder cannot be used; the text is for the server's log."""


class Unreachable(ConfigError):
    """The database does not answer, which may be over in a moment."""


class Config:
    """What read_config() found. Paths are absolute; database_url is None for SQLite."""

    def __init__(self, data: str, values: Mapping[str, str]) -> None:
        self.data = data
        self.database_url = values.get("DATABASE_URL") or None
        self.is_demo = values.get("BLOG_DEMO") == "1"
        self.keeps_pages = values.get("BLOG_KEEP_PAGES", "1") != "0"
        limit = values.get("BLOG_MAX_IMAGE_BYTES") or str(MAX_IMAGE_BYTES)
        if not (limit.isascii() and limit.isdigit()):
            raise ConfigError(f'BLOG_MAX_IMAGE_BYTES "{limit}" is not a number of bytes')
        self.max_image_bytes = int(limit)
        if self.database_url and not self.database_url.startswith(("postgresql:", "postgres:")):
            raise ConfigError("DATABASE_URL must begin with postgresql://")

    def path(self, *names: str) -> str:
        """A path inside the data folder."""
        return os.path.join(self.data, *names)


def read_config(environ: Mapping[str, str]) -> Config:
    """Read the settings and make the data folder (mode 0700). Raises ConfigError."""
    data = os.path.abspath(environ.get("BLOG_DATA") or default_data(environ))
    code = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    if os.path.commonpath([code, os.path.realpath(data)]) == code:
        raise ConfigError(f'BLOG_DATA "{data}" is inside the program folder "{code}"')
    try:
        os.makedirs(data, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(f'Cannot make the data folder "{data}": {error.strerror}; set BLOG_DATA') from error
    values = read_file(os.path.join(data, "blog.conf"))
    values.update({name: environ[name] for name in FROM_FILE if name in environ})
    return Config(data, values)


def default_data(environ: Mapping[str, str]) -> str:
    """The user's state folder (XDG Base Directory Specification), also where HOME is not set."""
    state = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    if not state.startswith("/"):
        raise ConfigError("This user has no home folder; set BLOG_DATA")
    return os.path.join(state, "lisod-blog")


def read_file(path: str) -> dict[str, str]:
    """`NAME = value` a line; `#` begins a comment line. A missing file is an empty one."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    values = {}
    for number, line in enumerate(lines, 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not equals or name not in FROM_FILE:
            raise ConfigError(f'{path}:{number}: unknown setting "{name}"')
        values[name] = value
    return values
