#!/bin/bash
# busybox 1.35.0 httpd (Debian 12, busybox 1:1.35.0-4+deb12u1+b1): the case of "Status" in a CGI program's head.
#
# Guess, before it was run: 404 for each, for the names of fields have no case (RFC 3875 6.3 and RFC 9110 5.1).
# Seen: only "Status" as the first field is the status. In other letters, or after another field, it is a field of a 200 that the
#   client gets to see:
#     Status: 404, Content-Type   404
#     status: 404, Content-Type   200, with the field "status: 404"
#     Content-Type, Status: 404   200, with the field "Status: 404"
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www/cgi-bin"
(cd "$dir/debs" && apt-get download --quiet=2 busybox=1:1.35.0-4+deb12u1+b1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
dpkg -x "$dir"/debs/*.deb "$dir/root"

program() { # name, head
  printf '%s\n' '#!/bin/sh' "printf '$2\n\nhello'" >"$dir/www/cgi-bin/$1"
  chmod 755 "$dir/www/cgi-bin/$1"
}
program first 'Status: 404\nContent-Type: text/plain'
program lower 'status: 404\nContent-Type: text/plain'
program second 'Content-Type: text/plain\nStatus: 404'

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
"$dir/root/bin/busybox" httpd -f -p "127.0.0.1:$port" -h "$dir/www" >"$dir/log" 2>&1 &
server=$!
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

check() { # program, "status field"
  local seen
  seen=$(curl --silent --noproxy '*' --max-time 10 --output /dev/null --dump-header "$dir/head" --write-out '%{http_code}' \
    "http://127.0.0.1:$port/cgi-bin/$1")
  seen+=" $(tr -d '\r' <"$dir/head" | grep -i '^status:' || echo none)"
  echo "$1: $seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check first "404 none"
check lower "200 status: 404"
check second "200 Status: 404"
