#!/bin/bash
# permessage-deflate where each message is a DEFLATE block with BFINAL set (RFC 7692 7.2.3.4, whose bytes for "Hello" are used here):
# python3-websockets 10.4-1, python3-aiohttp 3.8.4-1+deb12u2 and python3-tornado 6.2.0-3+deb12u4 (Debian 12); undici 7.30.2 (npm).
#
# Some compressors can only finish such a block, not flush; the RFC adds a byte 00 and wants receivers to read it.
# Guess, before it was run: "Hello" each time, by every library.
# Seen: the first message is right. The second, which has the same bytes, is an empty text without any error in all four, for their
#   inflater has ended and is not begun anew:
#     websockets  Hello,,end
#     aiohttp     Hello,,end
#     tornado     Hello,,end
#     undici      Hello,,end
#   ws 8.23.0 (npm) prints Hello,Hello,end; it begins anew where a block was the final one.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 python3-websockets=10.4-1 python3-aiohttp=3.8.4-1+deb12u2 \
  python3-tornado=6.2.0-3+deb12u4 python3-multidict=6.0.4-1+b1 python3-yarl=1.8.2-1+b1 python3-async-timeout=4.0.2-1 \
  python3-frozenlist=1.3.3-1+b1 python3-aiosignal=1.3.1-1 python3-attr=22.2.0-1 python3-charset-normalizer=3.0.1-2 \
  python3-idna=3.3-1+deb12u1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . undici@7.30.2 ws@8.23.0)

# Sends "Hello" twice as in 7.2.3.4, then "end" as it is, then closes.
cat >"$dir/server.py" <<'PROGRAM'
import base64, hashlib, re, socket, threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HELLO = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"

def serve(sock):
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(4096)
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                 + base64.b64encode(hashlib.sha1(key + GUID).digest())
                 + b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    sock.sendall(HELLO + HELLO + b"\x81\x03end" + b"\x88\x02\x03\xe8")
    sock.recv(4096)  # the client's close
    sock.close()

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done

cat >"$dir/client.py" <<'PROGRAM'
import asyncio, sys

async def read(library, url):
    if library == "websockets":
        import websockets
        async with websockets.connect(url) as socket:
            return [message async for message in socket]
    if library == "aiohttp":
        import aiohttp
        async with aiohttp.ClientSession() as session, session.ws_connect(url, compress=15) as socket:
            return [message.data async for message in socket]
    import tornado.websocket
    socket, messages = await tornado.websocket.websocket_connect(url, compression_options={}), []
    while (message := await socket.read_message()) is not None:
        messages.append(message)
    return messages

print(",".join(asyncio.run(asyncio.wait_for(read(*sys.argv[1:]), 10))))
PROGRAM
cat >"$dir/client.cjs" <<'PROGRAM'
const [library, url] = process.argv.slice(2);
const socket = new (require(library).WebSocket)(url);
const messages = [];
socket.onmessage = ({ data }) => messages.push(data);
socket.onclose = () => console.log(messages.join());
PROGRAM

check() { # library, expected messages, command...
  local library=$1 expected=$2 seen
  shift 2
  seen=$(timeout 15 "$@" "$library" "ws://127.0.0.1:$(<"$dir/port")/")
  echo "$library: $seen"
  [[ $seen = "$expected" ]] || { echo "Not as it was: $expected"; cat "$dir/log"; exit 1; }
}
for library in websockets aiohttp tornado; do
  check "$library" Hello,,end env PYTHONPATH="$dir/root/usr/lib/python3/dist-packages" /usr/bin/python3 "$dir/client.py"
done
check undici Hello,,end node "$dir/client.cjs"
check ws Hello,Hello,end node "$dir/client.cjs"
