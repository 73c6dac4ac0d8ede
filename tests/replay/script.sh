#!/bin/sh
# The program of the recorded exchange: shows what it was told, and the content that it was sent. With a length, for
# without one the parts in which the answer leaves would differ from run to run.
text=$(
  printf '%s=%s\n' REQUEST_METHOD "$REQUEST_METHOD" REQUEST_URI "$REQUEST_URI" SCRIPT_NAME "$SCRIPT_NAME" \
    PATH_INFO "$PATH_INFO" QUERY_STRING "$QUERY_STRING" CONTENT_LENGTH "$CONTENT_LENGTH" HTTP_HOST "$HTTP_HOST"
  cat
)
printf 'Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %s\r\n\r\n%s\n' $((${#text} + 1)) "$text"
