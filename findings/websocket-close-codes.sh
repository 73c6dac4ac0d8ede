#!/bin/bash
# Close codes of WebSocket that were registered after RFC 6455, at clients: python3-websocket 1.2.3-1 and python3-autobahn
# 22.7.1+dfsg1-2 (Debian 12); faye-websocket 0.11.4 (npm, with websocket-driver 0.8.0).
#
# RFC 6455 7.4.2: 1000-2999 are for the protocol and its revisions, by IANA's registry; there are 1012 "Service Restart", 1013 "Try
# Again Later" and 1014 "Bad Gateway", by which servers and proxies ask clients to come again.
# Guess, before it was run: each client tells its program the code that came.
# Seen: each has another list of codes, and takes others for a fault of the server's; who waits for 1012 to reconnect waits in vain:
#     sent   faye   websocket-client                autobahn
#     1011   1011   1011                            1011
#     1012   1002   "Invalid close opcode."         1012
#     1013   1002   "Invalid close opcode."         1013
#     1014   1002   1014                            1006 ("invalid close code 1014")
#     4000   4000   4000                            4000
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 python3-websocket=1.2.3-1 python3-six=1.16.0-4 python3-autobahn=22.7.1+dfsg1-2 \
  python3-txaio=21.2.1-2 python3-hyperlink=21.0.0-5 python3-idna=3.3-1+deb12u1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . faye-websocket@0.11.4 websocket-driver@0.8.0)

# Closes each connection by the code that its path names.
cat >"$dir/server.py" <<'PROGRAM'
import base64, hashlib, re, socket, struct

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    sock, _ = listener.accept()
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(4096)
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                 + base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()) + b"\r\n\r\n")
    sock.sendall(b"\x88\x02" + struct.pack("!H", int(re.match(rb"GET /(\d+)", head)[1])))
    try:
        sock.recv(4096)  # the client's close
    except OSError:
        pass
    sock.close()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
url=ws://127.0.0.1:$(<"$dir/port")

cat >"$dir/faye.cjs" <<'PROGRAM'
const socket = new (require("faye-websocket").Client)(process.argv[2]);
socket.on("close", ({ code }) => console.log(code));
PROGRAM
cat >"$dir/client.py" <<'PROGRAM'
import struct, sys, websocket
socket = websocket.create_connection(sys.argv[1], timeout=5)
try:
    print(struct.unpack("!H", socket.recv_data()[1][:2])[0])
except websocket.WebSocketException as error:
    print(error)
PROGRAM
cat >"$dir/with_autobahn.py" <<'PROGRAM'
import asyncio, sys
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

async def main():
    closed = asyncio.get_running_loop().create_future()

    class Client(WebSocketClientProtocol):
        def onClose(self, wasClean, code, reason):
            closed.set_result(code)

    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = Client
    await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", int(sys.argv[2]))
    print(await closed)

asyncio.run(main())
PROGRAM
own() { PYTHONPATH=$dir/root/usr/lib/python3/dist-packages timeout 10 /usr/bin/python3 "$@"; }

check() { # code, "faye, websocket-client, autobahn"
  local seen
  seen="$(timeout 10 node "$dir/faye.cjs" "$url/$1"), $(own "$dir/client.py" "$url/$1"), "
  seen+=$(own "$dir/with_autobahn.py" "$url/$1" "$(<"$dir/port")" 2>>"$dir/log")
  echo "$1: $seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check 1011 "1011, 1011, 1011"
check 1012 "1002, Invalid close opcode., 1012"
check 1013 "1002, Invalid close opcode., 1013"
check 1014 "1002, 1014, 1006"
check 4000 "4000, 4000, 4000"
