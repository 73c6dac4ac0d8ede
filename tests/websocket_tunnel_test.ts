/** WebSocket that is handed on to HTTP upstreams (`--forward PREFIX=http://...`): Python's websockets, and one whose every byte the test decides. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { memoryOf } from "./cgi/server.ts";
import { until } from "./cgi/running_scripts.ts";
import { steadyDescriptors } from "./descriptors.ts";
import { curl, startServer, takenWay, type TestServer } from "./harness.ts";
import { PrintedText } from "./printed_text.ts";
import { WebSocketClient } from "./websocket_client.ts";
import { binary, closing, code, joinBytes, ping, text } from "./websocket_frames.ts";
import { closeFrame, frameOf, OPCODE } from "../lib/websocket/frames.ts";

const SWITCH = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];
const SWITCHED = [...SWITCH, "", ""].join("\r\n");

const encode = (words: string) => new TextEncoder().encode(words);

/** One connection to an upstream of the test's own. */
class UpstreamEnd {
  readonly #connection: Deno.Conn;
  /** All that has come. */
  received = "";

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Reads until `mark` has come; false when the end comes before. */
  async until(mark: string): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    while (!this.received.includes(mark)) {
      const count = await this.#connection.read(buffer).catch(() => null);
      if (count === null) return false;
      this.received += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
    return true;
  }

  /** Reads until the end. */
  async untilEnd(): Promise<void> {
    await this.until("\0never\0");
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    const rest = typeof bytes === "string" ? encode(bytes) : bytes;
    for (let at = 0; at < rest.length;) at += await this.#connection.write(rest.subarray(at));
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed before.
    }
  }
}

/** Accepts one connection after the other, which the test plays. */
class RawUpstream implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ends: UpstreamEnd[] = [];

  get port(): number {
    return this.#listener.addr.port;
  }

  /** The next connection, once its request has come. */
  async accept(): Promise<UpstreamEnd> {
    const end = new UpstreamEnd(await this.#listener.accept());
    this.#ends.push(end);
    await end.until("\r\n\r\n");
    return end;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const end of this.#ends) end.close();
    return Promise.resolve();
  }
}

function startBefore({ port }: { readonly port: number }, ...args: readonly string[]): Promise<TestServer> {
  return startServer({ args: [`--forward=/app=http://127.0.0.1:${port}/base/`, "--log-level=debug", ...args] });
}

/** Both ends of a connection that was switched. */
async function openBoth(
  { upstream, server, early }: {
    readonly upstream: RawUpstream;
    readonly server: TestServer;
    readonly early?: Uint8Array;
  },
): Promise<{ readonly client: WebSocketClient; readonly end: UpstreamEnd }> {
  const accepting = upstream.accept();
  const opening = WebSocketClient.open(server.port(), "/app/x", { early });
  const end = await accepting;
  await end.write(SWITCHED);
  return { client: await opening, end };
}

Deno.test("a tunnel passes on the handshake, what came before 101 only after it, and frames both ways", async () => {
  await using upstream = new RawUpstream();
  await using server = await startBefore(upstream);
  const accepting = upstream.accept();
  const fields = ["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate", "Cookie: a=b"];
  const early = text("early");
  const opening = WebSocketClient.open(server.port(), "/app/a%20b?x=1", { fields, early });
  const end = await accepting;
  const [line, ...lines] = end.received.split("\r\n");
  assertEquals(line, "GET /base/a%20b?x=1 HTTP/1.1");
  for (
    const want of [
      ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", ...fields],
      ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X-Forwarded-For: 127.0.0.1", "Via: 1.1 lisod"],
    ]
  ) assertEquals(lines.filter((each) => each === want).length, 1, `${want} in ${end.received}`);
  // Nothing of what stands behind the head has come, and nothing else will.
  assert(end.received.endsWith("\r\n\r\n"), end.received);
  const own = ["Sec-WebSocket-Protocol: chat", "Set-Cookie: c=d", "Date: never", "Server: other", "X-Hop: 1"];
  const switched = [...SWITCH, ...own, "Connection: X-Hop", "Content-Length: 5", "", ""].join("\r\n");
  await end.write(joinBytes(encode(switched), frameOf(OPCODE.text, encode("hello"))));
  using client = await opening;
  assertMatch(
    client.head,
    /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: [^]*\r\nSec-WebSocket-Protocol: chat\r\nSet-Cookie: c=d\r\n\r\n$/,
  );
  assertEquals(/date|server:|x-hop|length/i.test(client.head), false, client.head);
  assertEquals(await client.next(), 'text "hello"');
  assertEquals(await end.until(new TextDecoder("latin1").decode(early)), true);
  await client.send(ping("x"));
  assertEquals(await end.until(new TextDecoder("latin1").decode(ping("x"))), true);
  await end.write(frameOf(OPCODE.pong, encode("x")));
  assertEquals(await client.next(), 'pong "x"');
  // The upstream ends it.
  await end.write(closeFrame(1000));
  end.close();
  assertEquals(await client.rest(), ["close 1000"]);
  await server.waitForLog((log) => /"GET \/app\/a%20b\?x=1 HTTP\/1\.1" 101 14 /.test(log));
  assertEquals(/ (?:ERROR|WARN) (?!main: )/.test(server.logText()), false, server.logText());
});

Deno.test("a tunnel is asked for by right requests alone, and opened by 101 to websocket alone", async () => {
  await using upstream = new RawUpstream();
  await using server = await startBefore(upstream);
  const status = ["-o", "/dev/null", "-w", "%{http_code}"];
  const upgrade = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"];
  const rows: readonly (readonly string[])[] = [
    ["-H", "Upgrade: websocket"],
    ["-H", "Connection: Upgrade", "-H", "Upgrade: h2c"],
    [...upgrade, "-X", "POST"],
    [...upgrade, "--data", "x"],
    [...upgrade, "--http1.0"],
    ["-H", "Upgrade: websocket", "--http2-prior-knowledge"],
  ];
  for (const args of rows) {
    const asking = curl(...status, ...args, `${server.url}/app/`);
    const end = await upstream.accept();
    assertEquals(/upgrade/i.test(end.received), false, end.received);
    // To which 101 is no answer.
    await end.write(SWITCHED);
    assertEquals((await asking).text, "502", args.join(" "));
  }
  const answers: readonly (readonly [answer: string, status: string])[] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200"],
    ["HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n", "426"],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "502"],
    ["HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "502"],
    ["HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n", "502"],
    [SWITCHED.replace("HTTP/1.1", "HTTP/1.0"), "502"],
    [SWITCHED.replace("Upgrade: websocket", "Upgrade: websocket\nX: y"), "502"],
  ];
  // What stands behind the head is the next request of a connection that was not switched, and no frame.
  const hidden = encode("GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (const [answer, want] of answers) {
    const asking = WebSocketClient.ask(server.port(), "/app/", { early: hidden });
    const end = await upstream.accept();
    await end.write(answer);
    using client = await asking;
    assertEquals(client.head.slice(9, 12), want, answer);
    end.close();
    assertEquals(end.received.includes("hidden"), false, end.received);
    await server.waitForLog((log) => (log.match(/"GET \/hidden HTTP\/1\.1" 404 /g) ?? []).length > 0);
  }
  assertMatch((await curl(`${server.url}/index.html`)).text, /Test/);
});

Deno.test("a tunnel ends both ends when one of them goes, and leaves nothing behind", async () => {
  await using upstream = new RawUpstream();
  await using server = await startBefore(upstream);
  const play = async (goes: "client" | "upstream" | "reset") => {
    const { client, end } = await openBoth({ upstream, server });
    await client.send(text("last words"));
    if (goes === "upstream") {
      await end.write(frameOf(OPCODE.text, encode("bye")));
      end.close();
      assertEquals(await client.rest(), ['text "bye"', "end"]);
    } else {
      client[Symbol.dispose]();
      assertEquals(await end.until(new TextDecoder("latin1").decode(text("last words"))), true);
      await end.untilEnd();
    }
    client[Symbol.dispose]();
    end.close();
  };
  await play("client");
  const descriptors = await steadyDescriptors(server.pid);
  for (let count = 0; count < 5; count++) for (const goes of ["client", "upstream"] as const) await play(goes);
  assertEquals(await steadyDescriptors(server.pid), descriptors);
  assertEquals(/ (?:ERROR|WARN) (?!main: )/.test(server.logText()), false, server.logText());
});

Deno.test("a tunnel holds little for a slow end, whichever that is, and is cut when it is silent for too long", async () => {
  await using upstream = new RawUpstream();
  await using server = await startBefore(upstream, "--websocket-idle-ms=1s", "--write-idle-ms=1s");
  const before = memoryOf(server.pid, "VmRSS");
  const [down, up] = [frameOf(OPCODE.binary, new Uint8Array(1_000_000)), binary(new Uint8Array(1_000_000))];
  const flood = async (frame: Uint8Array, write: (bytes: Uint8Array) => Promise<void>) => {
    // More than all sockets on the way hold.
    for (let count = 0; count < 40; count++) await write(frame);
  };
  const slow = await openBoth({ upstream, server });
  const floodDown = flood(down, (bytes) => slow.end.write(bytes)).then(() => "all", () => "cut");
  const other = await openBoth({ upstream, server });
  const floodUp = flood(up, (bytes) => other.client.send(bytes)).then(() => "all", () => "cut");
  // With --native off what a client does not take stays open until it goes.
  if (takenWay() === "native") assertEquals(await floodDown, "cut");
  await server.waitForLog((log) => /Closed: timed out: upgraded$/m.test(log));
  other.end.close();
  await floodUp;
  slow.client[Symbol.dispose]();
  await floodDown;
  const grown = memoryOf(server.pid, "VmHWM") - before;
  assert(grown < 40_000_000, `${grown} bytes`);
  other.client[Symbol.dispose]();
});

Deno.test("a tunnel says goodbye between two frames when the server stops, and lets both ends finish", async () => {
  await using upstream = new RawUpstream();
  await using server = await startBefore(upstream, "--websocket-close-ms=2s");
  using quiet = (await openBoth({ upstream, server })).client;
  const half = await openBoth({ upstream, server });
  using client = half.client;
  const message = frameOf(OPCODE.text, encode("in two parts"));
  await half.end.write(joinBytes(frameOf(OPCODE.text, encode("first")), message.subarray(0, 5)));
  assertEquals(await client.next(), 'text "first"');
  const closed = await openBoth({ upstream, server });
  await closed.end.write(closeFrame(1000));
  assertEquals(await closed.client.next(), "close 1000");
  const stopping = server.stop();
  assertEquals(await quiet.next(), "close 1001");
  // The rest of a frame comes first, and what follows does not come.
  await half.end.write(joinBytes(message.subarray(5), frameOf(OPCODE.text, encode("too late"))));
  assertEquals([await client.next(), await client.next()], ['text "in two parts"', "close 1001"]);
  await client.send(text("meanwhile"), closing(code(1001)));
  assertEquals(await half.end.until(new TextDecoder("latin1").decode(closing(code(1001)))), true);
  assertEquals(half.end.received.includes(new TextDecoder("latin1").decode(text("meanwhile"))), true);
  await half.end.write(closeFrame(1001));
  half.end.close();
  assertEquals(await client.next(), "end");
  // Nothing is said after a close of the upstream's own; who says nothing is cut.
  assertEquals([await closed.client.next(), await quiet.next()], ["end", "end"]);
  assertEquals((await stopping).success, true);
  closed.client[Symbol.dispose]();
});

const PYTHON_SERVER = `
import asyncio, websockets
async def echo(connection, path):
    if path == "/base/headers":
        await connection.send(connection.request_headers["X-Forwarded-Host"] + " " + connection.request_headers["Cookie"])
    try:
        async for message in connection:
            await connection.send(message)
    except websockets.ConnectionClosedError:
        pass
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, subprotocols=["chat"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
`;

const PYTHON_CLIENT = `
import asyncio, os, sys, websockets
async def main(url):
    async with websockets.connect(url, subprotocols=["chat"], max_size=None) as client:
        assert client.subprotocol == "chat"
        assert [each.name for each in client.extensions] == ["permessage-deflate"], client.extensions
        for length in (0, 1, 125, 126, 65535, 65536, 500000):
            data = os.urandom(length)
            await client.send(data)
            assert await client.recv() == data
        await client.send(["a", "b", "c"])
        assert await client.recv() == "abc"
        await (await client.ping("x"))
    assert client.close_code == 1000, client.close_code
    async with websockets.connect(url + "headers", extra_headers={"Cookie": "a=b"}) as client:
        assert await client.recv() == url.split("/")[2] + " a=b"
    clients = [await websockets.connect(url) for _ in range(50)]
    await asyncio.gather(*(client.send(str(number)) for number, client in enumerate(clients)))
    assert [await client.recv() for client in clients] == [str(number) for number in range(50)]
    await asyncio.gather(*(client.close(4000 + number) for number, client in enumerate(clients)))
    assert [client.close_code for client in clients] == [4000 + number for number in range(50)]
asyncio.run(main(sys.argv[1]))
print("well")
`;

Deno.test("a tunnel leads Python's websockets to Python's websockets, with compression, and through two servers", async () => {
  const process = new Deno.Command("/usr/bin/python3", {
    args: ["-c", PYTHON_SERVER],
    ...{ stdin: "null", stdout: "piped", stderr: "inherit" },
  }).spawn();
  const lines = new PrintedText(process.stdout);
  const port = Number(await lines.line());
  {
    await using inner = await startBefore({ port });
    await using outer = await startServer({
      args: [
        `--forward=/out=http://127.0.0.1:${inner.port()}/app/`,
      ],
    });
    for (const url of [`${inner.url}/app/`, `${outer.url}/out/`]) {
      const client = new Deno.Command("/usr/bin/python3", { args: ["-c", PYTHON_CLIENT, url.replace("http", "ws")] });
      const { stdout, stderr } = await client.output();
      const [printed, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assertEquals([printed, complaint], ["well\n", ""]);
    }
    await until(() => inner.logText().includes(" 101 "), "access lines");
    assertMatch(inner.logText(), /"GET \/app\/headers HTTP\/1\.1" 101 \d+ /);
  }
  process.kill("SIGTERM");
  await process.status;
  await lines.cancel();
});
