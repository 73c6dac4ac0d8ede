#!/bin/bash
# Apache 2.4.68 with mod_proxy_fcgi (Debian 12, apache2-bin 2.4.68-1~deb12u1): a FastCGI application that ends a request by
# FCGI_OVERLOADED.
#
# The FastCGI specification, 5.5: FCGI_END_REQUEST has a protocolStatus; FCGI_OVERLOADED says that the request was rejected for want of
# some resource, FCGI_CANT_MPX_CONN and FCGI_UNKNOWN_ROLE that it was rejected for other reasons. There is no output then.
# Guess, before it was run: an error of the server's, 5xx. (nginx and Caddy make 502 of it, H2O 503, lighttpd 500.)
# Seen: 200 without content, for any of them; a cache or a search engine takes that for the page:
#     FCGI_REQUEST_COMPLETE with a page   200, 5 bytes
#     FCGI_CANT_MPX_CONN                  200, 0 bytes
#     FCGI_OVERLOADED                     200, 0 bytes
#     FCGI_UNKNOWN_ROLE                   200, 0 bytes
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 apache2-bin=2.4.68-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1 \
  libpcre2-8-0=10.42-1 libexpat1=2.5.0-1+deb12u2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# A FastCGI application for one request a connection. The path ends with the protocolStatus; 0 has a page.
cat >"$dir/application.py" <<'PROGRAM'
import re, socket, struct

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
    status = int(re.search(rb"/status/(\d)", told)[1])
    page = b"" if status else record(6, b"Content-Type: text/plain\r\n\r\nhello")
    sock.sendall(page + record(6, b"") + record(3, struct.pack("!IBxxx", 0, status)))
    stream.close()
    sock.close()
PROGRAM
/usr/bin/python3 "$dir/application.py" >"$dir/port" 2>"$dir/application.log" &
pids+=($!)
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done

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
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_fcgi_module $modules/mod_proxy_fcgi.so
ProxyPass /status fcgi://127.0.0.1:$(<"$dir/port")/status
CONF
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu "$dir/root/usr/sbin/apache2" -D FOREGROUND \
  -f "$dir/apache.conf" >"$dir/messages" 2>&1 &
pids+=($!)
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

check() { # protocolStatus, its name, "status, length"
  local seen
  seen=$(curl --silent --noproxy '*' --max-time 10 --output /dev/null --write-out '%{http_code}, %{size_download} bytes' \
    "http://127.0.0.1:$port/status/$1")
  echo "$2: $seen"
  [[ $seen = "$3" ]] || { echo "Not as it was: $3"; cat "$dir/messages" "$dir/log" "$dir/application.log"; exit 1; }
}
check 0 "FCGI_REQUEST_COMPLETE with a page" "200, 5 bytes"
check 1 FCGI_CANT_MPX_CONN "200, 0 bytes"
check 2 FCGI_OVERLOADED "200, 0 bytes"
check 3 FCGI_UNKNOWN_ROLE "200, 0 bytes"
