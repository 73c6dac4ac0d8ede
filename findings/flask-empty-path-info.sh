#!/bin/bash
# Flask 2.2.2 with Werkzeug 2.2.2 (Debian 12, python3-flask 2.2.2-3, python3-werkzeug 2.2.2-3+deb12u1) as a CGI program: PATH_INFO
# that is empty, and PATH_INFO that is not there. RFC 3875 4.1.5 lets a host choose where the path ends with the program's name,
# and hosts do: Apache and lighttpd leave it out, nginx with fastcgi_split_path_info and Python's http.server give it empty.
#
# Guess, before it was run: one answer to both, for they mean the same.
# Seen: the same program is redirected by one host and answers by the other:
#     PATH_INFO=       Status: 308 PERMANENT REDIRECT, Location: http://h.example/p.cgi/
#     no PATH_INFO     Status: 200 OK
#     PATH_INFO=/      Status: 200 OK
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 python3-flask=2.2.2-3 python3-werkzeug=2.2.2-3+deb12u1 python3-jinja2=3.1.2-1+deb12u3 \
  python3-markupsafe=2.1.2-1+b1 python3-itsdangerous=2.1.2-3 python3-click=8.1.3-2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

cat >"$dir/p.py" <<'PROGRAM'
from wsgiref.handlers import CGIHandler
from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return "index\n"


CGIHandler().run(app)
PROGRAM

check() { # a variable or nothing, the first line of the head, Location
  local seen
  env -i "PYTHONPATH=$dir/root/usr/lib/python3/dist-packages" GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 REQUEST_METHOD=GET \
    SERVER_NAME=h.example SERVER_PORT=80 SCRIPT_NAME=/p.cgi QUERY_STRING= ${1:+"$1"} /usr/bin/python3 "$dir/p.py" >"$dir/output"
  seen=$(tr -d '\r' <"$dir/output" | sed -n '/^$/q; /^Status\|^Location/p' | paste -s -d ' ')
  echo "${1:-no PATH_INFO}: $seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; exit 1; }
}
check PATH_INFO= "Status: 308 PERMANENT REDIRECT Location: http://h.example/p.cgi/"
check "" "Status: 200 OK"
check PATH_INFO=/ "Status: 200 OK"
