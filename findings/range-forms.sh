#!/bin/bash
# Forms of Range at what serves files, for a file of five bytes, "hello": express 5.2.1 (send 1.2.1) and serve-handler 6.1.8 (npm);
# aiohttp 3.8.4, WEBrick 1.8.1, H2O 2.2.5 and Caddy 2.6.2 (Debian 12, python3-aiohttp 3.8.4-1+deb12u2, ruby-webrick 1.8.1-1, h2o
# 2.2.5+dfsg2-7, caddy 2.6.2-5).
#
# RFC 9110 14.1.2: "bytes=-N" is the last N bytes; "If the selected representation is shorter than the specified suffix-length, the
# entire representation is used". So do readers of ZIP, Parquet and GeoTIFF ask for a file's end, whatever its size. 14.2: a unit that
# the server does not understand "MUST" be ignored. 15.5.17: 416 is for a set of ranges of which none can be satisfied.
# Guess, before it was run: 206 hello, 200 hello, 206 he (or 200 hello, for a server may ignore any Range).
# Seen: three say 416 to the end of a small file, so that such a reader finds small archives broken and large ones good; five say 416
#   or 400 to another unit, and aiohttp to any two ranges, though by 200 the client would have had the file:
#                       express     serve-handler   aiohttp     WEBrick     H2O         Caddy
#     bytes=-3          206 llo     206 llo         206 llo     206 llo     206 llo     206 llo
#     bytes=-100        416         416             206 hello   416         206 hello   206 hello
#     lines=0-1         200 hello   416             416         400         416         416
#     bytes=9-,0-1      206 he      206 he          416         206 parts   206 he      206 he
#     bytes=0-1,4-4     200 hello   206 he          416         206 parts   206 parts   206 parts
#   nginx, Apache, lighttpd and sirv are right in the second line, @fastify/static (send too) is not; CherryPy and sirv take any unit
#   for bytes.
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www"
(cd "$dir/debs" && apt-get download --quiet=2 python3-aiohttp=3.8.4-1+deb12u2 python3-multidict=6.0.4-1+b1 python3-yarl=1.8.2-1+b1 \
  python3-aiosignal=1.3.1-1 python3-frozenlist=1.3.3-1+b1 python3-async-timeout=4.0.2-1 python3-charset-normalizer=3.0.1-2 \
  python3-attr=22.2.0-1 python3-idna=3.3-1+deb12u1 ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 ruby-webrick=1.8.1-1 \
  h2o=2.2.5+dfsg2-7 libwslay1=1.1.1-3+b1 caddy=2.6.2-5 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . express@5.2.1 send@1.2.1 serve-handler@6.1.8)
printf hello >"$dir/www/page.txt"
chmod 755 "$dir/www"

cat >"$dir/server.cjs" <<'PROGRAM'
const [first, second, folder] = process.argv.slice(2);
const express = require("express");
express().use(express.static(folder)).listen(+first, "127.0.0.1");
const handler = require("serve-handler");
const http = require("node:http");
http.createServer((q, answer) => handler(q, answer, { public: folder })).listen(+second, "127.0.0.1");
PROGRAM
cat >"$dir/server.py" <<'PROGRAM'
import sys
from aiohttp import web

application = web.Application()
application.router.add_static("/", sys.argv[2])
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]))
PROGRAM
cat >"$dir/server.rb" <<'PROGRAM'
require "webrick"
WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: ARGV[0].to_i, DocumentRoot: ARGV[1]).start
PROGRAM
read -r express serve aiohttp webrick h2o caddy < <(perl -MIO::Socket::INET -e '
  my @all = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 6;
  print join(" ", map { $_->sockport } @all), "\n"')
cat >"$dir/h2o.conf" <<END
listen: {host: 127.0.0.1, port: $h2o}
hosts: {default: {paths: {"/": {file.dir: $dir/www}}}}
END
root=$dir/root
libraries=$root/usr/lib/x86_64-linux-gnu
node "$dir/server.cjs" "$express" "$serve" "$dir/www" >"$dir/node.log" 2>&1 &
pids+=($!)
PYTHONPATH=$root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/server.py" "$aiohttp" "$dir/www" >"$dir/aiohttp.log" 2>&1 &
pids+=($!)
LD_LIBRARY_PATH=$libraries "$root/usr/bin/ruby3.1" -I"$root/usr/lib/ruby/3.1.0" -I"$libraries/ruby/3.1.0" \
  -I"$root/usr/share/rubygems-integration/all/gems/webrick-1.8.1/lib" "$dir/server.rb" "$webrick" "$dir/www" \
  >"$dir/webrick.log" 2>&1 &
pids+=($!)
LD_LIBRARY_PATH=$libraries H2O_ROOT=$root/usr "$root/usr/bin/h2o" -c "$dir/h2o.conf" >"$dir/h2o.log" 2>&1 &
pids+=($!)
HOME=$dir "$root/usr/bin/caddy" file-server --root "$dir/www" --listen "127.0.0.1:$caddy" >"$dir/caddy.log" 2>&1 &
pids+=($!)

ask() { # server, curl's arguments
  curl --silent --noproxy '*' --max-time 10 --output "$dir/out" "${@:2}" "http://127.0.0.1:${!1}/page.txt"
}
servers=(express serve aiohttp webrick h2o caddy)
for server in "${servers[@]}"; do
  for _ in {1..150}; do ask "$server" && break; sleep 0.1; done
done
check() { # Range, what each has
  local seen=() server status type
  for server in "${servers[@]}"; do
    read -r status type <<<"$(ask "$server" --header "Range: $1" --write-out '%{http_code} %{content_type}')"
    case "$status $type" in
      206*multipart/byteranges*) status+=-parts ;;
      20*) status+=-$(<"$dir/out") ;;
    esac
    seen+=("$status")
  done
  echo "$1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir"/*.log; exit 1; }
}
check "bytes=-3" "206-llo 206-llo 206-llo 206-llo 206-llo 206-llo"
check "bytes=-100" "416 416 206-hello 416 206-hello 206-hello"
check "lines=0-1" "200-hello 416 416 400 416 416"
check "bytes=9-,0-1" "206-he 206-he 416 206-parts 206-he 206-he"
check "bytes=0-1,4-4" "200-hello 206-he 416 206-parts 206-parts 206-parts"
