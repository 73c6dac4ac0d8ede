#!/bin/sh
# The text of the rows of compression, from a program.
printf 'Content-Type: text/plain\n\n'
exec cat "${0%/*}/../www/words.txt"
