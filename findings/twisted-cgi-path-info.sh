#!/bin/bash
# Twisted Web 22.4.0 (Debian 12, python3-twisted 22.4.0-4+deb12u1): a CGI program that is asked for with anything after its name.
#
# Guess, before it was run: PATH_INFO=/a, as RFC 3875 4.1.5 has it and as every other CGI host gives it.
# Seen: the program runs for /cgi-bin/p.cgi and prints "PATH_INFO is unset"; for /cgi-bin/p.cgi/a and even for /cgi-bin/p.cgi/ the
#   answer is 500 and the program never starts:
#     builtins.TypeError: sequence item 0: expected str instance, bytes found
#   twcgi.py joins the segments of the path, which are bytes in Python 3, by the text "/".
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www/cgi-bin"
(cd "$dir/debs" && apt-get download --quiet=2 \
  python3-twisted=22.4.0-4+deb12u1 python3-zope.interface=5.5.2-1+b1 python3-constantly=15.1.0-4 python3-hyperlink=21.0.0-5 \
  python3-incremental=21.3.0-2 python3-automat=22.10.0-1 python3-attr=22.2.0-1 python3-typing-extensions=4.4.0-1 \
  python3-idna=3.3-1+deb12u1 python3-six=1.16.0-4 python3-pkg-resources=66.1.1-1+deb12u2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# shellcheck disable=SC2016 # expanded by the program
printf '%s\n' '#!/bin/sh' 'printf "Content-Type: text/plain\n\n"' 'echo "PATH_INFO is ${PATH_INFO-unset}"' >"$dir/www/cgi-bin/p.cgi"
chmod 755 "$dir/www/cgi-bin/p.cgi"

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
cd "$dir"
PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/root/usr/bin/twistd3" --nodaemon --pidfile= \
  web --listen "tcp:$port:interface=127.0.0.1" --path "$dir/www" >"$dir/log" 2>&1 &
server=$!
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

ask() { curl --silent --noproxy '*' --max-time 10 --output "$dir/body" --write-out '%{http_code}' "http://127.0.0.1:$port/cgi-bin/p.cgi$1"; }
fail() { echo "Not as it was: $*"; tail -5 "$dir/log"; exit 1; }

[[ $(ask "") = 200 && $(<"$dir/body") = "PATH_INFO is unset" ]] || fail "without a path: $(<"$dir/body")"
for path in / /a /a/b; do
  status=$(ask "$path")
  echo "/cgi-bin/p.cgi$path: $status"
  [[ $status = 500 ]] || fail "$path: $status $(<"$dir/body")"
done
grep -m1 'expected str instance, bytes found' "$dir/log" || fail "another reason"
