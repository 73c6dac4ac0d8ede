#!/bin/bash
# How long three caches take an answer for fresh: nginx 1.22.1, Varnish 7.1.1 and HAProxy 2.6.12 (Debian 12, nginx 1.22.1-9+deb12u9,
# varnish 7.1.1-2+deb12u1, haproxy 2.6.12-1+deb12u3).
#
# RFC 9111 5.2.2.10: for a shared cache s-maxage overrides max-age and Expires; programs print "max-age=0, s-maxage=60" to have their
# pages asked for by browsers each time, and kept by the cache before them. 5.3: with max-age Expires is ignored; 5.2.3: so is an
# extension that a cache does not know; 4.2.3: Age counts. (Apache 2.4.68 with mod_cache does all of it.)
# Guess, before it was run: for the last line, stored by each; the others were tried with it, thought to be read as the RFC has them.
# Seen: HAProxy does not store what has max-age=0, whatever s-maxage says. nginx does not store what has Expires: 0 in front of
#   Cache-Control, and does not look at Age; nginx and Varnish find "private" anywhere in the field:
#                                                         nginx    Varnish   HAProxy
#     Cache-Control: max-age=60                           stored   stored    stored
#     Cache-Control: max-age=0, s-maxage=60               stored   stored    asked
#     Cache-Control: max-age=60, and then Expires: 0      stored   stored    stored
#     Expires: 0, and then Cache-Control: max-age=60      asked    stored    stored
#     Cache-Control: max-age=60, with Age: 100            stored   asked     asked
#     Cache-Control: max-age=60, scope="private"          asked    asked     stored
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/nginx"
(cd "$dir/debs" && apt-get download --quiet=2 nginx=1.22.1-9+deb12u9 varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 \
  libjemalloc2=5.3.0-1 libedit2=3.1-20221030-2 haproxy=2.6.12-1+deb12u3 liblua5.3-0=5.3.6-2 \
  libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4 libpcre2-8-0=10.42-1 2>"$dir/apt.log") ||
  { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# Each answer has a number of its own, and the fields of its path: "+" stands for a space, "/" between lines.
cat >"$dir/server.py" <<'PROGRAM'
import http.server, itertools, urllib.parse

numbers = itertools.count()

class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = str(next(numbers)).encode()
        self.send_response(200)
        for line in urllib.parse.unquote(self.path[1:]).replace("+", " ").split("/"):
            self.send_header(*line.split(": "))
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
print(server.server_port, flush=True)
server.serve_forever()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/server.log" &
pids+=($!)
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
origin=127.0.0.1:$(<"$dir/port")
read -r nginx varnish haproxy < <(perl -MIO::Socket::INET -e '
  my @all = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 3;
  print join(" ", map { $_->sockport } @all), "\n"')

root=$dir/root
libraries=$root/usr/lib/x86_64-linux-gnu
cat >"$dir/nginx.conf" <<CONFIG
daemon off;
pid $dir/nginx/pid;
error_log $dir/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path $dir/nginx/body;
  proxy_temp_path $dir/nginx/proxy;
  fastcgi_temp_path $dir/nginx/fastcgi;
  scgi_temp_path $dir/nginx/scgi;
  uwsgi_temp_path $dir/nginx/uwsgi;
  proxy_cache_path $dir/nginx/cache keys_zone=pages:1m;
  server {
    listen 127.0.0.1:$nginx;
    location / {
      proxy_pass http://$origin;
      proxy_cache pages;
    }
  }
}
CONFIG
LD_LIBRARY_PATH=$libraries "$root/usr/sbin/nginx" -e "$dir/nginx.log" -c "$dir/nginx.conf" >"$dir/nginx.out.log" 2>&1 &
pids+=($!)

printf '%s\n' 'vcl 4.1;' "backend default { .host = \"${origin%:*}\"; .port = \"${origin#*:}\"; }" >"$dir/varnish.vcl"
LD_LIBRARY_PATH=$libraries:$libraries/varnish "$root/usr/sbin/varnishd" -F -j none -n "$dir/varnish" -a "127.0.0.1:$varnish" \
  -f "$dir/varnish.vcl" -s malloc,8m >"$dir/varnish.log" 2>&1 &
pids+=($!)

cat >"$dir/haproxy.cfg" <<CONFIG
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
cache pages
  total-max-size 1
  max-age 60
frontend pages
  bind 127.0.0.1:$haproxy
  http-request cache-use pages
  http-response cache-store pages
  default_backend origin
backend origin
  server origin $origin
CONFIG
LD_LIBRARY_PATH=$libraries "$root/usr/sbin/haproxy" -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
pids+=($!)

get() { curl --silent --fail --noproxy '*' --path-as-is --max-time 10 "http://127.0.0.1:${!1}/$2"; }
for cache in nginx varnish haproxy; do
  for _ in {1..300}; do get "$cache" X-A:+1 >"$dir/page" && break; sleep 0.1; done
done
check() { # fields, "nginx varnish haproxy"
  local cache first second seen=()
  for cache in nginx varnish haproxy; do
    first=$(get "$cache" "${1//\"/%22}")
    sleep 0.2
    second=$(get "$cache" "${1//\"/%22}")
    if [[ $first = "$second" ]]; then seen+=(stored); else seen+=(asked); fi
  done
  echo "$1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir"/*.log; exit 1; }
}
check "Cache-Control:+max-age=60" "stored stored stored"
check "Cache-Control:+max-age=0,+s-maxage=60" "stored stored asked"
check "Cache-Control:+max-age=60/Expires:+0" "stored stored stored"
check "Expires:+0/Cache-Control:+max-age=60" "asked stored stored"
check "Cache-Control:+max-age=60/Age:+100" "stored asked asked"
check 'Cache-Control:+max-age=60,+scope="private"' "asked asked stored"
