#!/bin/sh
# The smallest CGI script of the shell: no other program is started.
printf 'Content-Type: text/plain\r\n\r\nHello from a script.\n'
