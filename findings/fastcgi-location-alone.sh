#!/bin/bash
# Caddy 2.6.2, H2O 2.2.5 and Apache 2.4.68 with mod_proxy_fcgi (Debian 12, caddy 2.6.2-5, h2o 2.2.5+dfsg2-7, apache2-bin
# 2.4.68-1~deb12u1): a FastCGI application whose head has Location and no Status.
#
# RFC 3875 6.2.3: a response with an absolute Location and nothing more is a redirect, for which the server makes 302; 6.2.2: one with
# a path lets the server run what lies there. Scripts print it so, since hosts of CGI programs do that for them.
# Guess, before it was run: 302 for the absolute one from each (nginx, lighttpd and HAProxy do that), and for the path 302 or what
#   lies there.
# Seen: 200 from all three for both, with Location as a field of an empty page that no browser follows:
#     Location: http://h.example/x   200   (caddy, h2o, apache)
#     Location: /x                   200   (caddy, h2o, apache)
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 caddy=2.6.2-5 h2o=2.2.5+dfsg2-7 libyaml-0-2=0.2.5-1 apache2-bin=2.4.68-1~deb12u1 \
  libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1 libpcre2-8-0=10.42-1 libexpat1=2.5.0-1+deb12u2 2>"$dir/apt.log") ||
  { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu

# A FastCGI application for one request a connection, which prints the absolute Location for a path that ends with "absolute".
cat >"$dir/application.py" <<'PROGRAM'
import socket, struct

def record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    sock, _ = listener.accept()
    stream = sock.makefile("rb")
    told = b""
    while True:
        _, kind, _, size, padding, _ = struct.unpack("!BBHHBB", stream.read(8))
        content = stream.read(size + padding)[:size]
        if kind == 4:
            told += content
        if kind == 5 and not size:
            break
    place = b"http://h.example/x" if b"absolute" in told else b"/x"
    sock.sendall(record(6, b"Location: " + place + b"\r\n\r\n") + record(6, b"") + record(3, bytes(8)))
    stream.close()
    sock.close()
PROGRAM
/usr/bin/python3 "$dir/application.py" >"$dir/port" 2>"$dir/application.log" &
pids+=($!)
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
application=127.0.0.1:$(<"$dir/port")

read -r caddy h2o apache < <(perl -MIO::Socket::INET -e '
  my @all = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 3;
  print join(" ", map { $_->sockport } @all), "\n"')
printf '{\n\tadmin off\n\tauto_https off\n}\nhttp://127.0.0.1:%s {\n\treverse_proxy %s {\n\t\ttransport fastcgi\n\t}\n}\n' \
  "$caddy" "$application" >"$dir/Caddyfile"
HOME=$dir XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir "$dir/root/usr/bin/caddy" run --config "$dir/Caddyfile" --adapter caddyfile \
  >"$dir/caddy.log" 2>&1 &
pids+=($!)
printf '%s\n' "listen: {host: 127.0.0.1, port: $h2o}" "hosts: {default: {paths: {/: {fastcgi.connect: {host: 127.0.0.1, port:" \
  "${application#*:}, type: tcp}}}}}" >"$dir/h2o.conf"
"$dir/root/usr/bin/h2o" -c "$dir/h2o.conf" >"$dir/h2o.log" 2>&1 &
pids+=($!)
modules=$dir/root/usr/lib/apache2/modules
printf '%s\n' "ServerRoot $dir" "ServerName localhost" "PidFile $dir/pid" "ErrorLog $dir/apache.log" "Mutex file:$dir default" \
  "Listen 127.0.0.1:$apache" "User nobody" "Group nogroup" "LoadModule mpm_event_module $modules/mod_mpm_event.so" \
  "LoadModule authz_core_module $modules/mod_authz_core.so" "LoadModule proxy_module $modules/mod_proxy.so" \
  "LoadModule proxy_fcgi_module $modules/mod_proxy_fcgi.so" "ProxyPass / fcgi://$application/" >"$dir/apache.conf"
"$dir/root/usr/sbin/apache2" -D FOREGROUND -f "$dir/apache.conf" >"$dir/messages" 2>&1 &
pids+=($!)

unset LD_LIBRARY_PATH
for host in caddy h2o apache; do
  for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:${!host}/path" && break; sleep 0.1; done
  for path in absolute path; do
    seen=$(curl --silent --noproxy '*' --max-time 10 --output /dev/null --dump-header "$dir/head" --write-out '%{http_code}' \
      "http://127.0.0.1:${!host}/$path")
    seen+=" $(tr -d '\r' <"$dir/head" | grep -io '^location: .*')"
    echo "$host: $seen"
    [[ $seen = 200\ [Ll]ocation:* ]] || { echo "Not as it was: 200 and Location"; cat "$dir"/*.log "$dir/messages"; exit 1; }
  done
done
