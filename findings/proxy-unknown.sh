#!/bin/bash
# HAProxy 2.6.12, Twisted 22.4.0 and gunicorn 20.1.0 (Debian 12, haproxy 2.6.12-1+deb12u3, python3-twisted 22.4.0-4+deb12u1,
# python3-gunicorn 20.1.0-6+deb12u1) behind "PROXY UNKNOWN", by which a proxy says that it knows no client to name.
#
# proxy-protocol.txt 2.1: for UNKNOWN the sender may leave out the rest of the line, the receiver ignores whatever comes before the end
# of the line, and takes the connection's own addresses.
# Guess, before it was run: 200 from all three for both forms, with 127.0.0.1 as the client.
# Seen: HAProxy, whose protocol it is, takes only the short form, Twisted only the long one, gunicorn neither:
#                                                     haproxy   twisted   gunicorn
#     PROXY TCP4 192.0.2.43 198.51.100.1 4711 80      200       200       200
#     PROXY UNKNOWN                                   200       closed    400
#     PROXY UNKNOWN 192.0.2.43 198.51.100.1 4711 80   closed    200       400
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 haproxy=2.6.12-1+deb12u3 libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4 \
  liblua5.3-0=5.3.6-2 libpcre2-8-0=10.42-1 python3-gunicorn=20.1.0-6+deb12u1 python3-setuptools=66.1.1-1+deb12u2 \
  python3-pkg-resources=66.1.1-1+deb12u2 python3-twisted=22.4.0-4+deb12u1 python3-zope.interface=5.5.2-1+b1 \
  python3-constantly=15.1.0-4 python3-hyperlink=21.0.0-5 python3-incremental=21.3.0-2 python3-automat=22.10.0-1 \
  python3-attr=22.2.0-1 python3-typing-extensions=4.4.0-1 python3-idna=3.3-1+deb12u1 python3-six=1.16.0-4 2>"$dir/apt.log") ||
  { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
export PYTHONPATH=$dir/root/usr/lib/python3/dist-packages

read -r haproxy twisted gunicorn < <(perl -MIO::Socket::INET -e '
  my @all = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 3;
  print join(" ", map { $_->sockport } @all), "\n"')
cat >"$dir/haproxy.cfg" <<CONF
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:$haproxy accept-proxy
  http-request return status 200 content-type text/plain string hello
CONF
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu "$dir/root/usr/sbin/haproxy" -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
pids+=($!)
cat >"$dir/site.py" <<'PROGRAM'
import sys
from twisted.internet import endpoints, reactor
from twisted.web import server, static

page = static.Data(b"hello", "text/plain")
page.isLeaf = True
endpoints.serverFromString(reactor, f"haproxy:tcp:{sys.argv[1]}:interface=127.0.0.1").listen(server.Site(page))
reactor.run()
PROGRAM
/usr/bin/python3 "$dir/site.py" "$twisted" >"$dir/twisted.log" 2>&1 &
pids+=($!)
printf '%s\n' 'def app(environ, start_response):' '    start_response("200 OK", [("Content-Type", "text/plain")])' '    return [b"hello"]' \
  >"$dir/hello.py"
/usr/bin/python3 -m gunicorn --proxy-protocol --chdir "$dir" --worker-tmp-dir "$dir" --bind "127.0.0.1:$gunicorn" hello:app \
  >"$dir/gunicorn.log" 2>&1 &
pids+=($!)

# Prints the status of the answer, or "closed".
cat >"$dir/ask.pl" <<'PROGRAM'
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0], Timeout => 5) or exit 1;
alarm 10;
$socket->syswrite("$ARGV[1]\r\nGET / HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n");
local $/;
print +(<$socket> // "") =~ m{^HTTP/1\.1 (\d+)} ? $1 : "closed";
PROGRAM
known="PROXY TCP4 192.0.2.43 198.51.100.1 4711 80"
for port in "$haproxy" "$twisted" "$gunicorn"; do
  for _ in {1..100}; do perl "$dir/ask.pl" "$port" "$known" >/dev/null && break; sleep 0.1; done
done

check() { # header, "haproxy twisted gunicorn"
  local seen
  seen="$(perl "$dir/ask.pl" "$haproxy" "$1") $(perl "$dir/ask.pl" "$twisted" "$1") $(perl "$dir/ask.pl" "$gunicorn" "$1")"
  echo "$1: $seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; cat "$dir"/*.log; exit 1; }
}
check "$known" "200 200 200"
check "PROXY UNKNOWN" "200 closed 400"
check "PROXY UNKNOWN 192.0.2.43 198.51.100.1 4711 80" "closed 200 400"
