#!/bin/bash
# A browser's If-None-Match and If-Modified-Since, after the file was put back to an older copy: StaticFiles of Starlette 0.26.1,
# which is FastAPI's too (Debian 12, python3-starlette 0.26.1-1+deb12u2), and WEBrick 1.8.1 (ruby-webrick 1.8.1-1); beside
# express 5.2.1 and sirv 3.0.2 (npm).
#
# Each sends an ETag and Last-Modified, so browsers ask by both. RFC 9110 13.1.3: "A recipient MUST ignore If-Modified-Since if the
# request contains an If-None-Match"; 13.2.2: where no tag is the file's, the answer is the file.
# Guess, before it was run: 200 with the file by each, for its tag is another.
# Seen: Starlette and WEBrick say 304 if either of the two fields would: the tag does not match, but the older copy, put back with its
#   time as cp -p, rsync -t, tar and git-archive do, was not modified since. So browsers keep the page that was taken back, for good;
#   and from Starlette, of two versions of one second, the first:
#                                                       Starlette   WEBrick   express   sirv
#     the file's tag, and its date                      304         304       304       304
#     another tag alone                                 200         200       200       200
#     put back to a copy of the day before              304         304       200       200
#     other content, half a second later                304         200       200       200
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root" "$dir/www"
(cd "$dir/debs" && apt-get download --quiet=2 python3-starlette=0.26.1-1+deb12u2 python3-uvicorn=0.17.6-1 \
  python3-h11=0.14.0-1.1~deb12u1 python3-asgiref=3.6.0-1 python3-click=8.1.3-2 python3-anyio=3.6.2-1 python3-sniffio=1.2.0-1 \
  python3-idna=3.3-1+deb12u1 python3-typing-extensions=4.4.0-1 ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 \
  ruby-webrick=1.8.1-1   2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . express@5.2.1 sirv@3.0.2)

cat >"$dir/server.py" <<'PROGRAM'
import sys, uvicorn
from starlette.staticfiles import StaticFiles

uvicorn.run(StaticFiles(directory=sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]))
PROGRAM
cat >"$dir/server.rb" <<'PROGRAM'
require "webrick"
WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: ARGV[0].to_i, DocumentRoot: ARGV[1]).start
PROGRAM
cat >"$dir/server.cjs" <<'PROGRAM'
const [first, second, folder] = process.argv.slice(2);
const express = require("express");
express().use(express.static(folder)).listen(+first, "127.0.0.1");
require("node:http").createServer(require("sirv")(folder, { etag: true, dev: true })).listen(+second, "127.0.0.1");
PROGRAM
read -r starlette webrick express sirv < <(perl -MIO::Socket::INET -e '
  my @all = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 4;
  print join(" ", map { $_->sockport } @all), "\n"')
root=$dir/root
write() { printf '%s' "$1" >"$dir/www/page.txt" && touch --date="$2" "$dir/www/page.txt"; }
write good "2026-11-09 12:00:00 UTC"
PYTHONPATH=$root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/server.py" "$starlette" "$dir/www" >"$dir/starlette.log" 2>&1 &
pids+=($!)
LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu "$root/usr/bin/ruby3.1" -I"$root/usr/lib/ruby/3.1.0" \
  -I"$root/usr/lib/x86_64-linux-gnu/ruby/3.1.0" \
  -I"$root/usr/share/rubygems-integration/all/gems/webrick-1.8.1/lib" "$dir/server.rb" "$webrick" "$dir/www" \
  >"$dir/webrick.log" 2>&1 &
pids+=($!)
node "$dir/server.cjs" "$express" "$sirv" "$dir/www" >"$dir/node.log" 2>&1 &
pids+=($!)

ask() { # server, curl's arguments
  curl --silent --noproxy '*' --max-time 10 --output /dev/null "${@:2}" "http://127.0.0.1:${!1}/page.txt"
}
for server in starlette webrick express sirv; do
  for _ in {1..150}; do ask "$server" && break; sleep 0.1; done
done
# What a browser has that came when the page was the bad one.
write "bad, it is" "2026-11-10 12:00:00 UTC"
date="Tue, 10 Nov 2026 12:00:00 GMT"
declare -A tags
for server in starlette webrick express sirv; do
  head=$(ask "$server" --dump-header - | tr -d '\r')
  tags[$server]=$(sed -n 's/^etag: //Ip' <<<"$head")
  grep -qi "^last-modified: $date" <<<"$head" || { echo "$server: Last-Modified is another"; exit 1; }
done
check() { # what is asked, "starlette webrick express sirv", tag (or "" for the one that came), date (or "")
  local seen=() server
  for server in starlette webrick express sirv; do
    seen+=("$(ask "$server" --header "If-None-Match: ${3:-${tags[$server]}}" --header "If-Modified-Since:${4:+ $4}" \
      --write-out '%{http_code}')")
  done
  echo "$1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir"/*.log; exit 1; }
}
check "the file's tag and date" "304 304 304 304" "" "$date"
check "another tag alone" "200 200 200 200" '"another"' ""
write good "2026-11-09 12:00:00 UTC"
check "put back" "304 304 200 200" "" "$date"
write "half a second later" "2026-11-10 12:00:00.5 UTC"
check "half a second later" "304 200 200 200" "" "$date"
