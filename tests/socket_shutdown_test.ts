/**
 * lib/net/socket_shutdown.ts against real sockets. It needs FFI, /proc and (for a certificate) openssl, so it stands
 * with the end-to-end tests. The first two tests show what the runtime does by itself: when one of them fails, the
 * runtime has learnt to close such sockets and the file can go.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { countDescriptors, steadyDescriptors } from "./descriptors.ts";
import { NO_LIBC, openLibc } from "../lib/system/libc.ts";
import { type SocketEnds, SocketShutdown } from "../lib/net/socket_shutdown.ts";

const libc = openLibc();
const shutdown = new SocketShutdown(libc);

const LOOPBACK = { name: "IPv4", listen: "127.0.0.1", connect: "127.0.0.1" };
const HOSTS = [
  LOOPBACK,
  { name: "IPv6", listen: "::1", connect: "::1" },
  { name: "IPv4 on an IPv6 socket", listen: "::", connect: "127.0.0.1" },
];

Deno.test("close() alone leaves the descriptor when a write is blocked", async () => {
  await withPair({ ...LOOPBACK, tls: false }, async (server, client) => {
    const before = await steadyDescriptors();
    const { writing } = await fillUntilBlocked(server);
    server.close();
    await settle();
    assertEquals(countDescriptors(), before);
    client.close();
    await assertRejects(() => soon(writing), Deno.errors.BrokenPipe);
  });
});

Deno.test("close() alone leaves the descriptor when a TLS handshake has not ended", async () => {
  await withPair({ ...LOOPBACK, tls: true }, async (server, client) => {
    const before = await steadyDescriptors();
    const handshake = (server as Deno.TlsConn).handshake();
    server.close();
    await assertRejects(() => soon(handshake), Deno.errors.Interrupted);
    await settle();
    assertEquals(countDescriptors(), before);
    client.close();
  });
});

for (const host of HOSTS) {
  Deno.test(`shutdownSocket() ends a blocked write when the client reads nothing, ${host.name}`, async () => {
    await withPair({ ...host, tls: false }, async (server, client) => {
      const before = await steadyDescriptors();
      const { writing } = await fillUntilBlocked(server);
      assert(shutdown.shutdownSocket(endsOf(server)));
      await assertRejects(() => soon(writing), Deno.errors.BrokenPipe);
      server.close();
      await untilDescriptors(before - 1);
      client.close();
    });
  });

  Deno.test(`shutdownSocket() ends a TLS handshake when the client is silent, ${host.name}`, async () => {
    await withPair({ ...host, tls: true }, async (server, client) => {
      const before = await steadyDescriptors();
      const handshake = (server as Deno.TlsConn).handshake();
      assert(shutdown.shutdownSocket(endsOf(server)));
      await assertRejects(() => soon(handshake), Deno.errors.UnexpectedEof);
      server.close();
      await untilDescriptors(before - 1);
      client.close();
    });
  });
}

Deno.test("shutdownSocket() ends a blocked write over TLS when the client reads nothing", async () => {
  const credentials = await makeCredentials();
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...credentials });
  const [client, server] = await Promise.all([
    Deno.connectTls({ hostname: "127.0.0.1", port: listener.addr.port, caCerts: [credentials.cert] }),
    listener.accept(),
  ]);
  await Promise.all([client.handshake(), server.handshake()]);
  const before = await steadyDescriptors();
  const { writing } = await fillUntilBlocked(server);
  assert(shutdown.shutdownSocket(endsOf(server)));
  await assertRejects(() => soon(writing), Deno.errors.BrokenPipe);
  server.close();
  await untilDescriptors(before - 1);
  client.close();
  listener.close();
});

Deno.test("shutdownSockets() ends the listed sockets alone when others share their local end", async () => {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...await makeCredentials() });
  const clients: Deno.Conn[] = [];
  const servers: Deno.TlsConn[] = [];
  for (let count = 0; count < 20; count++) {
    const connecting = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    servers.push(await listener.accept());
    clients.push(await connecting);
  }
  const before = await steadyDescriptors();
  const outcomes = Promise.all(servers.map((server, index) =>
    server.handshake().then(() => "done", (error) => {
      server.close();
      return `${index % 2}: ${error.name}`;
    })
  ));
  const listed = servers.filter((_, index) => index % 2 === 0);
  assertEquals(shutdown.shutdownSockets(listed.map(endsOf)), listed.map(() => true));
  await untilDescriptors(before - listed.length);
  for (const [index, client] of clients.entries()) {
    // The other half is still open: its server answers bytes that are no ClientHello with an alert (21).
    if (index % 2 === 1) assertEquals(await answerToGarbage(client), 21);
    client.close();
  }
  assertEquals(new Set(await soon(outcomes)), new Set(["0: UnexpectedEof", "1: InvalidData"]));
  listener.close();
});

Deno.test("shutdownSocket() returns false when this process has no such socket", async () => {
  await withPair({ ...LOOPBACK, tls: false }, async (server, client) => {
    const ends = endsOf(server);
    assertEquals(shutdown.shutdownSocket({ ...ends, localPort: ends.localPort ^ 1 }), false);
    assertEquals(shutdown.shutdownSocket({ ...ends, remotePort: ends.remotePort ^ 1 }), false);
    assertEquals(shutdown.shutdownSocket({ ...ends, localAddress: "127.0.0.2" }), false);
    assertEquals(shutdown.shutdownSocket({ ...ends, remoteAddress: "127.0.0.2" }), false);
    assertEquals(shutdown.shutdownSocket({ ...ends, remoteAddress: "::1", localAddress: "::1" }), false);
    await server.write(new Uint8Array([7]));
    assertEquals(await client.read(new Uint8Array(1)), 1);
    server.close();
    client.close();
  });
});

Deno.test("openLibc() finds the C library of this machine", () => {
  assert(libc !== NO_LIBC);
});

Deno.test("shutdownSocket() gives false where the C library is not to be called", async () => {
  await withPair({ ...LOOPBACK, tls: false }, (server, client) => {
    assertEquals(new SocketShutdown(NO_LIBC).shutdownSocket(endsOf(server)), false);
    server.close();
    client.close();
    return Promise.resolve();
  });
});

interface PairOptions {
  readonly listen: string;
  readonly connect: string;
  readonly tls: boolean;
}

type Credentials = { readonly key: string; readonly cert: string };

/** Runs `body` with an accepted connection and its client, which sends and reads nothing; `body` closes both. All descriptors are gone at the end. */
async function withPair(
  options: PairOptions,
  body: (server: Deno.Conn, client: Deno.Conn) => Promise<void>,
): Promise<void> {
  const address = { hostname: options.listen, port: 0, ...await makeCredentials() };
  const before = await steadyDescriptors();
  const listener: Deno.Listener = options.tls ? Deno.listenTls(address) : Deno.listen(address);
  const { port } = listener.addr as Deno.NetAddr;
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: options.connect, port }),
    listener.accept(),
  ]);
  await body(server, client);
  listener.close();
  await untilDescriptors(before);
}

/** As `ConnectionInfo` has them. */
function endsOf(connection: Deno.Conn): SocketEnds {
  const remote = connection.remoteAddr as Deno.NetAddr;
  const local = connection.localAddr as Deno.NetAddr;
  return {
    remoteAddress: remote.hostname.replace(/^::ffff:/, ""),
    remotePort: remote.port,
    localAddress: local.hostname.replace(/^::ffff:/, ""),
    localPort: local.port,
  };
}

/** Writes until the buffers of both ends are full; `writing` is the writing that cannot go on. */
async function fillUntilBlocked(connection: Deno.Conn): Promise<{ writing: Promise<never> }> {
  let written = 0;
  const writing = (async (): Promise<never> => {
    const chunk = new Uint8Array(65_536);
    while (true) written += await connection.write(chunk);
  })();
  for (let seen = -1; seen !== written;) {
    seen = written;
    await settle();
  }
  return { writing };
}

/** The first byte that a TLS server answers to bytes that are no TLS record. */
async function answerToGarbage(client: Deno.Conn): Promise<number> {
  const answer = new Uint8Array(1);
  await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await client.read(answer);
  return answer[0];
}

/** Long enough for the event loop to end what it can end. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 40));
}

async function untilDescriptors(count: number): Promise<void> {
  for (let round = 0; round < 50 && countDescriptors() !== count; round++) await settle();
  assertEquals(countDescriptors(), count);
}

/** Rejects with TimedOut where the promise has not settled in two seconds, so that a failing test ends. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Deno.errors.TimedOut()), 2_000);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

let credentials: Promise<Credentials> | null = null;

/** A key and a self-signed certificate for 127.0.0.1, made once. */
function makeCredentials(): Promise<Credentials> {
  return credentials ??= (async () => {
    const folder = await Deno.makeTempDir();
    const [keyFile, certificateFile] = [`${folder}/key.pem`, `${folder}/certificate.pem`];
    const { success, stderr } = await new Deno.Command("openssl", {
      args: ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        .concat(["-keyout", keyFile, "-out", certificateFile, "-subj", "/CN=127.0.0.1"])
        .concat(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]),
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const made = { key: await Deno.readTextFile(keyFile), cert: await Deno.readTextFile(certificateFile) };
    await Deno.remove(folder, { recursive: true });
    return made;
  })();
}
