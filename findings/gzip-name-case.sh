#!/bin/bash
# The name of gzip in other letters at three clients (Debian 12): lftp 4.9.2 (lftp 4.9.2-2+b1), aria2 1.36.0 (aria2 1.36.0-1) and
# Tcl's http (tcl8.6 8.6.13+dfsg-2). aria2 and Tcl ask for gzip by Accept-Encoding; lftp sends none, which accepts any coding.
#
# RFC 9110 8.4.1: "All content codings are case-insensitive"; 8.4.1.3: x-gzip is to be taken for gzip.
# Guess, before it was run: each client has the page, but x-gzip might be unknown.
# Seen: GZIP is nothing to any of them, and the compressed bytes are taken for the page; the exit status is 0:
#                                 lftp    aria2   tcl
#     Content-Encoding: gzip      hello   hello   hello
#     Content-Encoding: GZIP      gzip    gzip    gzip
#     Content-Encoding: x-gzip    hello   gzip    hello
#   curl and wget know each.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root" "$dir/home"
(cd "$dir/debs" && apt-get download --quiet=2 lftp=4.9.2-2+b1 \
  aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2=1.18.1-3 libssh2-1=1.10.0-3+b1 libsqlite3-0=3.40.1-2+deb12u2 \
  tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# The path is the coding.
cat >"$dir/server.py" <<'PROGRAM'
import gzip, http.server

class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = gzip.compress(b"hello")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Encoding", self.path[1:])
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)

    do_HEAD = do_GET

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
print(server.server_port, flush=True)
server.serve_forever()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
base=http://127.0.0.1:$(<"$dir/port")

root=$dir/root
cat >"$dir/get.tcl" <<'PROGRAM'
package require http
fconfigure stdout -translation binary
puts -nonewline [http::data [http::geturl [lindex $argv 0] -timeout 10000]]
PROGRAM
export no_proxy=127.0.0.1 HOME=$dir/home
own() { LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu timeout 20 "$@" 2>>"$dir/log" </dev/null; }
with_lftp() { own "$root/usr/bin/lftp" -c "set net:max-retries 1; cat $1"; }
with_aria2() {
  rm -f "$dir/page"
  own "$root/usr/bin/aria2c" --quiet --no-conf --http-accept-gzip=true --dir="$dir" --out=page "$1" && cat "$dir/page"
}
with_tcl() { TCL_LIBRARY=$root/usr/share/tcltk/tcl8.6 own "$root/usr/bin/tclsh8.6" "$dir/get.tcl" "$1"; }

check() { # coding, "lftp aria2 tcl"
  local client seen=()
  for client in with_lftp with_aria2 with_tcl; do
    "$client" "$base/$1" >"$dir/got" || { echo "$client: exit status $?"; cat "$dir/log"; exit 1; }
    case $(xxd -p "$dir/got") in
      68656c6c6f) seen+=(hello) ;;
      1f8b*) seen+=(gzip) ;;
      *) seen+=(other) ;;
    esac
  done
  echo "$1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check gzip "hello hello hello"
check GZIP "gzip gzip gzip"
check x-gzip "hello gzip hello"
