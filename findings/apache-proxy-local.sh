#!/bin/bash
# Apache 2.4.68 with mod_remoteip (Debian 12, apache2-bin 2.4.68-1~deb12u1): a PROXY header without a client, which HAProxy sends for
# its health checks.
#
# proxy-protocol.txt 2.2: of version 2 the command LOCAL is for connections that the proxy makes by itself, as health checks; "the
# receiver must accept this connection as valid" and take the connection's own addresses. In version 1 that is "PROXY UNKNOWN".
# Guess, before it was run: 200 for each, with the connection's own address for those two.
# Seen: both are closed without an answer, so that a backend whose checks use send-proxy-v2 is down for HAProxy though it serves:
#     v2 PROXY TCP4    200
#     v2 LOCAL         closed   (AH03507: unsupported command 20)
#     v1 TCP4          200
#     v1 UNKNOWN       closed   (AH03513: have data left over), if the request comes together with the header
#   Debian's next package, 2.4.71-1~deb12u1, takes LOCAL; it closes UNKNOWN as before.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www"
(cd "$dir/debs" && apt-get download --quiet=2 apache2-bin=2.4.68-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1 \
  libpcre2-8-0=10.42-1 libexpat1=2.5.0-1+deb12u2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

echo hello >"$dir/www/index.txt"
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
modules=$dir/root/usr/lib/apache2/modules
cat >"$dir/apache.conf" <<CONF
ServerRoot $dir
ServerName localhost
PidFile $dir/pid
ErrorLog $dir/log
Mutex file:$dir default
Listen 127.0.0.1:$port
User nobody
Group nogroup
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule remoteip_module $modules/mod_remoteip.so
RemoteIPProxyProtocol On
DocumentRoot $dir/www
<Directory $dir/www>
  Require all granted
</Directory>
CONF
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu "$dir/root/usr/sbin/apache2" -D FOREGROUND \
  -f "$dir/apache.conf" >"$dir/messages" 2>&1 &
server=$!

# Prints the status of the answer to a request that comes right behind a header, or "closed".
cat >"$dir/ask.pl" <<'PROGRAM'
use IO::Socket::INET;
my ($port, $header) = @ARGV;
my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port, Timeout => 5) or exit 1;
alarm 10;
my $signature = "\r\n\r\n\0\r\nQUIT\n";
my %header = (
  "v2 PROXY TCP4" => $signature . pack("CCnC4C4nn", 0x21, 0x11, 12, 192, 0, 2, 43, 198, 51, 100, 1, 4711, 80),
  "v2 LOCAL" => $signature . pack("CCn", 0x20, 0, 0),
  "v1 TCP4" => "PROXY TCP4 192.0.2.43 198.51.100.1 4711 80\r\n",
  "v1 UNKNOWN" => "PROXY UNKNOWN\r\n",
);
$socket->syswrite("$header{$header}GET /index.txt HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n");
local $/;
print +(<$socket> // "") =~ m{^HTTP/1\.1 (\d+)} ? $1 : "closed";
PROGRAM
for _ in {1..100}; do perl "$dir/ask.pl" "$port" "v1 TCP4" >"$dir/first" && [[ $(<"$dir/first") = 200 ]] && break; sleep 0.1; done

check() { # header, 200 or closed
  local seen
  seen=$(perl "$dir/ask.pl" "$port" "$1")
  echo "$1: $seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/messages" "$dir/log"; exit 1; }
}
check "v2 PROXY TCP4" 200
check "v2 LOCAL" closed
check "v1 TCP4" 200
check "v1 UNKNOWN" closed
grep -q 'AH03507.*unsupported command 20' "$dir/log" || { echo "Another reason"; cat "$dir/log"; exit 1; }
