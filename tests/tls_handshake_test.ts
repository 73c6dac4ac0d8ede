/** Handshakes with the built binary: what clients of each kind get, and that bad ones harm nobody but themselves. */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { concatenate } from "./raw_http.ts";
import { countDescriptors } from "./descriptors.ts";

Deno.test("lisod answers over TLS 1.2 and 1.3 and refuses 1.1 when openssl connects", async () => {
  await using server = await HttpsServer.start();
  const table = [
    { args: ["-tls1_3"], cipher: /New, TLSv1\.3, Cipher is TLS_AES_256_GCM_SHA384/ },
    { args: ["-tls1_2"], cipher: /New, TLSv1\.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384/ },
    {
      args: ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
      cipher: /Cipher is ECDHE-ECDSA-CHACHA20-POLY1305/,
    },
    { args: ["-tls1_3", "-groups", "P-256"], cipher: /Server Temp Key: ECDH, prime256v1/ },
  ];
  for (const { args, cipher } of table) {
    const { code, text, stderr } = await server.sClient(...args);
    assertEquals(code, 0, stderr);
    assertMatch(text, cipher);
    assertMatch(text, /Verification: OK/);
    assertMatch(text, /\r\nHTTP\/1\.1 200 OK\r\n|\nHTTP\/1\.1 200 OK\r\n/);
  }
  for (const args of [["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA@SECLEVEL=0"]]) {
    const { code, text, stderr } = await server.sClient(...args);
    assertEquals(code, 1);
    assertMatch(stderr, /alert (?:protocol version|handshake failure)/);
    assertNotMatch(text, /HTTP\/1\.1/);
  }
});

Deno.test("lisod prefers h2 when clients offer protocols", async () => {
  await using server = await HttpsServer.start();
  for (const [offered, chosen] of [["http/1.1,h2", "h2"], ["h2", "h2"], ["http/1.1", "http/1.1"]]) {
    const { text } = await server.sClient("-alpn", offered);
    assertStringIncludes(text, `ALPN protocol: ${chosen}\n`);
  }
  const refused = await server.sClient("-alpn", "http/0.9");
  assertEquals(refused.code, 1);
  // RFC 7301 3.2
  assertMatch(refused.stderr, /alert no application protocol/);
});

Deno.test("lisod negotiates http/1.1 alone with --http2 off", async () => {
  await using server = await HttpsServer.start({ args: ["--http2", "off"] });
  const chosen = await server.sClient("-alpn", "h2,http/1.1");
  assertMatch(chosen.text, /ALPN protocol: http\/1\.1/);
  assertMatch(chosen.text, /HTTP\/1\.1 200 OK/);
  const none = await server.sClient();
  assertMatch(none.text, /No ALPN negotiated/);
  assertMatch(none.text, /HTTP\/1\.1 200 OK/);
  const refused = await server.sClient("-alpn", "h2");
  assertEquals(refused.code, 1);
  // RFC 7301 3.2
  assertMatch(refused.stderr, /alert no application protocol/);
});

Deno.test("lisod resumes sessions when a client comes back", async () => {
  await using server = await HttpsServer.start();
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const session = join(server.server.place.folder, `session${version}`);
    const first = await server.sClient(version, "-sess_out", session);
    assertMatch(first.text, /\nNew, /);
    const second = await server.sClient(version, "-sess_in", session);
    assertMatch(second.text, /\nReused, /, version);
    assertMatch(second.text, /HTTP\/1\.1 200 OK/);
  }
});

Deno.test("lisod is trusted by curl when curl has the root, and refused when it has not", async () => {
  await using server = await HttpsServer.start();
  for (const host of ["localhost", "127.0.0.1"]) {
    const { code, text, stderr } = await curl("--cacert", server.certificates.root, `https://${host}:${server.port}/`);
    assertEquals(code, 0, stderr);
    assertStringIncludes(text, "<title>Test</title>");
  }
  const { code, stderr } = await curl(`${server.url}/`);
  assertEquals(code, 60, stderr); // CURLE_PEER_FAILED_VERIFICATION
  const other = ["--resolve", `other.example:${server.port}:127.0.0.1`, `https://other.example:${server.port}/`];
  assertEquals((await curl("--cacert", server.certificates.root, ...other)).code, 60);
  await server.server.waitForLog((log) => /received fatal alert: UnknownCA/.test(log));
});

Deno.test("lisod sends close_notify when it closes", async () => {
  await using server = await HttpsServer.start();
  const { text } = await server.sClient("-msg");
  // RFC 8446 6.1: a closure alert (level 1, description 0) ends the server's side.
  assertMatch(text, /<<< TLS 1\.3, Alert \[length 0002\], warning close_notify\n {4}01 00\n/);
});

Deno.test("lisod answers in full and takes it for an ordinary end when a client ends without close_notify", async () => {
  const content = "0123456789".repeat(1_000_000);
  await using server = await HttpsServer.start({ files: { "large.txt": content } });
  await using relay = Relay.start(server.port);
  const caCerts = [await Deno.readTextFile(server.certificates.root)];
  const client = await Deno.connectTls({ hostname: "localhost", port: relay.port, caCerts });
  await client.write(text("GET /large.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const first = new Uint8Array(1);
  assertEquals(await client.read(first), 1); // the request has been read, and the answer is far from its end
  await relay.endInput();
  const { bytes } = await readToEnd(client);
  const answer = new TextDecoder().decode(first) + new TextDecoder().decode(bytes);
  assert(answer.startsWith("HTTP/1.1 200 OK\r\n") && answer.endsWith(`\r\n\r\n${content}`), answer.slice(0, 200));
  await server.server.stop();
  assertNotMatch(server.server.logText(), / ERROR |close_notify/);
});

/** Bytes that begin no handshake; what the server does about each is one line of the log. */
const BAD_CLIENTS: readonly { readonly name: string; readonly bytes: Uint8Array; readonly log: RegExp }[] = [
  { name: "plain HTTP", bytes: text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), log: /InvalidData: .*InvalidContentType/ },
  { name: "garbage", bytes: crypto.getRandomValues(new Uint8Array(4096)).fill(0xff, 0, 5), log: /InvalidData: / },
  { name: "half a hello", bytes: Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0), log: /UnexpectedEof: / },
  { name: "nothing", bytes: new Uint8Array(0), log: /UnexpectedEof: / },
  { name: "a huge record", bytes: Uint8Array.of(0x16, 3, 1, 0xff, 0xff, 1, 0), log: /InvalidData: / },
];

function text(characters: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(characters);
}

for (const { name, bytes, log } of BAD_CLIENTS) {
  Deno.test(`lisod writes one DEBUG line and closes when a client sends ${name}`, async () => {
    await using server = await HttpsServer.start();
    const before = server.server.logText();
    const client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const source = `127.0.0.1:${(client.localAddr as Deno.NetAddr).port}: `;
    await client.write(bytes);
    await client.closeWrite();
    const { bytes: answer } = await readToEnd(client);
    // At most an alert (RFC 8446 6: type 21) comes back, and then the end.
    if (answer.length > 0) assertEquals(answer[0], 21);
    await server.server.waitForLog((text) => text.includes(source));
    await server.server.stop();
    const lines = server.server.logText().slice(before.length).split("\n").filter((line) => line.includes(source));
    assertEquals(lines.length, 1, lines.join("\n"));
    assertMatch(lines[0], / DEBUG /);
    assertMatch(lines[0], log);
  });
}

Deno.test("lisod goes on when clients reset in the handshake", async () => {
  await using server = await HttpsServer.start();
  for (let count = 0; count < 20; count++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await client.write(Uint8Array.of(0x16, 3, 1));
    // Closing with unread bytes would reset; so does closing while the server writes.
    client.close();
  }
  const { code } = await curl("--cacert", server.certificates.root, `${server.url}/`);
  assertEquals(code, 0);
  assertNotMatch(server.server.logText(), / ERROR /);
});

Deno.test("lisod frees the descriptors of 1,000 silent clients when handshakeMs has passed", async () => {
  await using server = await HttpsServer.start({ args: ["--handshake-ms", "15s", "--max-per-address", "2000"] });
  const atStart = countDescriptors(server.server.pid);
  await curl("--cacert", server.certificates.root, `${server.url}/`);
  // The connection of curl may still be counted here, so it is no measure of what is to come.
  const before = countDescriptors(server.server.pid);
  const clients = await connectSilently(server.port, 1_000);
  await until(() => countDescriptors(server.server.pid) >= atStart + 1_000);
  // The server ends each connection, although no client does anything.
  await until(() => countDescriptors(server.server.pid) <= before);
  const ends = await Promise.all(clients.map(readToEnd));
  assertEquals(ends.filter(({ bytes }) => bytes.length > 0), []);
  assertEquals((await curl("--cacert", server.certificates.root, `${server.url}/`)).code, 0);
  await server.server.stop(); // the log is whole then
  assertEquals(server.server.logText().match(/ DEBUG .*: Closed: timed out: handshake\n/g)?.length, 1_000);
});

Deno.test("lisod completes handshakes while 500 clients are silent, and ends none of these for it", async () => {
  await using server = await HttpsServer.start({ args: ["--max-per-address", "1000", "--handshake-ms", "60m"] });
  const clients = await connectSilently(server.port, 500);
  await until(() => countDescriptors(server.server.pid) > 500);
  for (let count = 0; count < 40; count++) {
    using client = await server.connect();
    await client.handshake();
  }
  assert(countDescriptors(server.server.pid) > 500);
  for (const client of clients) client.close();
});

Deno.test("lisod stops at once when clients are silent in the handshake", async () => {
  await using server = await HttpsServer.start({ args: ["--handshake-ms", "60s"] });
  const clients = await connectSilently(server.port, 50);
  await until(() => countDescriptors(server.server.pid) > 50);
  const { code } = await server.server.stop();
  assertEquals(code, 0);
  assertNotMatch(server.server.logText(), /are cut/);
  for (const client of clients) client.close();
});

Deno.test("lisod ignores SSLKEYLOGFILE and warns when it is set", async () => {
  const folder = await Deno.makeTempDir();
  const keyLog = join(folder, "keys");
  {
    await using server = await HttpsServer.start({ env: { SSLKEYLOGFILE: keyLog } });
    assertEquals((await curl("--cacert", server.certificates.root, `${server.url}/`)).code, 0);
    assertMatch(server.server.logText(), / WARN https: SSLKEYLOGFILE is set and ignored/);
  }
  // The runtime makes the file before the program runs.
  assertEquals(await Deno.readTextFile(keyLog), "");
  await Deno.remove(folder, { recursive: true });
});

/** Passes bytes between one client and the server, so that a test can end one direction of TCP below TLS. */
class Relay implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections: Promise<readonly [client: Deno.TcpConn, server: Deno.TcpConn]>;
  readonly #done: Promise<unknown>;

  private constructor(listener: Deno.TcpListener, port: number) {
    this.#listener = listener;
    this.#connections = Promise.all([listener.accept(), Deno.connect({ hostname: "127.0.0.1", port })]);
    this.#done = this.#connections.then(([client, server]) =>
      Promise.allSettled([copy(client, server), copy(server, client)])
    );
  }

  static start(port: number): Relay {
    return new Relay(Deno.listen({ hostname: "127.0.0.1", port: 0 }), port);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Sends FIN to the server: TCP ends, and TLS has not said so. */
  async endInput(): Promise<void> {
    await (await this.#connections)[1].closeWrite();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of await this.#connections) connection.close();
    await this.#done;
  }
}

async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const part = new Uint8Array(65_536);
  for (let count = await from.read(part); count !== null; count = await from.read(part)) {
    for (let at = 0; at < count;) at += await to.write(part.subarray(at, count));
  }
  await to.closeWrite();
}

/** Connects over TCP and sends nothing. */
async function connectSilently(port: number, count: number): Promise<Deno.TcpConn[]> {
  return await Promise.all(Array.from({ length: count }, () => Deno.connect({ hostname: "127.0.0.1", port })));
}

async function readToEnd(client: Deno.Conn): Promise<{ readonly bytes: Uint8Array }> {
  const parts: Uint8Array[] = [];
  const part = new Uint8Array(65_536);
  try {
    for (let count = await client.read(part); count !== null; count = await client.read(part)) {
      parts.push(part.slice(0, count));
    }
  } catch (error) {
    // The server closes with our bytes unread: a reset is an end, too.
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  client.close();
  return { bytes: concatenate(parts) };
}

/** Looks again and again, for nothing tells when a descriptor of another process goes. */
async function until(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!isTrue()) {
    assert(performance.now() < endMs, "It did not happen within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
