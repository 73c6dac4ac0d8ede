#!/bin/bash
# A server that ends an HTTP/2 connection in good order, at four clients: httpx 0.23.3 (Debian 12, python3-httpx 0.23.3-1, httpcore
# 0.16.3-1, python3-h2 4.1.0-4), undici 7.30.2 (npm), and node:http2 of Node.js and curl.
#
# RFC 9113 6.8: GOAWAY names the last stream that is or will be served; "Activity on streams numbered lower than or equal to the last
# stream identifier might still complete successfully". Servers send it with NO_ERROR before they stop, when a connection has been
# idle for long, and after some number of requests (nginx: keepalive_requests, 1000).
# Guess, before it was run: the answer under way arrives at each client; the next request goes by a new connection.
# Seen: undici drops the answer under way, which the server still sends whole. httpx drops it too, and keeps the dead connection: each
#   later request fails, also where the GOAWAY came while no request was under way, until the client object has been silent for five
#   seconds (keepalive_expiry); a program that asks more often has no answer any more until it is started anew:
#                                              httpx    undici    node:http2
#     a request                                hello    hello     hello
#     GOAWAY for it, then its answer           failed   failed    hello       (curl: hello)
#     the next request                         failed   hello     hello
#     the one after that                       failed   hello     hello
#     GOAWAY between two requests, the next    failed   hello     hello
#     the one after that                       failed   hello     hello
#   httpx: RemoteProtocolError <ConnectionTerminated error_code:0, ...>, or LocalProtocolError where the answer came in the same read;
#   undici: HTTP/2: "GOAWAY" frame received with code 0.
#   HAProxy 2.6.12, nghttpx 1.52.0, Caddy 2.6.2 and Apache's mod_proxy_http2 as proxies, got and nghttp have the answer.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 python3-httpx=0.23.3-1 python3-httpcore=0.16.3-1 python3-h2=4.1.0-4 \
  python3-hpack=4.0.0-2 python3-hyperframe=6.0.0-1 python3-h11=0.14.0-1.1~deb12u1 python3-anyio=3.6.2-1 python3-sniffio=1.2.0-1 \
  python3-certifi=2022.9.24-1 python3-idna=3.3-1+deb12u1 python3-rfc3986=1.5.0-2 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . undici@7.30.2)

# HTTP/2 without TLS on the first port. /last: GOAWAY that names this stream, then the answer and the end. Who
# connects to the second port has every open connection told GOAWAY and ended, and is let go then.
cat >"$dir/server.py" <<'PROGRAM'
import hpack, socket, struct, threading

def frame(kind, flags, stream, content=b""):
    return struct.pack("!I", len(content))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + content

def goaway(stream):
    return frame(7, 0, 0, struct.pack("!II", stream, 0))

def serve(sock):
    reader, decoder = sock.makefile("rb"), hpack.Decoder()
    try:
        reader.read(24)  # the preface
        sock.sendall(frame(4, 0, 0))
        while head := reader.read(9):
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            content = reader.read(int.from_bytes(head[:3], "big"))
            if kind in (4, 6) and not flags & 1:  # SETTINGS and PING
                sock.sendall(frame(kind, 1, 0, content if kind == 6 else b""))
            if kind == 7:
                break
            if kind != 1:
                continue
            if flags & 0x20:  # priority
                content = content[5:]
            last = dict(decoder.decode(content))[":path"] == "/last"
            if last:
                sock.sendall(goaway(stream))
            sock.sendall(frame(1, 4, stream, b"\x88") + frame(0, 1, stream, b"hello"))  # :status 200
            if last:
                break
            latest[sock] = stream
    except OSError:
        pass
    latest.pop(sock, None)
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass

def knocked():
    while True:
        knock, _ = knocks.accept()
        for sock, stream in list(latest.items()):
            sock.sendall(goaway(stream))
            sock.shutdown(socket.SHUT_RDWR)
        knock.close()

latest = {}
listener, knocks = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
threading.Thread(target=knocked, daemon=True).start()
print(listener.getsockname()[1], knocks.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PROGRAM
export PYTHONPATH=$dir/root/usr/lib/python3/dist-packages
/usr/bin/python3 "$dir/server.py" >"$dir/ports" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/ports ]] && break; sleep 0.1; done
read -r port knock <"$dir/ports"

# Each client takes paths, asks for one after the other by one client object, and says what it had of each; "knock" is the other port.
cat >"$dir/with_httpx.py" <<'PROGRAM'
import httpx, socket, sys

with httpx.Client(http1=False, http2=True, trust_env=False, timeout=10) as client:
    for path in sys.argv[3:]:
        if path == "knock":
            socket.create_connection(("127.0.0.1", int(sys.argv[2]))).recv(1)
            continue
        try:
            print(client.get(f"http://127.0.0.1:{sys.argv[1]}{path}").text)
        except httpx.TransportError as error:
            print(repr(error), file=sys.stderr)
            print("failed")
PROGRAM
cat >"$dir/with_node.cjs" <<'PROGRAM'
const { connect } = require("node:net");
const { once } = require("node:events");
const http2 = require("node:http2");
const { Agent, request } = require("undici");
const [library, port, knock, ...paths] = process.argv.slice(2);
const origin = `http://127.0.0.1:${port}`;
const agent = new Agent({ allowH2: true, connect: { useH2c: true } });
let session;
const ask = async (path) => {
  if (library === "undici") return (await request(origin + path, { dispatcher: agent })).body.text();
  if (!session || session.closed || session.destroyed) session = http2.connect(origin);
  const stream = session.request({ ":path": path });
  let text = "";
  for await (const piece of stream) text += piece;
  return text;
};
(async () => {
  for (const path of paths) {
    if (path === "knock") {
      const gone = library === "undici" ? once(agent, "disconnect") : once(session, "close");
      connect(+knock, "127.0.0.1").resume();
      await gone;
      continue;
    }
    await ask(path).then(console.log, (error) => {
      console.error(error.message);
      console.log("failed");
    });
  }
  process.exit();
})();
PROGRAM
with() {
  case $1 in
    httpx) timeout 30 /usr/bin/python3 "$dir/with_httpx.py" "$port" "$knock" "${@:2}" ;;
    curl) timeout 30 curl --silent --noproxy '*' --http2-prior-knowledge --write-out '\n' "${@:2}" ;;
    *) timeout 30 node "$dir/with_node.cjs" "$1" "$port" "$knock" "${@:2}" ;;
  esac 2>>"$dir/log"
}
check() { # client, what it had of each, paths
  local seen
  seen=$(with "$1" "${@:3}" | xargs) || true
  echo "$1: ${*:3}: $seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check httpx "hello failed failed failed" /page /last /page /page
check httpx "hello failed failed" /page knock /page /page
check undici "hello failed hello hello" /page /last /page /page
check undici "hello hello hello" /page knock /page /page
check node:http2 "hello hello hello hello" /page /last /page /page
check node:http2 "hello hello hello" /page knock /page /page
check curl hello "http://127.0.0.1:$port/last"
