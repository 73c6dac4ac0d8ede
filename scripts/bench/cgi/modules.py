#!/usr/bin/python3
"""What many a small program imports."""
import html
import json
import urllib.parse

text = urllib.parse.unquote(html.unescape(json.loads('"Hello%20from a script."')))
print("Content-Type: text/plain\n")
print(text)
