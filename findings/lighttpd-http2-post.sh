#!/bin/bash
# lighttpd 1.4.69 (Debian 12, lighttpd 1.4.69-1): a POST over HTTP/2 without content-length, as of "curl --request POST
# --upload-file -", of browsers that send a stream, and of gRPC clients.
#
# RFC 9113 8.1.1: content-length may be left out, for a stream says by itself where it ends.
# Guess, before it was run: the program gets all of it with CONTENT_LENGTH=5, as it does for an upload by chunks over HTTP/1.1.
# Seen: 411 over HTTP/2, and the program is not run; PUT is taken:
#     HTTP/1.1 POST by chunks              200   CONTENT_LENGTH=5, got hello
#     HTTP/2 POST with content-length      200   CONTENT_LENGTH=5, got hello
#     HTTP/2 POST without content-length   411
#     HTTP/2 PUT without content-length    200   CONTENT_LENGTH=5, got hello
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/www"
(cd "$dir/debs" && apt-get download --quiet=2 lighttpd=1.4.69-1 libnettle8=3.8.1-2 libxxhash0=0.8.1-1 libpcre2-8-0=10.42-1 \
  python3-h2=4.1.0-4 python3-hpack=4.0.0-2 python3-hyperframe=6.0.0-1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# shellcheck disable=SC2016 # expanded by the program
printf '%s\n' '#!/bin/sh' 'printf "Content-Type: text/plain\n\nCONTENT_LENGTH=$CONTENT_LENGTH, got "' 'head -c "$CONTENT_LENGTH"' \
  >"$dir/www/p.cgi"
chmod 755 "$dir/www/p.cgi"
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
cat >"$dir/lighttpd.conf" <<CONF
server.document-root = "$dir/www"
server.bind = "127.0.0.1"
server.port = $port
server.modules = ( "mod_cgi" )
cgi.assign = ( ".cgi" => "" )
CONF
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu "$dir/root/usr/sbin/lighttpd" -D -f "$dir/lighttpd.conf" \
  -m "$dir/root/usr/lib/lighttpd" >"$dir/log" 2>&1 &
server=$!
for _ in {1..100}; do curl -so /dev/null --noproxy '*' "http://127.0.0.1:$port/" && break; sleep 0.1; done

# Prints the status and the content of the answer to "hello" over HTTP/2; by a client that, unlike curl, takes an answer as it is if
# a reset comes behind it.
cat >"$dir/ask.py" <<'PROGRAM'
import socket, sys
import h2.config, h2.connection, h2.events

port, method, *fields = sys.argv[1:]
sock = socket.create_connection(("127.0.0.1", int(port)), 10)
client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
client.initiate_connection()
head = [(":method", method), (":scheme", "http"), (":authority", "h.example"), (":path", "/p.cgi")]
client.send_headers(1, head + [tuple(field.split(": ")) for field in fields])
client.send_data(1, b"hello", end_stream=True)
sock.sendall(client.data_to_send())
status, content, ended = "none", b"", False
while not ended and (data := sock.recv(65536)):
    for event in client.receive_data(data):
        if isinstance(event, h2.events.ResponseReceived):
            status = dict(event.headers)[":status"]
        elif isinstance(event, h2.events.DataReceived):
            content += event.data
        elif isinstance(event, h2.events.StreamEnded):
            ended = True
print(status, content.decode() if status == "200" else "")
PROGRAM
http2() { PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/ask.py" "$port" "$@"; }
chunks() {
  curl --silent --noproxy '*' --max-time 10 --http1.1 --header "Transfer-Encoding: chunked" --data hello --output "$dir/body" \
    --write-out '%{http_code} ' "http://127.0.0.1:$port/p.cgi"
  cat "$dir/body"
}

check() { # name, expected, command...
  local name=$1 expected=$2 seen
  shift 2
  seen=$("$@")
  echo "$name: $seen"
  [[ ${seen% } = "$expected" ]] || { echo "Not as it was: $expected"; cat "$dir/log"; exit 1; }
}
taken="200 CONTENT_LENGTH=5, got hello"
check "HTTP/1.1 POST by chunks" "$taken" chunks
check "HTTP/2 POST with content-length" "$taken" http2 POST "content-length: 5"
check "HTTP/2 POST without content-length" 411 http2 POST
check "HTTP/2 PUT without content-length" "$taken" http2 PUT
