#!/bin/bash
# The Connection field of a WebSocket server's answer as a list, at six clients: ws 8.23.0, undici 7.30.2 (WebSocket of Node.js is an
# undici's), faye-websocket 0.11.4 (with websocket-driver 0.8.0) and websocket 1.0.35 (npm); python3-tornado 6.2.0-3+deb12u4 and
# python3-autobahn 22.7.1+dfsg1-2 (Debian 12).
#
# RFC 6455 4.1: the client fails if the field "doesn't contain a token that is an ASCII case-insensitive match for the value Upgrade";
# it is a list (RFC 9110 7.6.1), which may have other members and stand on more than one line.
# Guess, before it was run: each client connects; requests have such a list too, "keep-alive, Upgrade" is what Firefox sends.
# Seen: four of six take the field for one word, and refuse the answer where another stands beside it:
#                                           ws      undici   faye    websocket   tornado   autobahn
#     Connection: Upgrade                   hello   hello    hello   hello       hello     hello
#     Connection: upgrade                   hello   hello    hello   hello       hello     hello
#     Connection: keep-alive, Upgrade       hello   -        -       -           -         hello
#     keep-alive and Upgrade on two lines   hello   -        -       -           -         hello
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 python3-tornado=6.2.0-3+deb12u4 python3-autobahn=22.7.1+dfsg1-2 \
  python3-txaio=21.2.1-2 python3-hyperlink=21.0.0-5 python3-idna=3.3-1+deb12u1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . ws@8.23.0 undici@7.30.2 faye-websocket@0.11.4 \
  websocket-driver@0.8.0 websocket@1.0.35)

# The path is the number of an answer; a message and a close follow it.
cat >"$dir/server.py" <<'PROGRAM'
import base64, hashlib, re, socket

ANSWERS = ["Connection: Upgrade", "Connection: upgrade", "Connection: keep-alive, Upgrade",
           "Connection: keep-alive\r\nConnection: Upgrade"]
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    sock, _ = listener.accept()
    sock.settimeout(5)
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(4096)
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]
    connection = ANSWERS[int(re.match(rb"GET /(\d)", head)[1])].encode()
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" + connection + b"\r\nSec-WebSocket-Accept: "
                 + base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
                 + b"\r\n\r\n\x81\x05hello\x88\x02\x03\xe8")
    try:
        sock.recv(4096)  # the client's close
    except OSError:
        pass
    sock.close()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
base=ws://127.0.0.1:$(<"$dir/port")

cat >"$dir/client.cjs" <<'PROGRAM'
const [library, url] = process.argv.slice(2);
const end = (text) => {
  console.log(text);
  process.exit();
};
if (library === "websocket") {
  const client = new (require("websocket").client)();
  client.on("connect", (connection) => connection.on("message", ({ utf8Data }) => end(utf8Data)));
  client.on("connectFailed", () => end("-"));
  client.connect(url);
} else {
  const { WebSocket, Client } = require(library);
  const socket = new (library === "faye-websocket" ? Client : WebSocket)(url);
  socket.onmessage = ({ data }) => end(data);
  socket.onerror = () => end("-");
}
PROGRAM
cat >"$dir/with_tornado.py" <<'PROGRAM'
import asyncio, sys
from tornado.websocket import websocket_connect

async def main():
    try:
        print(await (await websocket_connect(sys.argv[1])).read_message())
    except Exception:
        print("-")

asyncio.run(main())
PROGRAM
cat >"$dir/with_autobahn.py" <<'PROGRAM'
import asyncio, sys
from urllib.parse import urlsplit
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

async def main():
    told = asyncio.get_running_loop().create_future()

    class Client(WebSocketClientProtocol):
        def onMessage(self, payload, isBinary):
            told.set_result(payload.decode())

        def onClose(self, wasClean, code, reason):
            told.done() or told.set_result("-")

    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = Client
    await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", urlsplit(sys.argv[1]).port)
    print(await told)

asyncio.run(main())
PROGRAM
node_client() { timeout 20 node "$dir/client.cjs" "$@" 2>>"$dir/log"; }
own() { PYTHONPATH=$dir/root/usr/lib/python3/dist-packages timeout 20 /usr/bin/python3 "$@" 2>>"$dir/log"; }

check() { # number of the answer, "ws undici faye websocket tornado autobahn"
  local library seen=()
  for library in ws undici faye-websocket websocket; do seen+=("$(node_client "$library" "$base/$1" || true)"); done
  seen+=("$(own "$dir/with_tornado.py" "$base/$1" || true)" "$(own "$dir/with_autobahn.py" "$base/$1" || true)")
  echo "$1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check 0 "hello hello hello hello hello hello"
check 1 "hello hello hello hello hello hello"
check 2 "hello - - - - hello"
check 3 "hello - - - - hello"
