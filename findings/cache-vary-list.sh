#!/bin/bash
# Vary with the member * in a list, at three caches: nginx 1.22.1, Varnish 7.1.1 and Apache 2.4.68 with mod_cache (Debian 12, nginx
# 1.22.1-9+deb12u9, varnish 7.1.1-2+deb12u1, apache2-bin 2.4.68-1~deb12u1).
#
# RFC 9110 12.5.5: Vary is "*" or a list that may hold it; RFC 9111 4.1: a stored answer whose Vary has the member * "always fails to
# match". A list comes about where a program says "Vary: *" and the server that compresses its answers adds Accept-Encoding.
# Guess, before it was run: no cache answers from its store; but nginx might, for its documentation names the one value.
# Seen: only HAProxy 2.6.12 has the program asked each time. nginx knows a line that is * and nothing more, Varnish a field that is,
#   and Apache looks at the first line alone:
#                                     nginx    Varnish   Apache
#     Accept-Encoding                 stored   stored    stored
#     *                               asked    asked     asked
#     *, Accept-Encoding              stored   stored    asked
#     Accept-Encoding, *              stored   stored    asked
#     two lines, Accept-Encoding; *   asked    stored    stored
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/nginx" "$dir/apache"
(cd "$dir/debs" && apt-get download --quiet=2 nginx=1.22.1-9+deb12u9 varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 \
  libjemalloc2=5.3.0-1 libedit2=3.1-20221030-2 apache2-bin=2.4.68-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1 \
  libpcre2-8-0=10.42-1 libexpat1=2.5.0-1+deb12u2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# Each answer has a number of its own, and the Vary of its path: "+" stands for a space, "/" between lines.
cat >"$dir/server.py" <<'PROGRAM'
import http.server, itertools

numbers = itertools.count()

class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = str(next(numbers)).encode()
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=60")
        for line in self.path[1:].replace("+", " ").split("/"):
            self.send_header("Vary", line)
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
read -r nginx varnish apache < <(perl -MIO::Socket::INET -e '
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

modules=$root/usr/lib/apache2/modules
cat >"$dir/apache.conf" <<CONFIG
ServerName h.example
Listen 127.0.0.1:$apache
PidFile $dir/apache.pid
ErrorLog $dir/apache.log
User www-data
Group www-data
StartServers 1
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
LoadModule cache_module $modules/mod_cache.so
LoadModule cache_disk_module $modules/mod_cache_disk.so
CacheRoot $dir/apache
CacheEnable disk /
ProxyPass / http://$origin/
CONFIG
chmod 777 "$dir/apache"
LD_LIBRARY_PATH=$libraries "$root/usr/sbin/apache2" -f "$dir/apache.conf" -DFOREGROUND >>"$dir/apache.log" 2>&1 &
pids+=($!)

get() { curl --silent --fail --noproxy '*' --path-as-is --max-time 10 "http://127.0.0.1:${!1}/$2"; }
for cache in nginx varnish apache; do
  for _ in {1..300}; do get "$cache" Cookie >"$dir/page" && break; sleep 0.1; done
done
check() { # Vary, "nginx varnish apache"
  local cache first second seen=()
  for cache in nginx varnish apache; do
    first=$(get "$cache" "$1")
    sleep 0.2
    second=$(get "$cache" "$1")
    if [[ $first = "$second" ]]; then seen+=(stored); else seen+=(asked); fi
  done
  echo "Vary: $1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir"/*.log; exit 1; }
}
check "Accept-Encoding" "stored stored stored"
check "*" "asked asked asked"
check "*,+Accept-Encoding" "stored stored asked"
check "Accept-Encoding,+*" "stored stored asked"
check "Accept-Encoding/*" "asked stored stored"
