/**
 * Requests whose framing may be read in two ways, each with another request hidden in it, and what becomes of them behind a
 * front: whoever answers must have seen what the front has passed on, each as often, and no more.
 */
import { assert, assertEquals } from "@std/assert";
import { exchange, RawClient } from "./raw_client.ts";
import { toText } from "./raw_http.ts";

/** Another request, hidden in what may be the content of the first. */
const INNER = "GET /cgi/x?INNER HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED_END = `0\r\n\r\n${INNER}`;

/** Field lines and content of a POST; `{length}` is the length of the content, `{inner}` that of the hidden request. */
const POSTS: readonly (readonly [name: string, fields: string, content: string])[] = [
  ["both lengths", "Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n", CHUNKED_END],
  ["both lengths, the other order", "Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n", CHUNKED_END],
  [
    "both lengths, the shorter one wins",
    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    `${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`,
  ],
  ["space before the colon", "Content-Length: {length}\r\nTransfer-Encoding : chunked\r\n", CHUNKED_END],
  ["tab before the value", "Content-Length: {length}\r\nTransfer-Encoding:\tchunked\r\n", CHUNKED_END],
  ["vertical tab before the value", "Content-Length: {length}\r\nTransfer-Encoding:\x0bchunked\r\n", CHUNKED_END],
  ["an unknown coding", "Content-Length: {length}\r\nTransfer-Encoding: xchunked\r\n", CHUNKED_END],
  ["identity last", "Content-Length: {length}\r\nTransfer-Encoding: chunked, identity\r\n", CHUNKED_END],
  ["identity first", "Content-Length: {length}\r\nTransfer-Encoding: identity, chunked\r\n", CHUNKED_END],
  ["chunked twice", "Content-Length: {length}\r\nTransfer-Encoding: chunked, chunked\r\n", CHUNKED_END],
  ["two fields", "Content-Length: {length}\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", CHUNKED_END],
  ["quoted", 'Content-Length: {length}\r\nTransfer-Encoding: "chunked"\r\n', CHUNKED_END],
  ["folded", "Content-Length: {length}\r\nTransfer-Encoding:\r\n chunked\r\n", CHUNKED_END],
  ["folded with another field", "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n", CHUNKED_END],
  ["an underscore", "Content-Length: {length}\r\nTransfer_Encoding: chunked\r\n", CHUNKED_END],
  ["hidden behind a bare CR", "X: y\rTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n", CHUNKED_END],
  ["hidden behind a bare LF", "X: y\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n", CHUNKED_END],
  ["hidden behind a NUL", "X: y\0Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n", CHUNKED_END],
  ["in another case", "Content-Length: {length}\r\ntRANSFER-eNCODING: cHUNKED\r\n", CHUNKED_END],
  ["a trailing comma", "Content-Length: {length}\r\nTransfer-Encoding: chunked,\r\n", CHUNKED_END],
  ["a parameter", "Content-Length: {length}\r\nTransfer-Encoding: chunked;a=b\r\n", CHUNKED_END],
  ["two lengths", "Content-Length: 0\r\nContent-Length: {length}\r\n", INNER],
  ["two lengths, the other order", "Content-Length: {length}\r\nContent-Length: 0\r\n", INNER],
  ["a list of lengths", "Content-Length: {length}, 0\r\n", INNER],
  ["a signed length", "Content-Length: +{length}\r\n", INNER],
  ["a length with a blank", "Content-Length: 0 {length}\r\n", INNER],
  ["a hexadecimal length", "Content-Length: 0x{length}\r\n", INNER],
  ["a length beyond 2^64", "Content-Length: 18446744073709551616\r\n", INNER],
  ["a negative length", "Content-Length: -1\r\n", INNER],
  ["a length of zero", "Content-Length: 0\r\n", INNER],
  ["no length", "", INNER],
  ["a length with an underscore", "Content_Length: {length}\r\n", INNER],
  ["an expectation", "Expect: 100-continue\r\nContent-Length: {length}\r\n", INNER],
  ["chunk size with 0x", "Transfer-Encoding: chunked\r\n", `0x0\r\n\r\n${INNER}`],
  ["chunk size with a sign", "Transfer-Encoding: chunked\r\n", `+0\r\n\r\n${INNER}`],
  ["chunk size with a blank", "Transfer-Encoding: chunked\r\n", `0 \r\n\r\n${INNER}`],
  ["chunk size beyond 2^64", "Transfer-Encoding: chunked\r\n", `10000000000000000\r\n${CHUNKED_END}`],
  ["chunk with a bare LF", "Transfer-Encoding: chunked\r\n", `0\n\n${INNER}`],
  ["chunk with a bare CR", "Transfer-Encoding: chunked\r\n", `0\r\r${INNER}`],
  [
    "extension with a bare LF",
    "Transfer-Encoding: chunked\r\n",
    `2;\nxx\r\n${CHUNKED_END.length.toString(16)}\r\n${CHUNKED_END}\r\n0\r\n\r\n`,
  ],
  ["extension with a quoted end", "Transfer-Encoding: chunked\r\n", `0;a="\r\n\r\n${INNER}"\r\n\r\n`],
  ["data longer than its chunk", "Transfer-Encoding: chunked\r\n", `1\r\nabc\r\n${CHUNKED_END}`],
  ["a trailer that is a length", "Transfer-Encoding: chunked\r\n", `0\r\nContent-Length: {inner}\r\n\r\n${INNER}`],
];

/** Whole requests; `{id}` names the first one. */
const OTHERS: readonly (readonly [name: string, request: string])[] = [
  ["GET with content", `GET /cgi/x?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: {inner}\r\n\r\n${INNER}`],
  ["HEAD with content", `HEAD /cgi/x?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: {inner}\r\n\r\n${INNER}`],
  [
    "HTTP/1.0 with a coding",
    `POST /cgi/x?{id} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_END}`,
  ],
  ["no version", `GET /cgi/x?{id}\r\n\r\n${INNER}`],
  ["HTTP/1.1 with a blank", `GET /cgi/x?{id} HTTP/1.1 \r\nHost: a\r\n\r\n${INNER}`],
  ["a tab in the request line", `GET\t/cgi/x?{id}\tHTTP/1.1\r\nHost: a\r\n\r\n${INNER}`],
  ["a line feed in the target", `GET /cgi/x?{id}\nHost: a\r\n\r\n${INNER}`],
  ["an encoded line feed in the target", `GET /cgi/x%0d%0a?{id} HTTP/1.1\r\nHost: a\r\n\r\n${INNER}`],
  ["two hosts", `GET /cgi/x?{id} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${INNER}`],
  [
    "connection names the length",
    `POST /cgi/x?{id} HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: {inner}\r\n\r\n${INNER}`,
  ],
  ["an upgrade", `GET /cgi/x?{id} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${INNER}`],
  ["CONNECT", `CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n${INNER}`],
  ["a second request that is meant", `GET /cgi/x?{id} HTTP/1.1\r\nHost: a\r\n\r\n${INNER}`],
];

/** Each request with its number, and that of the one that hides in it. */
export function attacks(): {
  readonly name: string;
  readonly bytes: string;
  readonly id: string;
  readonly inner: string;
}[] {
  const posts = POSTS.map(([name, fields, content]) => {
    const head = `POST /cgi/x?{id} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
    return { name, request: head.replaceAll("{length}", `${content.length}`) + content };
  });
  return [...posts, ...OTHERS.map(([name, request]) => ({ name, request }))].map(({ name, request }, index) => {
    const [id, inner] = [`outer${100 + index}`, `${10_000 + index}`];
    const bytes = request.replaceAll("{id}", id).replaceAll("{inner}", `${INNER.length}`).replaceAll("INNER", inner);
    return { name, bytes, id, inner };
  });
}

/** Writes down what it was asked, in its own folder, and says it. */
export const SEEING_SCRIPT = `#!/bin/sh
cat >/dev/null
echo "$QUERY_STRING" >>seen
printf 'Content-Type: text/plain\\n\\n%s' "$QUERY_STRING"
`;

/** So many clients come at once. */
const CLIENT_COUNT = 8;

/** Sends each attack through the front, and after each an honest request, which must get its own answer. */
export async function attackThrough({ port }: { readonly port: number }): Promise<void> {
  const left = attacks();
  await Promise.all(Array.from({ length: CLIENT_COUNT }, async () => {
    for (let attack; (attack = left.shift()) !== undefined;) {
      const { name, bytes, inner } = attack;
      using client = await RawClient.connect(port);
      await client.send(bytes);
      await client.countToEnd();
      const honest = `GET /cgi/x?honest${inner} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      const { responses } = await exchange(port, honest);
      assertEquals(responses.map(({ body }) => toText(body)), [`honest${inner}`], name);
    }
  }));
}

/** Each query that the script saw more often than the front had it in its log, with the name of its attack. */
function listSmuggled(seen: readonly string[], log: string): string[] {
  const sent = [...log.matchAll(/\/cgi\/x(?:%0d%0a)?\?(\w+)/g)].map(([, query]) => query);
  const count = (queries: readonly string[], query: string) => queries.filter((other) => other === query).length;
  const names = new Map(attacks().flatMap(({ id, inner, name }) => [[id, name], [inner, name]]));
  return [...new Set(seen)].filter((query) => count(seen, query) > count(sent, query))
    .map((query) => `${query} (${names.get(query)})`);
}

/** Throws when whoever answered has seen a request that the front did not pass on by its log, or not the one that was meant. */
export function checkSeen(seen: readonly string[], log: string): void {
  // Else a test would pass without ever having seen a request.
  const meant = attacks().find(({ name }) => name === "a second request that is meant");
  assert(meant !== undefined && seen.includes(meant.inner), "The second request has not arrived");
  assertEquals(listSmuggled(seen, log), []);
}
