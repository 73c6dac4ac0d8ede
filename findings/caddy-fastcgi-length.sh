#!/bin/bash
# Caddy 2.6.2 (Debian 12, caddy 2.6.2-5): CONTENT_LENGTH for a FastCGI application where the client did not say how long its upload is.
#
# RFC 3875 4.1.2: CONTENT_LENGTH is empty or digits, and the length of the content once transfer codings are removed. An upload by
# chunks, or over HTTP/2 without content-length, says how long it is by its end.
# Guess, before it was run: 5, for Caddy gathers the upload first, or 411. (nginx, Apache, lighttpd and HAProxy give 5 for chunks.)
# Seen: -1, though all of the content follows on standard input; who reads as much as CONTENT_LENGTH says reads nothing:
#     POST with Content-Length   CONTENT_LENGTH=5    standard input: 5
#     POST by chunks             CONTENT_LENGTH=-1   standard input: 5
#     POST over HTTP/2           CONTENT_LENGTH=-1   standard input: 5
set -euo pipefail

dir=$(mktemp -d)
server=
application=
trap '[[ -z $server ]] || kill "$server"; [[ -z $application ]] || kill "$application"; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 caddy=2.6.2-5 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
dpkg -x "$dir"/debs/*.deb "$dir/root"

# A FastCGI application for one request a connection: it says what it was told and how much it got.
cat >"$dir/application.py" <<'PROGRAM'
import socket, struct

def pairs(data):
    def length(at):
        if data[at] < 128:
            return data[at], at + 1
        return struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF, at + 4
    at, found = 0, {}
    while at < len(data):
        name, at = length(at)
        value, at = length(at)
        found[data[at:at + name].decode()] = data[at + name:at + name + value].decode()
        at += name + value
    return found

def record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    sock, _ = listener.accept()
    stream = sock.makefile("rb")
    parts = {4: b"", 5: b""}
    while True:
        _, kind, _, size, padding, _ = struct.unpack("!BBHHBB", stream.read(8))
        content = stream.read(size + padding)[:size]
        if kind in parts:
            parts[kind] += content
            if kind == 5 and not size:
                break
    told = pairs(parts[4]).get("CONTENT_LENGTH", "unset")
    text = f"Content-Type: text/plain\r\n\r\nCONTENT_LENGTH={told} standard input: {len(parts[5])}"
    sock.sendall(record(6, text.encode()) + record(6, b"") + record(3, bytes(8)))
    stream.close()
    sock.close()
PROGRAM
/usr/bin/python3 "$dir/application.py" >"$dir/port" 2>"$dir/application.log" &
application=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
cat >"$dir/Caddyfile" <<CONF
{
	admin off
	auto_https off
	servers {
		protocols h1 h2c
	}
}
http://127.0.0.1:$port {
	reverse_proxy 127.0.0.1:$(<"$dir/port") {
		transport fastcgi
	}
}
CONF
HOME=$dir XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir "$dir/root/usr/bin/caddy" run --config "$dir/Caddyfile" --adapter caddyfile \
  >"$dir/log" 2>&1 &
server=$!
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

check() { # name, what the application says, option of curl...
  local name=$1 expected=$2 seen
  shift 2
  seen=$(printf hello | curl --silent --noproxy '*' --max-time 10 "$@" "http://127.0.0.1:$port/p")
  echo "$name: $seen"
  [[ $seen = "$expected" ]] || { echo "Not as it was: $expected"; cat "$dir/log" "$dir/application.log"; exit 1; }
}
check "POST with Content-Length" "CONTENT_LENGTH=5 standard input: 5" --data-binary @-
check "POST by chunks" "CONTENT_LENGTH=-1 standard input: 5" --header "Transfer-Encoding: chunked" --data-binary @-
check "POST over HTTP/2" "CONTENT_LENGTH=-1 standard input: 5" --http2-prior-knowledge --request POST --upload-file -
