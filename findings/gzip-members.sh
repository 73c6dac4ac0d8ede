#!/bin/bash
# A page that bgzip compressed (Debian 12, tabix 1.16+ds-3), with Content-Encoding: gzip, and what clients make of it: curl 7.88.1
# (curl 7.88.1-10+deb12u15), aria2 1.36.0 (aria2 1.36.0-1), Tornado 6.2.0 (python3-tornado 6.2.0-3+deb12u4), undici 7.30.2 (npm).
#
# RFC 1952 2.2: a gzip file is a series of members; gzip -d gives the content of all. bgzip begins a member every 65,280 bytes and ends
# with an empty one; "cat a.gz b.gz" and log rotation make such files too.
# Guess, before it was run: each client gives all of the content.
# Seen: three stop behind the first member, two of them without an error, so that a .gz file beside a page is not for every client:
#     gzip -d   100000 bytes, exit status 0
#     curl       65280 bytes, exit status 23 ("Failed writing received data to disk/application")
#     aria2      65280 bytes, exit status 0
#     tornado    65280 bytes, exit status 0
#     undici    100000 bytes, exit status 0
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root" "$dir/home"
(cd "$dir/debs" && apt-get download --quiet=2 tabix=1.16+ds-3 libhts3=1.16+ds-3 libhtscodecs2=1.3.0-4 libdeflate0=1.14-1 \
  libcurl3-gnutls=7.88.1-10+deb12u15 curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 libnghttp2-14=1.52.0-1+deb12u3 \
  aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2=1.18.1-3 libssh2-1=1.10.0-3+deb12u1 libsqlite3-0=3.40.1-2+deb12u2 \
  python3-tornado=6.2.0-3+deb12u4 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . undici@7.30.2)
own() { LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu "$@"; }
yes 'a line of a page' | head -c 100000 >"$dir/page" || true
own "$dir/root/usr/bin/bgzip" -c "$dir/page" >"$dir/page.gz"

cat >"$dir/server.py" <<'PROGRAM'
import http.server, pathlib, sys

class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        content = pathlib.Path(sys.argv[1]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
print(server.server_port, flush=True)
server.serve_forever()
PROGRAM
/usr/bin/python3 "$dir/server.py" "$dir/page.gz" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
url=http://127.0.0.1:$(<"$dir/port")/page

cat >"$dir/get.py" <<'PROGRAM'
import sys, tornado.httpclient
sys.stdout.buffer.write(tornado.httpclient.HTTPClient().fetch(sys.argv[1]).body)
PROGRAM
cat >"$dir/get.mjs" <<'PROGRAM'
import { fetch } from "undici";
process.stdout.write(Buffer.from(await (await fetch(process.argv[2])).arrayBuffer()));
PROGRAM
with_curl() { own "$dir/root/usr/bin/curl" --silent --noproxy '*' --max-time 10 --compressed "$url"; }
with_aria2() {
  HOME=$dir/home own "$dir/root/usr/bin/aria2c" --quiet --no-conf --all-proxy= --http-accept-gzip=true --dir="$dir" --out=aria2 \
    "$url" || return
  cat "$dir/aria2"
}
with_tornado() { PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/get.py" "$url"; }
with_undici() { node "$dir/get.mjs" "$url"; }

check() { # name, "bytes exit status", command...
  local name=$1 expected=$2 seen status=0
  shift 2
  "$@" >"$dir/got" || status=$?
  seen="$(stat -c %s "$dir/got") $status"
  echo "$name: $seen"
  [[ $seen = "$expected" ]] || { echo "Not as it was: $expected"; cat "$dir/log"; exit 1; }
  cmp --quiet --bytes="${seen% *}" "$dir/page" "$dir/got" || { echo "Another content"; exit 1; }
}
check "gzip -d" "100000 0" gzip -dc "$dir/page.gz"
check curl "65280 23" with_curl
check aria2 "65280 0" with_aria2
check tornado "65280 0" with_tornado
check undici "100000 0" with_undici
