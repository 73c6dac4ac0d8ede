#!/usr/bin/python3
"""Run a WSGI application (Flask, Django, Bottle, ...) as a CGI program.

The web server starts this file once for each request; PEP 3333's own CGI gateway
(wsgiref.handlers.CGIHandler) turns the environment and stdin into a WSGI call. The two
settings are below; the environment variables of the same names win.

The first line names Debian's own Python, because that is where `apt install python3-flask`
puts Flask, and because `env python3` finds whatever stands first in the server's PATH. For
another interpreter write its full name there.
"""

from __future__ import annotations

import gc
import os
import sys

# The application: a module beside this file (or in the virtual environment), a colon, its name.
WSGI_APP = "blog.application:application"

# A virtual environment that holds the application's packages. Where it is not set, a folder `.venv`
# beside this file is taken if there is one. The dot matters: a server that runs the programs of this
# folder would run those of a `venv/bin` for everybody who asks, and pip is one of them.
FLASK_VENV = ""

TYPE_CHECKING = False  # what mypy knows as typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable

HERE = os.path.dirname(os.path.realpath(__file__))


def main() -> int:
    """Answer the one request that the environment describes; return the exit status."""
    # One request, then the process ends: what the collector would free, the exit frees.
    gc.disable()
    sys.path[:] = [HERE, *(path for path in sys.path if path not in ("", HERE))]
    add_virtual_environment(os.environ.get("FLASK_VENV") or FLASK_VENV)
    name = os.environ.get("WSGI_APP") or WSGI_APP
    try:
        application = find_application(name)
    except (ImportError, AttributeError, ValueError) as error:
        # Before the head, and with a status: the server answers 500 and its log has this line.
        print(f'Cannot load the application "{name}": {error}', file=sys.stderr)
        return 1

    from wsgiref.handlers import CGIHandler

    CGIHandler().run(with_absolute_location(application))
    return 0


def add_virtual_environment(folder: str) -> None:
    """Put the packages of a virtual environment before the system's, if there is one."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = os.path.join(folder or os.path.join(HERE, ".venv"), "lib", version, "site-packages")
    if os.path.isdir(packages):
        sys.path.insert(1, packages)
    elif folder:
        print(f'FLASK_VENV "{folder}" has no lib/{version}/site-packages', file=sys.stderr)


def find_application(name: str) -> Callable[..., Iterable[bytes]]:
    """Import `module:attribute`; raises ImportError, AttributeError or ValueError."""
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ValueError("expected module:attribute")
    __import__(module_name)
    found: Callable[..., Iterable[bytes]] = getattr(sys.modules[module_name], attribute)
    return found


def with_absolute_location(application: Callable[..., Iterable[bytes]]) -> Callable[..., Any]:
    """Make the Location of a redirect absolute.

    To CGI a Location that begins with a slash is a local redirect, which the server would answer
    itself (RFC 3875 6.2.2); a redirect for the client must name scheme and host (6.2.3). Host is
    repeated to the client that sent it, and only where it has the form of one.
    """

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            for index, (name, value) in enumerate(headers):
                if name.lower() == "location" and value.startswith("/"):
                    prefix = environ["wsgi.url_scheme"] + ":"
                    if not value.startswith("//"):
                        prefix += "//" + authority(environ)
                    headers[index] = (name, prefix + value)
            return start_response(status, headers, exc_info)

        return application(environ, start)

    return wrapped


def authority(environ: dict[str, Any]) -> str:
    """Host and port as the client wrote them, else as the server knows them."""
    import re

    host: str = environ.get("HTTP_HOST", "")
    if re.fullmatch(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", host):
        return host
    name: str = environ["SERVER_NAME"]
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    default = "443" if environ["wsgi.url_scheme"] == "https" else "80"
    port = environ.get("SERVER_PORT", default)
    return name if port == default else f"{name}:{port}"


if __name__ == "__main__":
    STATUS = main()
    # The answer is out. Taking 250 modules apart would cost another 10 ms and free nothing that
    # the end of the process does not free: run what asked to be run, flush, and go.
    import atexit

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(STATUS)
