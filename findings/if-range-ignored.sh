#!/bin/bash
# H2O 2.2.5, busybox 1.35.0 httpd and Tornado 6.2.0 (Debian 12, h2o 2.2.5+dfsg2-7, busybox 1:1.35.0-4+deb12u1+b1, python3-tornado
# 6.2.0-3+deb12u4): If-Range, by which a client goes on with a download only if the file is still the one that it has begun.
#
# All three send Accept-Ranges: bytes and an ETag, so that clients do go on. RFC 9110 13.1.5: where the validator is another's, the
# Range field is to be ignored, and the answer is the whole file by 200.
# Guess, before it was run: 200 for another's date, and so for another's ETag.
# Seen: 206 for any ETag or date; so after the file was replaced the client has the first half of one and the second half of another,
#   as by "resume" in a browser:
#     If-Range: the file's ETag      206 world
#     If-Range: "another"            206 world
#     If-Range: a date before it     206 world
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www"
(cd "$dir/debs" && apt-get download --quiet=2 h2o=2.2.5+dfsg2-7 libyaml-0-2=0.2.5-1 busybox=1:1.35.0-4+deb12u1+b1 \
  python3-tornado=6.2.0-3+deb12u4 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
printf helloworld >"$dir/www/f.txt"
chmod 755 "$dir/www"
chmod 644 "$dir/www/f.txt"

read -r h2o busybox tornado < <(perl -MIO::Socket::INET -e '
  my @all = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 3;
  print join(" ", map { $_->sockport } @all), "\n"')
printf '%s\n' "listen: {host: 127.0.0.1, port: $h2o}" "hosts: {default: {paths: {/: {file.dir: $dir/www}}}}" >"$dir/h2o.conf"
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu "$dir/root/usr/bin/h2o" -c "$dir/h2o.conf" >"$dir/h2o.log" 2>&1 &
pids+=($!)
"$dir/root/bin/busybox" httpd -f -p "127.0.0.1:$busybox" -h "$dir/www" >"$dir/busybox.log" 2>&1 &
pids+=($!)
cat >"$dir/server.py" <<'PROGRAM'
import sys, tornado.ioloop, tornado.web
tornado.web.Application([("/(.*)", tornado.web.StaticFileHandler, {"path": sys.argv[1]})]).listen(int(sys.argv[2]), "127.0.0.1")
tornado.ioloop.IOLoop.current().start()
PROGRAM
PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/server.py" "$dir/www" "$tornado" >"$dir/tornado.log" 2>&1 &
pids+=($!)

for server in h2o busybox tornado; do
  url=http://127.0.0.1:${!server}/f.txt
  for _ in {1..100}; do curl -so /dev/null --noproxy '*' "$url" && break; sleep 0.1; done
  head=$(curl --silent --noproxy '*' --max-time 10 --output /dev/null --dump-header - "$url" | tr -d '\r')
  grep -qi '^accept-ranges: bytes' <<<"$head" || { echo "Not as it was: Accept-Ranges: bytes"; exit 1; }
  etag=$(sed -n 's/^etag: //Ip' <<<"$head")
  for validator in "$etag" '"another"' "Sun, 06 Nov 1994 08:49:37 GMT"; do
    seen=$(curl --silent --noproxy '*' --max-time 10 --range 5- --header "If-Range: $validator" --output "$dir/body" \
      --write-out '%{http_code}' "$url")
    seen+=" $(<"$dir/body")"
    echo "$server, If-Range: ${validator:0:32}: $seen"
    [[ -n $validator && $seen = "206 world" ]] || { echo "Not as it was: 206 world"; cat "$dir"/*.log; exit 1; }
  done
done
