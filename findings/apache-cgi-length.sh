#!/bin/bash
# Apache 2.4.68 with mod_cgid (Debian 12, apache2-bin 2.4.68-1~deb12u1): a CGI program that prints less, or more, than the
# Content-Length of its head.
#
# Guess, before it was run: the client sees that the answer was cut (curl ends with 18), as from nginx and lighttpd; and of the
#   longer one it gets as much as was promised.
# Seen: the program's length is thrown away. Eight bytes that were promised and five that came are a whole answer of five, by
#   Content-Length: 5 or by chunks from one time to the next, so that a program that died in the middle looks well; and of three
#   that were promised the client gets all five:
#     promised 8, printed hello: 200, curl ends with 0, "hello"
#     promised 3, printed hello: 200, curl ends with 0, "hello"
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/cgi"
(cd "$dir/debs" && apt-get download --quiet=2 apache2-bin=2.4.68-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1 \
  libpcre2-8-0=10.42-1 libexpat1=2.5.0-1+deb12u2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

for length in 8 3; do
  printf '%s\n' '#!/bin/sh' "printf 'Content-Type: text/plain\nContent-Length: $length\n\nhello'" >"$dir/cgi/$length"
  chmod 755 "$dir/cgi/$length"
done
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
LoadModule alias_module $modules/mod_alias.so
LoadModule cgid_module $modules/mod_cgid.so
ScriptSock $dir/cgid
ScriptAlias /cgi/ $dir/cgi/
<Directory $dir/cgi>
  Options ExecCGI
  Require all granted
</Directory>
CONF
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu "$dir/root/usr/sbin/apache2" -D FOREGROUND \
  -f "$dir/apache.conf" >"$dir/messages" 2>&1 &
server=$!
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

for length in 8 3; do
  code=0
  status=$(curl --silent --noproxy '*' --max-time 10 --output "$dir/body" --write-out '%{http_code}' "http://127.0.0.1:$port/cgi/$length") ||
    code=$?
  seen="$status, curl ends with $code, \"$(<"$dir/body")\""
  echo "promised $length, printed hello: $seen"
  [[ $seen = '200, curl ends with 0, "hello"' ]] || { echo "Not as it was"; cat "$dir/messages" "$dir/log"; exit 1; }
done
