import { assert, assertEquals, assertRejects } from "@std/assert";
import { exchange, RawClient, toSingleBytes } from "./raw_client.ts";
import { toBytes, toText } from "./raw_http.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Accepts one connection and gives it to `serve`; the port and a promise that ends with it. */
function serveOnce(serve: (connection: Deno.TcpConn) => Promise<void>): { port: number; done: Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done = listener.accept().then(async (connection) => {
    try {
      await serve(connection);
    } finally {
      connection.close();
      listener.close();
    }
  });
  return { port: listener.addr.port, done };
}

/** Reads so many bytes and returns them as text. */
async function readBytes(connection: Deno.Conn, count: number): Promise<string> {
  let text = "";
  while (text.length < count) {
    const buffer = new Uint8Array(count - text.length);
    text += toText(buffer.subarray(0, await connection.read(buffer) ?? 0));
  }
  return text;
}

Deno.test("exchange() sends every piece and returns what came when the server closes", async () => {
  let request = "";
  const { port, done } = serveOnce(async (connection) => {
    request = await readBytes(connection, 6);
    await connection.write(toBytes(`${ANSWER}${ANSWER}HT`));
  });
  const { responses, rest, end } = await exchange(port, ["ab", ...toSingleBytes("cdé")]);
  await done;
  assertEquals(request, "abcd\u00c3\u00a9");
  assertEquals(responses.map(({ body }) => toText(body)), ["ok", "ok"]);
  assertEquals([toText(rest), end], ["HT", "closed"]);
});

Deno.test("RawClient.receive() tells a reset from a close when the connection breaks", async () => {
  const chunks = [toBytes(ANSWER)];
  const read = (buffer: Uint8Array) => {
    const chunk = chunks.shift();
    if (chunk === undefined) return Promise.reject(new Deno.errors.ConnectionReset("Connection reset by peer"));
    buffer.set(chunk);
    return Promise.resolve(chunk.length);
  };
  // Deno always sends FIN before RST, so that a real server made with it cannot play this part.
  using client = new RawClient({ read, close: () => {} } as unknown as Deno.Conn);
  const { responses, end } = await client.receive();
  assertEquals(responses.map(({ body }) => toText(body)), ["ok"]);
  assertEquals(end, "reset");
});

Deno.test("RawClient.receive() counts responses, and knows which is to HEAD, when each comes by itself", async () => {
  const headAlone = ANSWER.slice(0, -2);
  const chunks = [ANSWER, headAlone, ANSWER + ANSWER].map(toBytes);
  const read = (buffer: Uint8Array) => {
    const chunk = chunks.shift();
    buffer.set(chunk ?? []);
    return Promise.resolve(chunk?.length ?? null);
  };
  using client = new RawClient({ read, close: () => {} } as unknown as Deno.Conn);
  const { responses, end } = await client.receive({ count: 3, methods: ["GET", "HEAD", "GET"] });
  assertEquals(responses.map(({ body }) => toText(body)), ["ok", "", "ok"]);
  assertEquals(end, "count");
  assertEquals((await client.receive()).responses.map(({ body }) => toText(body)), ["ok"]);
});

Deno.test("RawClient.receive() leaves later responses when a count is given", async () => {
  const { port, done } = serveOnce(async (connection) => {
    await connection.write(toBytes(`HTTP/1.1 100 Continue\r\n\r\n${ANSWER}${ANSWER}`));
    await readBytes(connection, 3);
    await connection.write(toBytes(ANSWER));
  });
  using client = await RawClient.connect(port);
  const first = await client.receive({ count: 1 });
  await client.send("end");
  const last = await client.receive();
  await done;
  assertEquals([first, last].map(({ responses }) => responses.map(({ status }) => status)), [[100, 200], [200, 200]]);
  assertEquals([first.end, last.end], ["count", "closed"]);
});

Deno.test("RawClient.receiveThrough() returns what came through the mark and leaves the rest", async () => {
  const { port, done } = serveOnce(async (connection) => {
    await connection.write(toBytes(`HTTP/1.1 100 Continue\r\n\r\n${ANSWER}`));
  });
  using client = await RawClient.connect(port);
  assertEquals(await client.receiveThrough("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals((await client.receive({ count: 1 })).responses.map(({ status }) => status), [200]);
  await assertRejects(() => client.receiveThrough("more"), Error, 'closed before "more"');
  await done;
});

Deno.test("RawClient.receive() rejects when the deadline passes", async () => {
  const { port, done } = serveOnce(async (connection) => {
    assertEquals(await connection.read(new Uint8Array(1)), null);
  });
  using client = await RawClient.connect(port);
  const error = await assertRejects(() => client.receive({ deadlineMs: 20 }), Error, "within 20 ms");
  assert(error.message.includes('so far ""'));
  await done;
});
