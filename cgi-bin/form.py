#!/usr/bin/python3
"""Shows a form, and what was sent with it: how a CGI program reads its standard input.

Try it: curl -d 'name=Ada' -d 'colour=blue' http://localhost:8080/cgi/form.py

The content of a request stands on standard input, CONTENT_LENGTH says how many bytes there are, and CONTENT_TYPE how
they are to be read (RFC 3875 4.2). Only modules that come with Python are needed.
"""

import html
import os
import sys
from urllib.parse import parse_qsl

MAX_BYTES = 65_536
FORM_TYPE = "application/x-www-form-urlencoded"

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A form</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
  label {{ display: block; margin: .8rem 0 }}
  input, button {{ font: inherit; padding: .3rem .6rem }}
</style>
<h1>A form</h1>
{answer}
<form method="post" action="{action}">
  <label>Your name <input name="name" autocomplete="name" required></label>
  <label>A colour <input name="colour"></label>
  <button>Send</button>
</form>
"""


def respond(status: str, content_type: str, text: str, *fields: str) -> None:
    """Prints a whole response; the length in bytes lets the client see that nothing is missing."""
    content = text.encode()
    head = [f"Status: {status}", f"Content-Type: {content_type}; charset=utf-8", f"Content-Length: {len(content)}"]
    sys.stdout.buffer.write("\n".join([*head, *fields, "", ""]).encode() + content)


def refuse(status: str, *fields: str) -> None:
    """Says in a word why there is no page."""
    respond(status, "text/plain", f"{status}\n", *fields)


def describe(pairs: list[tuple[str, str]]) -> str:
    """A list of what was sent; all of it is escaped, for it came from a client."""
    items = "".join(f"<li><b>{html.escape(name)}</b>: {html.escape(value)}" for name, value in pairs)
    return f"<p>You sent:<ul>{items}</ul>" if items else "<p>You sent nothing."


def main() -> None:
    """Answers one request, as the variables describe it."""
    method = os.environ.get("REQUEST_METHOD", "GET")
    answer = ""
    if method == "POST":
        length = int(os.environ.get("CONTENT_LENGTH") or 0)
        content_type = os.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if content_type != FORM_TYPE:
            return refuse("415 Unsupported Media Type")
        if length > MAX_BYTES:
            return refuse("413 Content Too Large")
        # Exactly so many bytes: there may be no end of file behind them. RFC 3875 4.2.
        content = sys.stdin.buffer.read(length).decode("utf-8", "replace")
        try:
            answer = describe(parse_qsl(content, keep_blank_values=True, max_num_fields=100))
        except ValueError:
            return refuse("400 Bad Request")
    elif method not in ("GET", "HEAD"):
        return refuse("405 Method Not Allowed", "Allow: GET, HEAD, POST")
    action = html.escape(os.environ.get("SCRIPT_NAME", ""))
    respond("200 OK", "text/html", PAGE.format(answer=answer, action=action))


if __name__ == "__main__":
    main()
