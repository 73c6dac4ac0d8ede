#!/bin/bash
# PUT that is redirected by 301 or 302, at clients that go on as PUT: requests 2.28.1 (Debian 12, python3-requests 2.28.1+dfsg-1),
# curl 7.88.1 by --request PUT --data and by --upload-file (curl 7.88.1-10+deb12u15), Mojolicious 9.31 (libmojolicious-perl
# 9.31+dfsg-1), Tornado 6.2.0 (python3-tornado 6.2.0-3+deb12u4); and undici 7.30.2 (npm), whose fetch is that of Node.js.
#
# RFC 9110 15.4.2, 15.4.3: for historical reasons POST may become GET at 301 and 302; nothing else changes. 15.4: where the method
# becomes GET or HEAD, the fields that describe the content go with it. Servers send 301 from http: to https:, and from /a to /a/.
# Guess, before it was run: PUT with its content, each time, by each client.
# Seen: three clients go on as PUT without any content. A server that stores what it is sent has an empty page then, and the client's
#   program is told 200. requests does so at 301 alone (302 makes GET of it), the others at both; with 307 and 308 all is well:
#            requests   curl --data   curl --upload-file   Mojolicious   Tornado      undici
#     301    PUT ""     PUT ""        PUT "hello"          PUT ""        PUT "hello"  PUT "hello"
#     302    GET ""     PUT ""        PUT "hello"          PUT ""        PUT "hello"  PUT "hello"
#     307    PUT "hello" from each
#     308    PUT "hello" from each
#   (LWP, excon and superagent make GET of it at 302; got, axios, node-fetch, aiohttp, urllib3, HTTPClient and wget keep the content.)
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 python3-requests=2.28.1+dfsg-1 python3-urllib3=1.26.12-1+deb12u4 \
  python3-certifi=2022.9.24-1 python3-idna=3.3-1+deb12u1 python3-chardet=5.1.0+dfsg-2 python3-charset-normalizer=3.0.1-2 \
  python3-tornado=6.2.0-3+deb12u4 libmojolicious-perl=9.31+dfsg-1 curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 \
  2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . undici@7.30.2)

# /301 and so on lead to /page, which says what it was asked for.
cat >"$dir/server.py" <<'PROGRAM'
import http.server

class Pages(http.server.BaseHTTPRequestHandler):
    def answer(self):
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = b""
        if self.path == "/page":
            self.send_response(200)
            said = ('%s "%s"' % (self.command, content)).encode()
        else:
            self.send_response(int(self.path[1:]))
            self.send_header("Location", "/page")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_PUT = answer

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
print(server.server_port, flush=True)
server.serve_forever()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
base=http://127.0.0.1:$(<"$dir/port")

cat >"$dir/with_tornado.py" <<'PROGRAM'
import asyncio, sys
from tornado.httpclient import AsyncHTTPClient

async def main():
    print((await AsyncHTTPClient().fetch(sys.argv[1], method="PUT", body="hello")).body.decode())

asyncio.run(main())
PROGRAM
cat >"$dir/with_undici.cjs" <<'PROGRAM'
const { fetch } = require("undici");
fetch(process.argv[2], { method: "PUT", body: "hello" }).then((answer) => answer.text()).then(console.log);
PROGRAM
root=$dir/root
export no_proxy=127.0.0.1
printf hello >"$dir/hello"
python() { PYTHONPATH=$root/usr/lib/python3/dist-packages timeout 20 /usr/bin/python3 "$@" 2>>"$dir/log"; }
own_curl() { LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu timeout 20 "$root/usr/bin/curl" --silent --location "$@" 2>>"$dir/log"; }
with_requests() { python -c 'import requests, sys; print(requests.put(sys.argv[1], data="hello").text)' "$1"; }
with_curl_data() { own_curl --request PUT --data hello "$1"; }
with_curl_upload() { own_curl --header "Expect:" --upload-file "$dir/hello" "$1"; }
with_mojo() {
  PERL5LIB=$root/usr/share/perl5 timeout 20 perl -MMojo::UserAgent -e '
    print Mojo::UserAgent->new(max_redirects => 3)->put(shift, {}, "hello")->res->body' "$1" 2>>"$dir/log"
}
with_tornado() { python "$dir/with_tornado.py" "$1"; }
with_undici() { timeout 20 node "$dir/with_undici.cjs" "$1" 2>>"$dir/log"; }

check() { # status, what the page was asked for by each client
  local client status=$1 page seen=()
  for client in requests curl_data curl_upload mojo tornado undici; do
    page=$("with_$client" "$base/$status") || page=-
    seen+=("$page")
  done
  shift
  echo "$status: $(printf '%s   ' "${seen[@]}")"
  [[ ${seen[*]} = "$*" ]] || { echo "Not as it was: $*"; cat "$dir/log"; exit 1; }
}
whole='PUT "hello"'
check 301 'PUT ""' 'PUT ""' "$whole" 'PUT ""' "$whole" "$whole"
check 302 'GET ""' 'PUT ""' "$whole" 'PUT ""' "$whole" "$whole"
check 307 "$whole" "$whole" "$whole" "$whole" "$whole" "$whole"
check 308 "$whole" "$whole" "$whole" "$whole" "$whole" "$whole"
