/**
 * Programs that talk with WebSocket clients (`--websocket`), over sockets: what is said, refused, limited, logged and ended. What
 * does not change a server is played on one.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { childrenOf, memoryOf } from "./cgi/server.ts";
import { until } from "./cgi/running_scripts.ts";
import { isRunning } from "./daemon.ts";
import { steadyDescriptors } from "./descriptors.ts";
import { curl, run, runLisod, startServer, takenWay, type TestServer, writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { MAX_MESSAGE_BYTES, WEBSOCKET_CASES } from "./websocket_cases.ts";
import { type OpenOptions, WebSocketClient } from "./websocket_client.ts";
import { binary, closing, code, more, ping, text } from "./websocket_frames.ts";

/** Programs of the tests, by their names. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "environment": "#!/bin/sh\nenv | sort\n",
  "numbers": '#!/bin/sh\nwhile read -r line; do echo "got $line"; done\necho end-of-input >&2\n',
  "status": '#!/bin/sh\nread -r status\necho "complaint $status" >&2\nexit "$status"\n',
  "flood": "#!/bin/sh\nexec yes 0123456789012345678901234567890123456789\n",
  "group": "#!/bin/sh\nsleep 1000 & echo $!\ntrap '' TERM\nwait\n",
  "latin": "#!/bin/sh\nprintf 'fine\\n\\344\\n'\nexec sleep 1000\n",
  "deaf": "#!/bin/sh\nexec sleep 1000\n",
};

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function makePrograms(): Promise<Folder> {
  const path = await Deno.makeTempDir({ prefix: "lisod-websocket-" });
  await writeFiles(path, PROGRAMS);
  for (const name of Object.keys(PROGRAMS)) await Deno.chmod(join(path, name), 0o755);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** The programs below /ws/, and cat as /lines and /bytes. */
function argumentsFor({ path }: Folder): readonly string[] {
  const mounts = ["--websocket=/lines=/bin/cat", "--websocket=/bytes=binary /bin/cat", `--websocket=/ws=${path}`];
  return [...mounts, "--log-level=debug", "--script-kill-ms=300ms", "--linger-ms=200ms"];
}

function start(folder: Folder, ...args: readonly string[]): Promise<TestServer> {
  return startServer({ args: [...argumentsFor(folder), ...args] });
}

interface Stage {
  readonly server: TestServer;
  readonly folder: Folder;
  readonly rootCertificate: string;
}

/** What is played on one server, one after the other. */
const PLAYS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  "answers every case of RFC 6455 5 to 8 as the reader does": async ({ server }) => {
    for (const { name, bytes, events, error } of WEBSOCKET_CASES) {
      using client = await WebSocketClient.open(server.port(), "/bytes");
      await client.send(bytes);
      if (error !== null) {
        assertEquals((await client.rest()).at(-1), `close ${error}`, name);
        continue;
      }
      const want = events.flatMap(answerTo);
      const got: string[] = [];
      while (got.length < want.length) got.push(await client.next());
      // Pongs do not wait for the program.
      assertEquals(got.toSorted(), want.toSorted(), name);
      if (!want.at(-1)?.startsWith("close")) {
        await client.send(closing(code(1000)));
        assertEquals(await client.next(), "close 1000", name);
      }
      assertEquals(await client.next(), "end", name);
    }
  },

  "passes lines both ways, also early ones, newlines and fragments": async ({ server }) => {
    using client = await WebSocketClient.open(server.port(), "/lines", { early: text("early") });
    assertMatch(client.head, /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    assertEquals(await client.next(), 'text "early"');
    assertEquals(await client.say("gr\u00fcn"), 'text "gr\u00fcn"');
    assertEquals([await client.say("two\nlines"), await client.next()], ['text "two"', 'text "lines"']);
    await client.send(text("in ", { isLast: false }), ping("?"), more("parts"));
    assertEquals([await client.next(), await client.next()], ['pong "?"', 'text "in parts"']);
    const long = "x".repeat(MAX_MESSAGE_BYTES);
    assertEquals(await client.say(long), `text ${JSON.stringify(long)}`);
    await client.send(binary("x"));
    assertEquals(await client.rest(), ["close 1003"]);
  },

  "tells programs of the request as CGI does": async ({ server }) => {
    const fields = ["Cookie: a=b", "X-A: 1", "Proxy: evil"];
    using client = await WebSocketClient.open(server.port(), "/ws/environment/more%20path?x=1&y+z", { fields });
    const said = await client.rest();
    const lines = said.map((each) => each.startsWith("text ") ? String(JSON.parse(each.slice(5))) : each);
    assertEquals(lines.at(-1), "close 1000");
    for (
      const line of [
        ...["GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "PATH_INFO=/more path", "QUERY_STRING=x=1&y+z"],
        ...["SCRIPT_NAME=/ws/environment", "HTTP_COOKIE=a=b", "HTTP_X_A=1", "REMOTE_ADDR=127.0.0.1", "OWN=value"],
        ...["HTTP_SEC_WEBSOCKET_VERSION=13", "SERVER_PROTOCOL=HTTP/1.1", `SERVER_PORT=${server.port()}`],
      ]
    ) assert(lines.includes(line), `${line} in ${lines.join("\n")}`);
    assertEquals(lines.filter((line) => /^(?:HTTP_PROXY|CONTENT_LENGTH)=/.test(line)), []);
    // The command line is no client's.
    using words = await WebSocketClient.open(server.port(), "/ws/numbers?--help+x");
    assertEquals(await words.say("1"), 'text "got 1"');
  },

  "answers by a status what is no handshake, and pages of other sites": async ({ server: { url } }) => {
    const status = async (...more: readonly string[]) => {
      return (await curl("-o", "/dev/null", "-w", "%{http_code}", ...more)).text;
    };
    const upgrade = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"];
    const right = [...upgrade, "-H", "Sec-WebSocket-Version: 13"];
    const key = ["-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="];
    assertMatch(
      (await curl("-i", `${url}/lines`)).text,
      /^HTTP\/1\.1 426 [^]*\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n/,
    );
    const rows: readonly (readonly [status: string, path: string, ...args: readonly string[]])[] = [
      ["426", "/lines", ...upgrade, ...key, "-H", "Sec-WebSocket-Version: 8"],
      ["426", "/lines", ...right, ...key, "-X", "GET", "--data", "x"],
      ["426", "/lines", ...right, ...key, "--http1.0"],
      ["426", "/lines", "--http2-prior-knowledge"],
      ["400", "/lines", ...right],
      ["405", "/lines", "--data", "x"],
      ["404", "/ws/none", ...right, ...key],
      ["403", "/ws/", ...right, ...key],
      ["403", "/lines", ...right, ...key, "-H", "Origin: https://evil.example"],
      ["403", "/lines", ...right, ...key, "-H", "Origin: null"],
      // Elsewhere, and for other protocols, it is dropped.
      ["200", "/", ...right, ...key],
      ["200", "/", "-H", "Connection: Upgrade", "-H", "Upgrade: h2c"],
    ];
    for (const [want, path, ...args] of rows) assertEquals(await status(url + path, ...args), want, args.join(" "));
  },

  "lets pages of other sites in where any-origin says so": async ({ server }) => {
    using any = await WebSocketClient.open(server.port(), "/any", { fields: ["Origin: https://evil.example"] });
    assertEquals(await any.say("1"), 'text "got 1"');
    using own = await WebSocketClient.open(server.port(), "/lines", { fields: ["Origin: http://localhost"] });
    assertEquals(await own.say("1"), 'text "1"');
  },

  "talks over TLS": async ({ server, rootCertificate }) => {
    const open = async (origin: string): Promise<OpenOptions> => ({
      connection: await Deno.connectTls({
        ...{ hostname: "localhost", port: server.port("https") },
        caCerts: [rootCertificate],
      }),
      fields: [`Origin: ${origin}`],
    });
    using client = await WebSocketClient.open(0, "/lines", await open("https://localhost"));
    const long = "y".repeat(MAX_MESSAGE_BYTES);
    assertEquals([await client.say("1"), await client.say(long)], ['text "1"', `text ${JSON.stringify(long)}`]);
    await client.send(closing(code(1000)));
    assertEquals(await client.rest(), ["close 1000"]);
    // A page that came without TLS may be anybody's.
    using weak = await WebSocketClient.ask(0, "/lines", await open("http://localhost"));
    assertMatch(weak.head, /^HTTP\/1\.1 403 /);
  },

  "closes with 1000, or 1011 for a program that fails, and logs what it complains of": async ({ server }) => {
    for (const [status, want] of [["0", "close 1000"], ["3", "close 1011"]]) {
      using client = await WebSocketClient.open(server.port(), "/ws/status");
      await client.send(text(status));
      assertEquals(await client.rest(), [want]);
    }
    await until(() => childrenOf(server.pid).length === 0, "no program is left");
    using killed = await WebSocketClient.open(server.port(), "/ws/numbers");
    assertEquals(await killed.say("1"), 'text "got 1"');
    const [pid] = childrenOf(server.pid);
    Deno.kill(pid, "SIGKILL");
    assertEquals(await killed.rest(), ["close 1011"]);
    using latin = await WebSocketClient.open(server.port(), "/ws/latin");
    assertEquals((await latin.rest()).at(-1), "close 1011");
    for (
      const line of [
        ...[/WARN status\[\d+\]: complaint 3$/m, /WARN status\[\d+\]: Ended with exit status 3$/m],
        ...[/"GET \/ws\/status HTTP\/1\.1" 101 4 /, /WARN latin\[\d+\]: Its output: printed what is not UTF-8$/m],
        new RegExp(`WARN numbers\\[${pid}\\]: Ended with signal SIGKILL$`, "m"),
      ]
    ) await server.waitForLog((log) => line.test(log));
  },

  "lets a program finish that has heard a close, and ends the group of one whose client is gone": async (
    { server },
  ) => {
    using client = await WebSocketClient.open(server.port(), "/ws/numbers");
    assertEquals(await client.say("1"), 'text "got 1"');
    await client.send(text("2"), closing(code(1000)));
    assertEquals((await client.rest()).at(-1), "close 1000");
    await server.waitForLog((log) => /numbers\[\d+\]: end-of-input$/m.test(log));
    for (const isClosed of [true, false]) {
      using group = await WebSocketClient.open(server.port(), "/ws/group");
      const child = Number(JSON.parse((await group.next()).slice("text ".length)));
      if (isClosed) {
        await group.send(closing(code(1000)));
        assertEquals(await group.rest(), ["close 1000"]);
      }
      group[Symbol.dispose]();
      // The program is deaf to SIGTERM, its child is not.
      await until(() => !isRunning(child), "the child is ended");
      await until(() => childrenOf(server.pid).length === 0, "the program is ended");
    }
  },

  "talks with Python's websockets": async ({ server }) => {
    const url = server.url.replace("http", "ws");
    const { text: printed, stderr } = await run("/usr/bin/python3", ["-c", PYTHON_CLIENT, url]);
    assertEquals([printed, stderr], ["well\n", ""]);
  },
};

/** What a program that says everything again makes the server say to an event. */
function answerTo(event: string): readonly string[] {
  if (event.startsWith("pong")) return [];
  if (event.startsWith("ping")) return [event.replace("ping", "pong")];
  if (!event.startsWith("text ")) return [event];
  return [`binary ${new TextEncoder().encode(JSON.parse(event.slice("text ".length))).length}`];
}

const PYTHON_CLIENT = `
import asyncio, sys, websockets
async def main(url):
    async with websockets.connect(url + "/lines", origin=url.replace("ws", "http")) as client:
        await client.send("text")
        assert await client.recv() == "text"
        await client.send(["a", "b", "c"])
        assert await client.recv() == "abc"
        await (await client.ping("x"))
    assert client.close_code == 1000, client.close_code
    async with websockets.connect(url + "/bytes", max_size=None, compression="deflate") as client:
        assert client.extensions == [], client.extensions
        for length in (0, 1, 125, 126, 65535, 65536, ${MAX_MESSAGE_BYTES}):
            await client.send(bytes(length))
            assert await client.recv() == bytes(length)
    clients = [await websockets.connect(url + "/lines") for _ in range(8)]
    for number, client in enumerate(clients):
        await client.send(str(number))
    assert [await client.recv() for client in clients] == [str(number) for number in range(8)]
    await asyncio.gather(*(client.close() for client in clients))
    async with websockets.connect(url + "/bytes") as client:
        await client.send(bytes(2000000))
        try:
            await client.recv()
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code == 1009, closed
asyncio.run(main(sys.argv[1]))
print("well")
`;

Deno.test("--websocket talks with clients by programs", async (test) => {
  await using folder = await makePrograms();
  const any = `--websocket=/any=any-origin ${folder.path}/numbers`;
  const own = [any, "--cgi-env=OWN=value", `--max-message-bytes=${MAX_MESSAGE_BYTES}`, "--websocket-close-ms=1s"];
  await using https = await HttpsServer.start({
    args: [...argumentsFor(folder).filter((each) => !/level/.test(each)), ...own],
  });
  const { server, certificates } = https;
  const rootCertificate = await Deno.readTextFile(certificates.root);
  await curl(server.url);
  for (const [name, play] of Object.entries(PLAYS)) {
    await test.step(name, () => play({ server, folder, rootCertificate }));
  }
  await until(() => childrenOf(server.pid).length === 0, "no program is left");
  const descriptors = await steadyDescriptors(server.pid);
  for (let count = 0; count < 20; count++) {
    using client = await WebSocketClient.open(server.port(), "/lines");
    assertEquals(await client.say("1"), 'text "1"');
    if (count % 2 === 0) await client.send(closing());
  }
  await until(() => childrenOf(server.pid).length === 0, "no program is left");
  assertEquals(await steadyDescriptors(server.pid), descriptors);
  assertEquals(server.logText().match(/^.* ERROR .*$/m), null);
});

Deno.test("--websocket stands in sections, below who may have what, and --check and --explain tell of it", async () => {
  await using folder = await makePrograms();
  const config = join(folder.path, "lisod.conf");
  await Deno.writeTextFile(
    config,
    `[a.example www.a.example]\nroot = .\n[a.example /talk/]\nwebsocket = binary any-origin /bin/cat\n` +
      `[/lines/]\nwebsocket = /bin/cat\ndeny = 0.0.0.0/0\n[/count/]\nwebsocket = numbers\n`,
  );
  await using server = await startServer({ args: ["--config", config] });
  using denied = await WebSocketClient.ask(server.port(), "/lines");
  assertMatch(denied.head, /^HTTP\/1\.1 403 /);
  using talk = await WebSocketClient.open(server.port(), "/talk/", { fields: ["Origin: http://b.example"] });
  await talk.send(text("abc"));
  assertEquals(await talk.next(), "binary 3");
  // The names of a site are all its own.
  using named = await WebSocketClient.open(server.port(), "/count", { fields: ["Origin: http://www.a.example"] });
  assertEquals(await named.say("1"), 'text "got 1"');
  const check = await runLisod("--config", config, "--check", "--verbose");
  assertMatch(check.text, /a\.example www\.a\.example +\/count\/ +websocket \S+\/numbers/);
  const explained = await runLisod("--config", config, "--explain", "ws://a.example/count/x");
  assertMatch(explained.text, /^source +websocket \S+\/numbers$/m);
  assertMatch(explained.text, /^answered +program \S+\/numbers$/m);
});

Deno.test("--websocket leaves half of --cgi-max to others, and asks silent clients whether they are there", async () => {
  await using folder = await makePrograms();
  const args = ["--cgi-max=4", "--script-share-percent=100", `--script-alias=/cgi=${folder.path}`];
  await using server = await start(folder, ...args, "--websocket-ping-ms=500ms");
  using first = await WebSocketClient.open(server.port(), "/lines");
  using second = await WebSocketClient.open(server.port(), "/lines");
  using third = await WebSocketClient.ask(server.port(), "/lines");
  assertMatch(third.head, /^HTTP\/1\.1 503 [^]*Retry-After: 1\r\n/);
  // It runs, and prints no head.
  assertEquals((await curl("-o", "/dev/null", "-w", "%{http_code}", `${server.url}/cgi/environment`)).text, "500");
  await server.waitForLog((log) => /WARN cgi: 2 requests for scripts are WebSocket connections: 503/.test(log));
  await second.send(closing());
  assertEquals((await second.rest()).at(-1), "close");
  // Who says nothing to it is cut.
  assertEquals([await first.next(), await first.rest()], ['ping ""', ["end"]]);
  await server.waitForLog((log) => /DEBUG 127\.0\.0\.1:\d+: Closed: no answer to a ping$/m.test(log));
  await until(() => childrenOf(server.pid).length === 0, "both programs are ended");
  using again = await WebSocketClient.open(server.port(), "/lines");
  assertEquals(await again.say("1"), 'text "1"');
});

Deno.test("--websocket holds little for who is slow, client or program, and ends it", async () => {
  await using folder = await makePrograms();
  await using server = await start(folder, "--write-idle-ms=1500ms", "--script-body-ms=500ms");
  const before = memoryOf(server.pid, "VmRSS");
  using deaf = await WebSocketClient.open(server.port(), "/ws/deaf");
  await deaf.send(text("x".repeat(100_000)));
  assertEquals(await deaf.rest(), ["close 1011"]);
  const line = /WARN deaf\[\d+\]: Has read nothing of its input for 500 ms: it is ended$/m;
  await server.waitForLog((log) => line.test(log));
  await until(() => childrenOf(server.pid).length === 0, "the deaf one is ended");
  using _client = await WebSocketClient.open(server.port(), "/ws/flood");
  // Seen from outside: it waits for room in its pipe.
  await until(() => childrenOf(server.pid).some((pid) => /pipe_w/.test(waitOf(pid))), "the program waits");
  const grown = memoryOf(server.pid, "VmHWM") - before;
  assert(grown < 30_000_000, `${grown} bytes`);
  // With --native off what its client does not take stays open until that goes.
  if (takenWay() === "native") await until(() => childrenOf(server.pid).length === 0, "the program is ended");
});

/** Where in the kernel the process waits; "" where it does not. */
function waitOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/wchan`);
  } catch {
    return "";
  }
}

Deno.test("--websocket says goodbye when the server stops, lets programs end, and waits for nobody who says nothing", async () => {
  await using folder = await makePrograms();
  await using server = await start(folder, "--websocket-close-ms=1s");
  using polite = await WebSocketClient.open(server.port(), "/ws/numbers");
  assertEquals(await polite.say("1"), 'text "got 1"');
  using rude = await WebSocketClient.open(server.port(), "/ws/deaf");
  const stopping = server.stop();
  assertEquals(await polite.next(), "close 1001");
  await polite.send(text("2"), closing(code(1001)));
  assertEquals(await polite.next(), "end");
  assertEquals([await rude.next(), await rude.next()], ["close 1001", "end"]);
  assertEquals((await stopping).success, true);
  const log = server.logText();
  assertMatch(log, /numbers\[\d+\]: end-of-input$/m);
  assertMatch(log, /"GET \/ws\/numbers HTTP\/1\.1" 101 /);
  assertMatch(log, /"GET \/ws\/deaf HTTP\/1\.1" 101 4 /);
  assertEquals(log.match(/^.* (?:ERROR|WARN) (?!main: |numbers).*$/m), null);
});
