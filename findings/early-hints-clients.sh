#!/bin/bash
# Four HTTP/1.1 clients and an interim answer, 103 Early Hints (RFC 8297), before the real one (Debian 12): check_http of Nagios
# (monitoring-plugins-basic 2.3.3-5+deb12u2), busybox wget (busybox 1:1.35.0-4+deb12u1+b1), Tcl's http (tcl8.6 8.6.13+dfsg-2) and
# LuaSocket (lua-socket 3.1.0-1+b1).
#
# RFC 9110 15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final response".
# Guess, before it was run: each skips the 103 and has what comes behind it.
# Seen: each takes the 103 for the answer. For check_http it is even OK, so that a server that sends hints can fail unseen:
#     500                     check_http: HTTP CRITICAL: HTTP/1.1 500 Internal Server Error
#     103, then 500           check_http: HTTP OK: HTTP/1.1 103 Early Hints
#     103, then 200 "hello"   busybox:    wget: server returned error: HTTP/1.1 103 Early Hints
#                             tcl:        103 and no content
#                             lua:        103 and no content
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 monitoring-plugins-basic=2.3.3-5+deb12u2 busybox=1:1.35.0-4+deb12u1+b1 \
  tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2 lua5.3=5.3.6-2 lua-socket=3.1.0-1+b1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# /500 is that at once; /103-500 and /103-200 have hints before. Only HTTP/1.1 is answered.
cat >"$dir/server.py" <<'PROGRAM'
import socket

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
FINAL = {
    b"500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 7\r\nConnection: close\r\n\r\nbroken\n",
    b"200": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n",
}
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    sock, _ = listener.accept()
    head = b""
    while b"\r\n\r\n" not in head and (data := sock.recv(4096)):
        head += data
    _, path, version = head.split(b"\r\n")[0].split(b" ")
    if version == b"HTTP/1.1":
        sock.sendall((HINTS if b"103" in path else b"") + FINAL[path[-3:]])
    sock.close()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
port=$(<"$dir/port")
# shellcheck disable=SC2016 # expanded by Tcl
echo 'source [lindex $argv 1]; set token [http::geturl [lindex $argv 0] -timeout 5000]
  puts "[http::ncode $token] [http::data $token]"' >"$dir/get.tcl"
echo 'local content, status = require("socket.http").request(arg[1]); print(status, content)' >"$dir/get.lua"
root=$dir/root
export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu TCL_LIBRARY=$root/usr/share/tcltk/tcl8.6
export LUA_PATH="$root/usr/share/lua/5.3/?.lua" LUA_CPATH="$root/usr/lib/x86_64-linux-gnu/lua/5.3/?.so" no_proxy=127.0.0.1

check() { # path, what is printed first, command...
  local path=$1 expected=$2 seen
  shift 2
  seen=$({ timeout 10 "$@" 2>&1 || true; } | tr '\t\n' '  ' | sed 's/ - .*//; s/ *$//')
  echo "$path, $(basename "$1"): $seen"
  [[ $seen = "$expected" ]] || { echo "Not as it was: $expected"; cat "$dir/log"; exit 1; }
}
http=$root/usr/share/tcltk/tcl8.6/tcl8/http-2.9.8.tm
nagios=("$root/usr/lib/nagios/plugins/check_http" -H 127.0.0.1 -p "$port" -u)
check /500 "HTTP CRITICAL: HTTP/1.1 500 Internal Server Error" "${nagios[@]}" /500
check /103-500 "HTTP OK: HTTP/1.1 103 Early Hints" "${nagios[@]}" /103-500
check /103-200 "wget: server returned error: HTTP/1.1 103 Early Hints" "$root/bin/busybox" wget -qO- "http://127.0.0.1:$port/103-200"
check /103-200 103 "$root/usr/bin/tclsh8.6" "$dir/get.tcl" "http://127.0.0.1:$port/103-200" "$http"
check /103-200 103 "$root/usr/bin/lua5.3" "$dir/get.lua" "http://127.0.0.1:$port/103-200"
