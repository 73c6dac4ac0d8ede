"""A small browser for the tests: cookies, forms filled in as they stand on the page, and two ways to the blog.

call_in_process() calls the WSGI application; call_cgi() starts wsgi_wrapper.py as a web server does and
reads what it prints (RFC 3875 6).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from email.message import Message
from email.parser import BytesParser
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Callable, Mapping
from urllib.parse import unquote_to_bytes, urlencode, urljoin, urlsplit

CGI_BIN = Path(__file__).resolve().parents[2] / "cgi-bin"
sys.path.insert(0, str(CGI_BIN))

Upload = tuple[str, bytes]
Fields = Mapping[str, "str | Upload"]
Call = Callable[[dict[str, str], bytes], "tuple[int, Message, bytes]"]


class Form(HTMLParser):
    """The forms of a page: `forms` holds (action, method, fields with their values) in the page's order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, dict[str, str | Upload]]] = []
        self._area: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((found.get("action", ""), found.get("method", "get"), {}))
        if not self.forms:
            return
        if tag == "input" and "name" in found and found.get("type") != "file":
            if found.get("type") != "checkbox" or "checked" in found:
                self.forms[-1][2][found["name"]] = found.get("value", "")
        if tag == "textarea":
            self._area = found["name"]
            self.forms[-1][2][found["name"]] = ""

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            fields = self.forms[-1][2]
            fields[self._area] = str(fields[self._area]) + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            fields = self.forms[-1][2]
            fields[self._area] = str(fields[self._area]).removeprefix("\n")
            self._area = None


class Answer:
    """One response. `url` is the address that was asked for."""

    def __init__(self, url: str, status: int, fields: Message, content: bytes) -> None:
        self.url = url
        self.status = status
        self.fields = fields
        self.content = content

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return str(self.fields["Location"])

    def form(self, index: int = 0) -> tuple[str, str, dict[str, str | Upload]]:
        """The n-th form of the page that has method=post."""
        return [form for form in Form(self.text).forms if form[1] == "post"][index]


class Browser:
    """One visitor: base is the address of the blog, such as http://localhost:8080/cgi."""

    def __init__(self, call: Call, base: str = "http://localhost:8080/cgi", address: str = "192.0.2.1") -> None:
        self.call = call
        self.base = base
        self.address = address
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    def get(self, path: str, **fields: str) -> Answer:
        """GET a path below the base, or a full address; `fields` are HTTP_* variables."""
        return self.request("GET", path, b"", fields)

    def post(self, path: str, values: Fields, **fields: str) -> Answer:
        """POST a form as it is, without a look at any page."""
        content, content_type = encode(values)
        return self.request("POST", path, content, {"CONTENT_TYPE": content_type, **fields})

    def submit(self, page: Answer, values: Fields, index: int = 0) -> Answer:
        """Fill in a form of a page and send it: fields that are not named keep what the page has in them."""
        action, _, fields = page.form(index)
        return self.post(urljoin(page.url, action), {**fields, **values})

    def follow(self, answer: Answer) -> Answer:
        """GET where a redirect leads."""
        assert answer.status == 303, (answer.status, answer.text)
        return self.open(answer.location)

    def open(self, link: str) -> Answer:
        """GET what a link on a page leads to."""
        return self.get(urljoin(self.base, link))

    def request(self, method: str, path: str, content: bytes, fields: Mapping[str, str]) -> Answer:
        """Send one request and keep its cookies."""
        url = path if path.startswith("http") else self.base + path
        parts, root = urlsplit(url), urlsplit(self.base).path
        assert parts.path.startswith(root), f"{url} leaves {self.base}"
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": root,
            "PATH_INFO": unquote_latin(parts.path[len(root) :]),
            "QUERY_STRING": parts.query,
            "REMOTE_ADDR": self.address,
            "SERVER_NAME": parts.hostname or "",
            "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "HTTP_HOST": parts.netloc,
            "CONTENT_LENGTH": str(len(content)) if content else "",
            **fields,
        }
        if parts.scheme == "https":
            environ["HTTPS"] = "on"
        if self.cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        status, head, body = self.call(environ, content)
        self.set_cookies = head.get_all("Set-Cookie", [])
        for line in self.set_cookies:
            cookies: SimpleCookie[str] = SimpleCookie(line)
            for name, morsel in cookies.items():
                if morsel["max-age"] == "0" or "1970" in morsel["expires"]:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return Answer(url, status, head, body)


def unquote_latin(path: str) -> str:
    """Percent-decoded bytes as a server puts them into PATH_INFO, written as WSGI wants them (PEP 3333)."""
    return unquote_to_bytes(path).decode("latin-1")


def encode(values: Fields) -> tuple[bytes, str]:
    """A form's fields as content and Content-Type."""
    if not any(isinstance(value, tuple) for value in values.values()):
        return urlencode({name: str(value) for name, value in values.items()}).encode(), (
            "application/x-www-form-urlencoded"
        )
    boundary = b"----------------4f1d2a7c"
    parts = []
    for name, value in values.items():
        head = b'Content-Disposition: form-data; name="%s"' % name.encode()
        if isinstance(value, tuple):
            parts.append(head + b'; filename="%s"\r\n\r\n' % value[0].encode() + value[1])
        else:
            parts.append(head + b"\r\n\r\n" + value.encode())
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + b"--%s--\r\n" % boundary
    return body, f"multipart/form-data; boundary={boundary.decode()}"


def call_in_process(application: Callable[..., Any]) -> Call:
    """Requests go to a WSGI application in this process."""

    def call(environ: dict[str, str], content: bytes) -> tuple[int, Message, bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        errors = io.StringIO()
        full: dict[str, object] = {
            **environ,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if environ.get("HTTPS") == "on" else "http",
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": errors,
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": True,
        }

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            started.append((status, headers))

        result = application(full, start_response)
        try:
            body = b"".join(result)
        finally:
            getattr(result, "close", lambda: None)()
        status, headers = started[-1]
        fields = Message()
        for name, value in headers:
            fields.add_header(name, value)
        assert "Traceback" not in errors.getvalue(), errors.getvalue()
        return int(status.split()[0]), fields, body

    return call


def call_cgi(settings: Mapping[str, str], script: Path = CGI_BIN / "wsgi_wrapper.py") -> Call:
    """Requests start the script, with `settings` in its environment."""

    def call(environ: dict[str, str], content: bytes) -> tuple[int, Message, bytes]:
        result = run_cgi(script, {**settings, **environ}, content)
        assert result.returncode == 0, result.stderr.decode()
        head, _, body = result.stdout.replace(b"\r\n", b"\n", 40).partition(b"\n\n")
        fields = BytesParser().parsebytes(head + b"\n\n")
        return int(fields.get("Status", "200").split()[0]), fields, body

    return call


def run_cgi(script: Path, environ: Mapping[str, str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    """Start a CGI program with exactly this environment, PATH and LANG aside."""
    raw = {name.encode(): value.encode("latin-1") for name, value in environ.items()}
    full = {b"PATH": os.environb[b"PATH"], b"LANG": b"C.UTF-8", **raw}
    return subprocess.run([script], input=content, capture_output=True, env=full, timeout=60, check=False)
