#!/usr/bin/python3 -S
# The smallest CGI script in Python: its time is the interpreter's start, without the site module.
import sys

sys.stdout.write("Content-Type: text/plain\r\n\r\nHello from a script.\n")
