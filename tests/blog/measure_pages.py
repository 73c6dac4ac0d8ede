"""What a page of the blog costs under CGI: processor time of the whole process, from its start to its end.

    /usr/bin/python3 tests/blog/measure_pages.py [runs]

Each row is started once in each round, so that a busy machine treats all alike; the least time is what
the work takes, the median what it took today.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile

from browser import CGI_BIN

WRAPPER = str(CGI_BIN / "wsgi_wrapper.py")
PYTHON = "/usr/bin/python3"
KEPT, MADE, WHOLE = (
    {"BLOG_KEEP_PAGES": "1"},
    {"BLOG_KEEP_PAGES": "0"},
    {"BLOG_KEEP_PAGES": "0", "BLOG_FULL_IMPORTS": "1"},
)
# name, command, path, settings
ROWS: tuple[tuple[str, list[str], str, dict[str, str]], ...] = (
    ("Python alone (python3 -c pass)", [PYTHON, "-c", "pass"], "", {}),
    ("import flask alone", [PYTHON, "-c", "import flask"], "", {}),
    ("style sheet", [WRAPPER], "/static/blog.css", KEPT),
    ("newest entries, kept for readers", [WRAPPER], "/", KEPT),
    ("newest entries, made", [WRAPPER], "/", MADE),
    ("newest entries, made, Flask imported whole", [WRAPPER], "/", WHOLE),
    ("search", [WRAPPER], "/search", MADE),
)


def environment(data: str, path: str, settings: dict[str, str]) -> dict[str, str]:
    """A request as a web server describes it."""
    request = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/cgi", "PATH_INFO": path, "QUERY_STRING": ""}
    server = {"SERVER_NAME": "localhost", "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.1"}
    blog = {"BLOG_DATA": data, "BLOG_DEMO": "1", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return {**request, **server, **blog, **settings}


def processor_ms(command: list[str], env: dict[str, str]) -> float:
    """User and system time of one run, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main(runs: int) -> None:
    """Print a line for each row."""
    with tempfile.TemporaryDirectory() as data:
        jobs = [(command, environment(data, path, settings)) for _, command, path, settings in ROWS]
        for command, env in jobs:  # fills the database and the caches
            processor_ms(command, env)
        times: list[list[float]] = [[] for _ in ROWS]
        for _ in range(runs):
            for row, (command, env) in zip(times, jobs):
                row.append(processor_ms(command, env))
    print(f"processor time in ms, {runs} runs, load {os.getloadavg()[0]:.1f}:   least  median")
    for (name, *_), row in zip(ROWS, times):
        print(f"  {name:<45} {min(row):6.1f} {statistics.median(row):7.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
