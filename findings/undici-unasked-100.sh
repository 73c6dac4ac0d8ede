#!/bin/bash
# undici 7.30.2 (npm; fetch of Node.js is an undici): an interim answer, 100 Continue, that was not asked for.
#
# RFC 9110 15.2: a client must be able to read interim answers before the final one, asked for or not; 15.2.1: without Expect in its
# request "the client can simply discard this interim response".
# Guess, before it was run: none of 100 by itself; interim answers were thought to be skipped, whichever they are.
# Seen: for 100, and for it alone, fetch fails and the connection is closed, though the 200 stands right behind:
#     200               200 hello
#     103, then 200     200 hello
#     102, then 200     200 hello
#     100, then 200     fetch failed: bad response (UND_ERR_SOCKET)
#   The client of node:http skips all of them.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . undici@7.30.2)

cat >"$dir/interim.mjs" <<'PROGRAM'
import { get } from "node:http";
import { createServer } from "node:net";
import { fetch } from "undici";

const final = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
const server = createServer((socket) => {
  socket.once("data", (data) => {
    const status = /^GET \/(\d+)/.exec(data)[1];
    socket.end((status === "200" ? "" : `HTTP/1.1 ${status} Interim\r\n\r\n`) + final);
  });
  socket.on("error", () => {});
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const byNode = (url) =>
  new Promise((resolve, reject) => {
    get(url, async (answer) => {
      let content = "";
      for await (const part of answer) content += part;
      resolve(`${answer.statusCode} ${content}`);
    }).on("error", reject);
  });
for (const status of [200, 103, 102, 100]) {
  const seen = await fetch(`${base}/${status}`).then(
    async (answer) => `${answer.status} ${await answer.text()}`,
    (error) => `${error.message}: ${error.cause.message} (${error.cause.code})`,
  );
  console.log(`${status}: ${seen}; node:http: ${await byNode(`${base}/${status}`)}`);
}
server.close();
PROGRAM
expected='200: 200 hello; node:http: 200 hello
103: 200 hello; node:http: 200 hello
102: 200 hello; node:http: 200 hello
100: fetch failed: bad response (UND_ERR_SOCKET); node:http: 200 hello'
seen=$(timeout 20 node "$dir/interim.mjs")
echo "$seen"
[[ $seen = "$expected" ]] || { printf 'Not as it was:\n%s\n' "$expected"; exit 1; }
