#!/usr/bin/python3
"""A WSGI application as a CGI program, by the module for it that comes with Python."""

from wsgiref.handlers import CGIHandler
from wsgiref.util import request_uri


def application(environ, start_response):
    """Answers with its own address, its path and the content that came."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    content = environ["wsgi.input"].read(length).decode()
    text = f"{request_uri(environ)}|{environ['PATH_INFO']}|{content}|{environ['wsgi.url_scheme']}\n".encode()
    start_response("202 Accepted", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]


CGIHandler().run(application)
