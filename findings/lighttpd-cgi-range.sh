#!/bin/bash
# lighttpd 1.4.69 (Debian 12, lighttpd 1.4.69-1): a Range request for what a CGI program prints.
#
# Guess, before it was run: 200 with all of it. The program did not offer ranges, has no validator, and each request runs it anew.
# Seen: 206. lighttpd cuts the part out by itself, with Accept-Ranges: bytes, whether or not the program prints Content-Length; so
#   a client that goes on with a download puts parts of two runs together. Here the output differs from run to run:
#     Range: bytes=0-3   206   the first half of run 1
#     Range: bytes=4-7   206   the second half of run 2
#     Range: bytes=0-3   206   the first half of run 3, which printed no length
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www"
(cd "$dir/debs" && apt-get download --quiet=2 lighttpd=1.4.69-1 libnettle8=3.8.1-2 libxxhash0=0.8.1-1 libpcre2-8-0=10.42-1 \
  2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# Prints 1111AAAA, then 2222BBBB, and so on: one kind of content a run.
cat >"$dir/www/p.cgi" <<'PROGRAM'
#!/bin/sh
count=$(($(cat "${0%.cgi}.count" 2>/dev/null || echo 0) + 1))
echo $count >"${0%.cgi}.count"
letter=$(echo ABCDEFGH | cut -c$count)
[ "$QUERY_STRING" = unknown ] || printf 'Content-Length: 8\n'
printf 'Content-Type: text/plain\n\n'
printf "$count$count$count$count$letter$letter$letter$letter"
PROGRAM
chmod 755 "$dir/www/p.cgi"
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
cat >"$dir/lighttpd.conf" <<CONF
server.document-root = "$dir/www"
server.bind = "127.0.0.1"
server.port = $port
server.modules = ( "mod_cgi" )
cgi.assign = ( ".cgi" => "" )
CONF
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu "$dir/root/usr/sbin/lighttpd" -D -f "$dir/lighttpd.conf" \
  -m "$dir/root/usr/lib/lighttpd" >"$dir/log" 2>&1 &
server=$!
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

check() { # range, query, "status content"
  local seen
  seen=$(curl --silent --noproxy '*' --max-time 10 --range "$1" --output "$dir/body" --write-out '%{http_code}' \
    "http://127.0.0.1:$port/p.cgi$2")
  seen+=" $(<"$dir/body")"
  echo "bytes=$1 of /p.cgi$2: $seen"
  [[ $seen = "$3" ]] || { echo "Not as it was: $3"; cat "$dir/log"; exit 1; }
}
check 0-3 "" "206 1111"
check 4-7 "" "206 BBBB"
check 0-3 "?unknown" "206 3333"
