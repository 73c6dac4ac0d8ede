#!/bin/bash
# Forms of Location at four clients (Debian 12): lftp 4.9.2 (lftp 4.9.2-2+b1), aria2 1.36.0 (aria2 1.36.0-1), busybox wget (busybox
# 1:1.35.0-4+deb12u1+b1) and LuaSocket 3.1.0 (lua-socket 3.1.0-1+b1), each asking for /dir/start, which is 302 to one form or another.
#
# RFC 9110 10.2.2: Location is a reference, resolved by RFC 3986 5; it may have a fragment, which is not sent. curl and wget follow each.
# Guess, before it was run: each client follows all of them.
# Seen: "?page=2", which scripts print for the next page, is followed by one of four, and so is a fragment, which the others send as a
#   part of the path. lftp puts a relative form into its request line as it is: "GET ?page=2 HTTP/1.1".
#                           lftp   aria2   busybox   lua
#     /dir/page?page=2      yes    yes     yes       yes
#     page?page=2           no     yes     no        yes
#     ?page=2               no     no      no        yes
#     /dir/page#part        no     yes     no        no
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root" "$dir/home"
(cd "$dir/debs" && apt-get download --quiet=2 lftp=4.9.2-2+b1 aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2=1.18.1-3 \
  libssh2-1=1.10.0-3+deb12u1 libsqlite3-0=3.40.1-2+deb12u2 busybox=1:1.35.0-4+deb12u1+b1 lua5.3=5.3.6-2 \
  lua-socket=3.1.0-1+b1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# /dir/start?FORM is 302 to that form; /dir/page, and /dir/start?page=2 as the form of a query alone leads there, are the page.
cat >"$dir/server.py" <<'PROGRAM'
import http.server, urllib.parse

class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        page = self.path in ("/dir/page", "/dir/page?page=2", "/dir/start?page=2")
        self.send_response(200 if page else 302 if path == "/dir/start" else 404)
        if path == "/dir/start" and not page:
            self.send_header("Location", urllib.parse.unquote(query))
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "5" if page else "0")
        self.end_headers()
        if page:
            self.wfile.write(b"hello")

    do_HEAD = do_GET

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
print(server.server_port, flush=True)
server.serve_forever()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
base=http://127.0.0.1:$(<"$dir/port")
echo 'print((require("socket.http").request(arg[1])))' >"$dir/get.lua"

root=$dir/root
export LUA_PATH="$root/usr/share/lua/5.3/?.lua" LUA_CPATH="$root/usr/lib/x86_64-linux-gnu/lua/5.3/?.so" no_proxy=127.0.0.1 HOME=$dir/home
own() { LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu timeout 10 "$@" 2>>"$dir/log"; }
with_lftp() { own "$root/usr/bin/lftp" -c "set net:max-retries 1; cat $1"; }
with_aria2() {
  rm -f "$dir/aria2"
  own "$root/usr/bin/aria2c" --quiet --no-conf --dir="$dir" --out=aria2 "$1" && cat "$dir/aria2"
}
with_busybox() { own "$root/bin/busybox" wget -qO- "$1"; }
with_lua() { own "$root/usr/bin/lua5.3" "$dir/get.lua" "$1"; }

check() { # form of Location, "lftp aria2 busybox lua"
  local client seen=() url
  url="$base/dir/start?$(perl -pe 's/(\W)/sprintf "%%%02X", ord $1/ge' < <(printf %s "$1"))"
  for client in with_lftp with_aria2 with_busybox with_lua; do
    if [[ $("$client" "$url" || true) = hello ]]; then seen+=(yes); else seen+=(no); fi
  done
  echo "Location: $1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check "/dir/page?page=2" "yes yes yes yes"
check "page?page=2" "no yes no yes"
check "?page=2" "no no no yes"
check "/dir/page#part" "no yes no no"
