#!/usr/bin/python3
"""A page of Flask: a CGI program, and an application for servers that keep one."""
from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    return "Hello from a script.\n"


if __name__ == "__main__":
    from wsgiref.handlers import CGIHandler

    CGIHandler().run(app)
