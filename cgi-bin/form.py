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

# That of the sample site; its first part is in www/style.css too.
STYLE = """\
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1d2126;--quiet:#565d66;
--line:#d9dcd6;--accent:#0b6158;--panel:#f1f3ee}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e4e6e3;--quiet:#a2a9b0;
--line:#31373d;--accent:#6fd0bf;--panel:#1c2125}}
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:46rem;padding:1.5rem 1.25rem 3rem;background:var(--paper);color:var(--ink);
font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:break-word}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:2px}
nav a{display:inline-block;padding:.4rem 0}
main{margin-top:2.5rem}
h1{margin:0 0 .75rem;font-size:clamp(1.75rem,1.2rem + 2.6vw,2.5rem);line-height:1.15;
letter-spacing:-.015em;text-wrap:balance}
form,.sent{max-width:26rem}
.sent{margin:0 0 1.5rem;padding:.75rem 1.25rem;border-left:4px solid var(--accent);border-radius:0 6px 6px 0;
background:var(--panel)}
.sent h2{margin:0 0 .5rem;font-size:1.15rem;line-height:1.3}
dl{margin:0}
dt{font-weight:600}
dd{margin:0 0 .5rem}
label{display:block;margin:0 0 1.1rem;font-weight:600}
input{display:block;width:100%;min-height:2.75rem;margin-top:.25rem;padding:.5rem .65rem;border:1px solid var(--quiet);
border-radius:6px;background:var(--paper);color:inherit;font:inherit}
button{min-height:2.75rem;padding:.55rem 1.1rem;border:0;border-radius:6px;background:var(--accent);color:var(--paper);
font:600 1rem/1.5 system-ui,sans-serif;cursor:pointer}
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A form</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
<nav><a href="/">Home</a></nav>
<main>
<h1>A form</h1>
{answer}<form method="post" action="{action}">
<label>Your name <input name="name" autocomplete="name" required></label>
<label>A colour <input name="colour"></label>
<button>Send</button>
</form>
</main>
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
    items = "".join(f"<dt>{html.escape(name)}<dd>{html.escape(value)}" for name, value in pairs)
    sent = f"<h2>You sent</h2><dl>{items}</dl>" if items else "<p>You sent nothing."
    return f'<section class="sent">{sent}</section>\n'


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
    respond("200 OK", "text/html", PAGE.format(style=STYLE, answer=answer, action=action))


if __name__ == "__main__":
    main()
