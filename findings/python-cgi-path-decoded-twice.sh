#!/bin/bash
# Python 3.11.2's http.server --cgi (Debian 12, libpython3.11-stdlib 3.11.2-6+deb12u8): how often PATH_INFO is decoded.
#
# Guess, before it was run: once, so that /p.cgi/a%2541 is PATH_INFO=/a%41 (RFC 3875 4.1.5, RFC 3986 2.4).
# Seen: twice. %2541 comes as "A", %252F as a slash; and a question mark in a name, %3F, ends the path and begins the query:
#     /cgi-bin/p.cgi/a%2541          PATH_INFO=/aA    QUERY_STRING=
#     /cgi-bin/p.cgi/a%252Fb         PATH_INFO=/a/b   QUERY_STRING=
#     /cgi-bin/p.cgi/a%3Fb=1         PATH_INFO=/a     QUERY_STRING=b=1
#   _url_collapse_path() unquotes the whole target before the query is cut off, run_cgi() unquotes the rest again.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www/cgi-bin"
version=3.11.2-6+deb12u8
(cd "$dir/debs" && apt-get download --quiet=2 "python3.11-minimal=$version" "libpython3.11-minimal=$version" \
  "libpython3.11-stdlib=$version" 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# shellcheck disable=SC2016 # expanded by the program
printf '%s\n' '#!/bin/sh' 'printf "Content-Type: text/plain\n\n"' 'echo "PATH_INFO=$PATH_INFO QUERY_STRING=$QUERY_STRING"' \
  >"$dir/www/cgi-bin/p.cgi"
chmod 755 "$dir/www/cgi-bin/p.cgi"

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
PYTHONHOME=$dir/root/usr "$dir/root/usr/bin/python3.11" -m http.server --cgi --bind 127.0.0.1 --directory "$dir/www" "$port" \
  >"$dir/log" 2>&1 &
server=$!
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

check() { # path, what the program is told
  local told
  told=$(curl --silent --noproxy '*' --max-time 10 "http://127.0.0.1:$port/cgi-bin/p.cgi$1")
  echo "/cgi-bin/p.cgi$1: $told"
  [[ $told = "$2" ]] || { echo "Not as it was: $2"; tail -5 "$dir/log"; exit 1; }
}
check /a%2541 "PATH_INFO=/aA QUERY_STRING="
check /a%252Fb "PATH_INFO=/a/b QUERY_STRING="
check /a%3Fb=1 "PATH_INFO=/a QUERY_STRING=b=1"
