/** Sites with certificates of their own over one port: which one a client gets, renewal, names that nobody has. End to end. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl, run, startServer, type TestServer, writeFiles } from "./harness.ts";
import { makeCertificates } from "./https.ts";

interface Scene extends AsyncDisposable {
  readonly server: TestServer;
  readonly folder: string;
}

/** Three sites on one port; each certificate is for its host alone. */
async function start(...args: readonly string[]): Promise<Scene> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-sni-" }));
  await writeFiles(folder, {
    "one/index.html": "one",
    "two/index.html": "two",
    "wild/index.html": "wild",
    "lisod.conf": `log-flush-ms = 1
[one.example]
root = one
key = one.d/server.key
certificate = one.d/server.crt
[two.example]
root = two
key = two.d/server.key
certificate = two.d/server.crt
[*.wild.example]
root = wild
key = wild.d/server.key
certificate = wild.d/server.crt
`,
  });
  for (const [name, host] of [["one", "one.example"], ["two", "two.example"], ["wild", "*.wild.example"]]) {
    await makeCertificates(join(folder, `${name}.d`), host);
  }
  const given = ["--config", join(folder, "lisod.conf"), "--http", "0", "--https", "0", "--listen", "127.0.0.1"];
  const server = await startServer({ commandLine: ({ log }) => [...given, "--foreground", "--log", log, ...args] });
  return {
    server,
    folder,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The names of the certificate that a client gets who asks for that host; null: for none. */
async function certificateFor({ server }: Scene, host: string | null): Promise<string> {
  const name = host === null ? ["-noservername"] : ["-servername", host];
  const client = `openssl s_client -connect 127.0.0.1:${
    server.port("https")
  } "$@" </dev/null | openssl x509 -noout -ext subjectAltName`;
  const { text } = await run("sh", ["-c", client, "sh", ...name]);
  return /DNS:(.*)/.exec(text)?.[1] ?? text;
}

const CHOICES: readonly (readonly [host: string | null, want: string])[] = [
  ["one.example", "one.example"],
  ["two.example", "two.example"],
  ["TWO.example", "two.example"],
  ["a.b.wild.example", "*.wild.example"],
  ["wild.example", "one.example"],
  ["other.example", "one.example"],
  [null, "one.example"],
];

for (const workers of [1, 2]) {
  Deno.test(`lisod gives a client the certificate of the host that it names, and renews each, workers: ${workers}`, async () => {
    await using scene = await start("--workers", `${workers}`);
    const { server, folder } = scene;
    for (const [host, want] of CHOICES) assertEquals([host, await certificateFor(scene, host)], [host, want]);
    const port = server.port("https");
    for (const [host, want] of [["one.example", "one"], ["two.example", "two"], ["x.wild.example", "wild"]]) {
      const roots = join(folder, `${want}.d/root.crt`);
      const { text, stderr } = await curl(
        "--resolve",
        `${host}:${port}:127.0.0.1`,
        "--cacert",
        roots,
        `https://${host}:${port}/`,
      );
      assertEquals([text, stderr], [want, ""]);
    }
    await makeCertificates(join(folder, "two.d"), "two.example", "new.example");
    // One that is no good stays as it was, and keeps no other from being renewed.
    await Deno.writeTextFile(join(folder, "wild.d/server.key"), "no key");
    Deno.kill(server.pid, "SIGHUP");
    await server.waitForLog((log) => log.split("Not read again, this alone stays as it was").length > workers);
    await server.waitForLog((log) => log.split("new certificate for two.example, new.example").length > workers);
    for (let count = 0; count < 4 * workers; count++) {
      assertEquals(await certificateFor(scene, "two.example"), "two.example, DNS:new.example");
      assertEquals(await certificateFor(scene, "a.wild.example"), "*.wild.example");
    }
    assertStringIncludes(server.logText(), "wild.d/server.key");
  });
}

/** Handshakes with so many invented names, and the memory of the server in KiB after each tenth. */
const NAMES = `import socket, ssl, sys
context = ssl._create_unverified_context()
port, count = int(sys.argv[1]), int(sys.argv[2])
for number in range(count):
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain, server_hostname="n%d.invented.example" % number) as client:
            client.sendall(b"GET / HTTP/1.1\\r\\nHost: one.example\\r\\nConnection: close\\r\\n\\r\\n")
            answer = b""
            while part := client.recv(4096):
                answer += part
            assert answer.endswith(b"one"), answer
`;

for (const workers of [1, 2]) {
  Deno.test(`lisod serves clients that invent names, and lets go of these, workers: ${workers}`, async () => {
    await using scene = await start("--workers", `${workers}`, "--log-level", "debug");
    const { server } = scene;
    const { code, stderr } = await run("python3", ["-c", NAMES, `${server.port("https")}`, `${1500 * workers}`]);
    assertEquals([code, stderr], [0, ""]);
    await server.waitForLog((log) => log.includes("https: listening anew"));
    for (const [host, want] of CHOICES) assertEquals([host, await certificateFor(scene, host)], [host, want]);
    assertMatch(server.logText(), /https: listening anew, for clients have sent 1000 names/);
  });
}
